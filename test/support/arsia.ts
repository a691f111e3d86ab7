import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll } from '@jest/globals';
import type { Clock } from '../../src/core/clock.ts';
import { openEmbedded } from '../../src/database/embedded.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { systemClock } from '../../src/server/clock.ts';
import { type Arsia, compose } from '../../src/server/compose/compose.ts';
import { parseConfig } from '../../src/server/config/config.ts';
import { createLog } from '../../src/server/log.ts';
import { type DatabaseKind, embeddedTemplate, freshPostgresDatabase } from './databases.ts';
import { testRoles, urlFor } from './roles.ts';
import { stockedSigningKey } from './signingkeys.ts';

export type Settings = Record<string, string>;

const ends: (() => Promise<unknown>)[] = [];

/** Runs a function at the end of the test file, in reverse order of the calls. */
export function atEnd(end: () => Promise<unknown>): void {
  ends.push(end);
}

afterAll(async () => {
  for (const end of ends.splice(0).reverse()) await end();
}, 60_000);

/** A migrated database, a sealing key and a folder of one installation, shared by its replicas. */
export interface Home {
  kind: DatabaseKind;
  folder: string;
  settings: Settings;
  /** The issuer of its first server: no other may start on it. */
  issuer?: string;
  /** PostgreSQL only: the URLs of the application's role, the owner and the superuser. */
  urls?: { application: string; owner: string; admin: string };
}

