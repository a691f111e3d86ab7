import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { ArsiaError } from './core/errors.ts';
import { nearestName } from './core/nearestname.ts';
import { toError } from './core/thrown.ts';
import type { Terminal } from './server/commands/terminal.ts';

/** The `arsia` binary: picks a command and loads that one alone. The only file with the environment, signals and the exit code. */

const requiredNode = 24;

/** The commands that `arsia --help` lists. */
const descriptions = {
  serve: 'run the server: the same as `arsia server serve`',
  server: "commands to run on the server's machine, which open its database",
  demo: 'show the whole job on embedded parts: Arsia, three sandbox clouds, a job that gets credentials from each',
};

/** Commands that earlier releases had without `server`. They still work (docs/decisions/0031). */
const formerNames = ['bootstrap', 'migrate', 'keys', 'audit', 'admin', 'audiences'];

const suggestions = ['serve', 'server', 'demo', ...[...formerNames, 'check', 'issuer'].map((name) => `server ${name}`)];

async function main(): Promise<void> {
  // Files that this process writes are readable by its own user only: the embedded database, keys, the tokens of the demo (threats.md N73).
  process.umask(0o077);
  if (Number(process.versions.node.split('.')[0]) < requiredNode)
    throw new Error(`arsia needs Node ${requiredNode} and this is ${process.version}: start it by bin/arsia.js.`);
  const words = protectKeyIds(process.argv.slice(2));
  const asked = words[0] === 'help' ? words[1] : words[0];
  const program = new Command('arsia')
    .version(packageVersion(), '-V, --version', 'print the version')
    .description('OIDC issuer and security token service: short-lived, named cloud credentials for workloads.')
    .helpOption('-h, --help', 'print the help of a command')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', rootHelp)
    .showHelpAfterError('Run `arsia --help` or `arsia server --help` for the commands.');
  for (const [name, description] of Object.entries(descriptions))
    program.addCommand(name === asked ? await loadCommand(name) : new Command(name).description(description));
  if (asked !== undefined && formerNames.includes(asked))
    program.addCommand(await loadCommand(asked), { hidden: true });
  program.on('command:*', ([name = '']: string[]) => program.error(unknownCommand(name)));
  await program.parseAsync(words, { from: 'user' });
}

async function loadCommand(name: string): Promise<Command> {
  if (name === 'demo') return demoCommand();
  const { formerCommand, serverCommand } = await import('./server/commands/server.ts');
  return name === 'server' ? serverCommand(terminal) : formerCommand(name, terminal);
}

function demoCommand(): Command {
  return new Command('demo')
    .description(descriptions.demo)
    .option('--exit', 'end after the transcript, with 0 only if everything held')
    .action(async ({ exit = false }: { exit?: boolean }) => {
      const [{ demo }, { systemClock }] = await Promise.all([import('./demo/demo.ts'), import('./server/clock.ts')]);
      const running = await demo({ clock: systemClock, write });
      if (!exit && running.held) await untilSignal();
      await running.stop();
      process.exitCode = running.held ? 0 : 1;
    });
}

/** A key id (RFC 7638, base64url) may begin with `-`. Without this, one key in 64 would be parsed as an option. */
function protectKeyIds(words: string[]): string[] {
  const position = words.findIndex((word, index) => /^-[\w-]{42}$/.test(word) && words[index - 1] === 'revoke');
  return position === -1 ? words : words.toSpliced(position, 0, '--');
}

const rootHelp = `
Examples:
  arsia demo
  arsia server bootstrap --organization acme
  arsia serve

\`arsia server --help\` lists the commands that open the database, and every setting.
`;

function unknownCommand(name: string): string {
  // A command of \`arsia server\` that was typed without \`server\` is as near as one letter.
  const { name: nearest, distance } = nearestName(
    name,
    suggestions.map((one) => one.replace(/^server /, '')),
  );
  const suggestion = suggestions.find((one) => one === nearest || one === `server ${nearest}`);
  return `error: unknown command '${name}'${distance > 2 ? '' : `\n(Did you mean \`arsia ${suggestion}\`?)`}`;
}

function packageVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

function write(text: string): void {
  process.stdout.write(text);
}

const terminal: Terminal = {
  env: process.env,
  write,
  async open(opening) {
    const { openArsia } = await import('./server/commands/opening.ts');
    return await openArsia(process.env, opening, terminal.tell);
  },
  async send(parts) {
    const [{ Readable }, { pipeline }] = await Promise.all([import('node:stream'), import('node:stream/promises')]);
    await pipeline(Readable.from(parts), process.stdout, { end: false });
  },
  tell: (text) => void process.stderr.write(text),
  untilSignal,
  exitAfter: (milliseconds) => void setTimeout(() => process.exit(), milliseconds).unref(),
};

function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(signal));
  });
}

main().catch((thrown: unknown) => {
  const error = toError(thrown);
  const advice = error instanceof ArsiaError ? ` ${error.advice}` : '';
  // The message of bad settings has a title of its own. The class is not imported: it loads every provider.
  process.stderr.write(`${error.name === 'ConfigError' ? '' : 'arsia: '}${error.message}${advice}\n`);
  process.exitCode = 1;
  // A listener that never came up or a pool must not keep a failed start alive.
  setTimeout(() => process.exit(), 500).unref();
});
