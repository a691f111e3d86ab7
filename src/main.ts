import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Command } from 'commander';
import { ArsiaError } from './core/errors.ts';
import { toError } from './core/thrown.ts';
import { systemClock } from './server/clock.ts';
import { adminCommands, type Terminal } from './server/commands/admin.ts';
import { audiencesCommand } from './server/commands/audiences.ts';
import { auditCommand } from './server/commands/audit.ts';
import { operatorCommand } from './server/commands/operator.ts';
import type { Arsia } from './server/compose/compose.ts';
import { ConfigError, describeSettings } from './server/config/config.ts';
import { loadConfig } from './server/config/files.ts';
import { createLog } from './server/log.ts';
import { lowerPoolPriority } from './server/poolpriority.ts';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

/** The `arsia` binary: picks a command. The only place with the environment, signals and the exit code. */
const required = 24;

async function main(): Promise<void> {
  // Whatever this process writes is for its own user alone: the embedded database, keys, the demo's tokens (threats.md N73).
  process.umask(0o077);
  if (Number(process.versions.node.split('.')[0]) < required)
    throw new Error(`arsia needs Node ${required} and this is ${process.version}: start it by bin/arsia.js.`);
  const program = new Command('arsia')
    .version(version)
    .description('OIDC issuer and security token service: short-lived, named cloud credentials for workloads.')
    .addHelpText('after', settingsHelp)
    .showHelpAfterError();
  program.command('serve').description('the server, from the environment').action(serve);
  program
    .command('demo')
    .description('the whole job on embedded parts: Arsia, three sandbox clouds, a job that gets credentials from each')
    .option('--exit', 'end after the transcript, with 0 only if everything held')
    .action(async ({ exit = false }: { exit?: boolean }) => {
      const { demo } = await import('./demo/demo.ts');
      const running = await demo({ clock: systemClock, write });
      if (!exit && running.held) await untilSignal();
      await running.stop();
      process.exitCode = running.held ? 0 : 1;
    });
  for (const command of [
    ...adminCommands(terminal),
    operatorCommand(terminal),
    audiencesCommand(terminal),
    auditCommand(terminal),
  ])
    program.addCommand(command);
  await program.parseAsync(withKeysNamed(process.argv));
}

/** A key's id (RFC 7638, base64url) may begin with `-`: taken for an option, one key in 64 could not be revoked by its name. */
function withKeysNamed(words: string[]): string[] {
  const at = words.findIndex((word, index) => /^-[\w-]{42}$/.test(word) && words[index - 1] === 'revoke');
  return at === -1 ? words : words.toSpliced(at, 0, '--');
}

/** The parts are imported once the settings are known to be good: loading the SDKs of three clouds takes a second. */
async function serve(): Promise<void> {
  const config = await loadConfig(process.env);
  const log = createLog({ level: config.logLevel });
  const [{ compose }, { loadSdks }] = await Promise.all([
    import('./server/compose/compose.ts'),
    import('./providers/registry.ts'),
  ]);
  const arsia = await compose(config, { clock: systemClock, log });
  await Promise.all([lowerPoolPriority(), loadSdks()]);
  await arsia.start();
  const { address, port } = arsia.address();
  log.info({ issuer: config.issuer, address, port, node: process.version }, 'listening');
  const signal = await Promise.race([untilSignal(), arsia.failure]);
  log.info({ signal }, 'stopping');
  await arsia.stop();
  // Lines that nobody reads must not keep a server alive that has ended.
  setTimeout(() => process.exit(), 1000).unref();
}

function write(text: string): void {
  process.stdout.write(text);
}

const terminal: Terminal = {
  open: openArsia,
  write,
  send: (parts) => pipeline(Readable.from(parts), process.stdout, { end: false }),
  tell: (text) => void process.stderr.write(text),
};

/** For commands: the same parts without a listener, told only of what goes wrong. */
async function openArsia(): Promise<Arsia> {
  const config = await loadConfig(process.env);
  const { compose } = await import('./server/compose/compose.ts');
  const arsia = await compose(config, { clock: systemClock, log: createLog({ level: 'silent' }) });
  await arsia.open();
  return arsia;
}

function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(signal));
  });
}

function settingsHelp(): string {
  const rows = describeSettings();
  const width = Math.max(...rows.map((row) => row.name.length));
  return `\nSettings, from the environment:\n${rows
    .map((row) => `  ${row.name.padEnd(width)}  ${row.meaning}${row.default ? ` (default ${row.default})` : ''}`)
    .join('\n')}\n`;
}

main().catch((thrown: unknown) => {
  const error = toError(thrown);
  const advice = error instanceof ArsiaError ? ` ${error.advice}` : '';
  process.stderr.write(`${error instanceof ConfigError ? '' : 'arsia: '}${error.message}${advice}\n`);
  process.exitCode = 1;
  // What still runs (a listener that never came up, a pool) must not keep a failed start alive.
  setTimeout(() => process.exit(), 500).unref();
});