export async function makeHome(kind: DatabaseKind): Promise<Home> {
  const folder = await mkdtemp(join(tmpdir(), 'arsia-home-'));
  atEnd(() => rm(folder, { recursive: true, force: true }));
  const key = join(folder, 'sealing.key');
  await writeFile(key, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
  if (kind === 'embedded') {
    const data = join(folder, 'data');
    await (await openEmbedded({ folder: data, template: await openAsBlob(await embeddedTemplate()) })).end();
    return { kind, folder, settings: { ARSIA_DATA: data, ARSIA_SEALING_KEY_FILE: key } };
  }
  const { adminUrl: admin, ownerUrl: owner, drop } = await freshPostgresDatabase(true);
  atEnd(drop);
  const application = urlFor(admin, new URL(admin).pathname.slice(1), testRoles.application);
  return {
    kind,
    folder,
    settings: { DATABASE_URL: application, ARSIA_MIGRATION_DATABASE_URL: owner, ARSIA_SEALING_KEY_FILE: key },
    urls: { application, owner, admin },
  };
}

/** A clock that runs with the clock of the machine and can be advanced. */
export interface TestClock extends Clock {
  /** Milliseconds. */
  advance(milliseconds: number): void;
  /**
   * Stops the clock, so that only `advance` moves it and a slow machine changes nothing. Returns a function that starts it
   * again.
   */
  hold(): () => void;
}

export function createTestClock(): TestClock {
  let offset = 0;
  let held: number | undefined;
  return {
    now: () => (held ?? systemClock.now()) + offset,
    random: systemClock.random,
    advance(milliseconds) {
      offset += milliseconds;
    },
    hold() {
      held = systemClock.now();
      return () => {
        held = undefined;
      };
    },
  };
}

export interface RunningArsia {
  arsia: Arsia;
  issuer: string;
  /** The origin that it listens on: that of the issuer, unless `issuer` is set. */
  origin: string;
  home: Home;
  clock: TestClock;
  settings: Settings;
  /** Returns the log at level debug. */
  logged(): string;
  stop(): Promise<void>;
}

export interface StartOptions {
  /** Default: a new one on PostgreSQL. */
  home?: Home;
  /** Default: that of the home, or else the origin that it listens on and `path` below it. */
  issuer?: string;
  path?: string;
  settings?: Settings;
  clock?: TestClock;
  /** Milliseconds. Default: the clock of the machine. */
  monotonic?: () => number;
  sandbox?: Sandbox;
  /** Configures sign-in at a provider that does not exist, for what needs the settings and no sign-in. */
  signIn?: true;
}

/** An Arsia in this process, by compose(), on a free loopback port. It ends with the test file. */
export async function startArsia(options: StartOptions = {}): Promise<RunningArsia> {
  const { clock = createTestClock() } = options;
  const home = options.home ?? (await makeHome('postgres'));
  const { settings, origin, issuer } = await settingsOf(home, options);
  const lines: string[] = [];
  const log = createLog({ level: 'debug', destination: { write: (line) => void lines.push(line) } });
  const arsia = await compose(parseConfig(settings), {
    clock,
    log,
    makeKey: stockedSigningKey,
    ...(options.monotonic && { monotonic: options.monotonic }),
  });
  await arsia.start();
  const stop = () => arsia.stop();
  atEnd(stop);
  return { arsia, issuer, origin, home, clock, settings, logged: () => lines.join(''), stop };
}

/** The environment of a server: the home, a free port, the endpoints of the sandbox. */
export async function settingsOf(
  home: Home,
  options: Pick<StartOptions, 'issuer' | 'path' | 'settings' | 'sandbox' | 'signIn'> = {},
): Promise<{ settings: Settings; origin: string; issuer: string }> {
  // A server that starts again listens where the issuer is; a second replica listens elsewhere.
  const port = await freePort(home.issuer === undefined ? 0 : Number(new URL(home.issuer).port));
  const origin = `http://127.0.0.1:${port}`;
  const issuer = options.issuer ?? home.issuer ?? `${origin}${options.path ?? ''}`;
  home.issuer ??= issuer;
  const settings = {
    ...home.settings,
    ARSIA_ISSUER: issuer,
    ARSIA_LISTEN: `127.0.0.1:${port}`,
    // Tests send requests faster than people; tests of the rate limits set their own.
    ARSIA_RATE_LIMIT: '100000',
    ...(options.sandbox && (await cloudSettings(options.sandbox, home.folder))),
    ...(options.signIn && (await signInSettings(home.folder))),
    ...options.settings,
  };
  return { settings, origin, issuer };
}

/** The issuer of `signIn`. */
export const loginIssuer = 'https://login.example.com';

async function signInSettings(folder: string): Promise<Settings> {
  const file = join(folder, 'sign-in.secret');
  await writeFile(file, 'the secret of Arsia at its identity provider\n');
  return {
    ARSIA_SIGN_IN_ISSUER: loginIssuer,
    ARSIA_SIGN_IN_CLIENT_ID: 'arsia',
    ARSIA_SIGN_IN_CLIENT_SECRET_FILE: file,
  };
}

async function cloudSettings(sandbox: Sandbox, folder: string): Promise<Settings> {
  const ca = join(folder, 'ca.pem');
  await writeFile(ca, sandbox.ca);
  return {
    ARSIA_AWS_STS_ENDPOINTS: sandbox.aws.endpoint,
    ARSIA_AZURE_AUTHORITY_HOSTS: sandbox.azure.authority_host,
    ARSIA_GOOGLE_STS_ENDPOINT: sandbox.google.sts_endpoint,
    ARSIA_GOOGLE_IAM_ENDPOINT: sandbox.google.iam_endpoint,
    ARSIA_EXTRA_CA_FILE: ca,
  };
}

/**
 * Starts `node bin/arsia.js` with these settings and no other variable but PATH and the folder where Node caches the
 * compiled sources, which saves a third of the time of each start.
 */
export interface Spawned {
  child: ChildProcess;
  stdout(): string;
  stderr(): string;
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Resolves when `/readyz` of this origin responds 200. */
  ready(origin: string): Promise<void>;
}

/** The folder where Node caches the compiled sources for spawned processes. */
export const compiled = join(tmpdir(), 'arsia-test-compiled');

export function spawnArsia(
  args: string[],
  options: { settings?: Settings; cwd?: string; stdout?: number } = {},
): Spawned {
  const child = spawn(process.execPath, [join(process.cwd(), 'bin', 'arsia.js'), ...args], {
    cwd: options.cwd ?? process.cwd(),
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: compiled, ...options.settings },
    stdio: ['ignore', options.stdout ?? 'pipe', 'pipe'],
  });
  const [stdout, stderr] = [child.stdout, child.stderr].map(collect) as [() => string, () => string];
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  atEnd(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  return {
    child,
    stdout,
    stderr,
    exited,
    async ready(origin) {
      for (let tries = 0; tries < 1200; tries++) {
        if (child.exitCode !== null || child.signalCode !== null) break;
        const answer = await fetch(`${origin}/readyz`).catch(() => undefined);
        await answer?.text();
        if (answer?.status === 200) return;
        await sleep(50);
      }
      throw new Error(`arsia ${args.join(' ')} is not ready:\n${stdout()}\n${stderr()}`);
    },
  };
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  let text = '';
  stream?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return () => text;
}

/** Returns the wanted port if it is free, or else another one. */
export async function freePort(wanted = 0): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => {
    probe.once('error', () => probe.listen(0, '127.0.0.1'));
    probe.listen(wanted, '127.0.0.1', resolve);
  });
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
