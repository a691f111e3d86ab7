import { Command } from 'commander';
import { describeGroups } from '../config/config.ts';
import { adminCommand } from './admin.ts';
import { audiencesCommand } from './audiences.ts';
import { auditCommand } from './audit.ts';
import { bootstrapCommand } from './bootstrap.ts';
import { checkCommand } from './check.ts';
import { issuerCommand } from './issuer.ts';
import { keysCommand } from './keys.ts';
import { migrateCommand } from './migrate.ts';
import { serveCommand } from './serve.ts';
import { examples, type Terminal, textLines } from './terminal.ts';

/** The commands of `arsia server` by the heading of the help that lists them. */
const commandsByGroup: Record<string, ((terminal: Terminal) => Command)[]> = {
  'Run:': [serveCommand, migrateCommand, checkCommand, issuerCommand],
  'Organisations and people:': [bootstrapCommand, adminCommand, audiencesCommand],
  'Keys and audit:': [keysCommand, auditCommand],
};

/** `arsia server`: the commands that open the database. */
export function serverCommand(terminal: Terminal): Command {
  const server = new Command('server')
    .description("Commands to run on the server's machine: they open its database.")
    .helpCommand(false);
  for (const [heading, commands] of Object.entries(commandsByGroup))
    for (const make of commands) server.addCommand(make(terminal).helpGroup(heading));
  server.addHelpText(
    'after',
    `${examples(...serverExamples)}\nWith the embedded database stop the server first: only one process can open it.\n`,
  );
  server.addHelpText('after', () => settingsHelp(server));
  return withErrorHint(server);
}

const serverExamples = [
  'arsia server check',
  'TOKEN=$(arsia server bootstrap --organization acme)',
  'arsia server serve',
  'arsia server admin link',
];

/**
 * A command by the name that it had before `arsia server`: it works, and prints the new name on stderr. `serve` keeps its
 * short name (docs/decisions/0031).
 */
export function formerCommand(name: string, terminal: Terminal): Command {
  const command = Object.values(commandsByGroup)
    .flat()
    .map((make) => make(terminal))
    .find((one) => one.name() === name);
  if (command === undefined) throw new TypeError(`there is no command ${name}`);
  if (name !== 'serve')
    command.hook('preAction', () =>
      terminal.tell(
        textLines(
          `\`arsia ${name}\` is now \`arsia server ${name}\`: a later release will use the old name for a client command.`,
        ),
      ),
    );
  return withErrorHint(command);
}

function withErrorHint(command: Command): Command {
  command.showHelpAfterError('Add --help for the commands and options.');
  for (const child of command.commands) withErrorHint(child);
  return command;
}

function settingsHelp(server: Command): string {
  const help = server.createHelp();
  help.prepareContext({ helpWidth: 120 });
  const groups = describeGroups();
  const width = Math.max(...groups.flatMap(({ rows }) => rows.map(({ name }) => name.length)));
  const lines = groups.flatMap(({ title, rows }) => [
    `\n${title}:`,
    ...rows.map(({ name, meaning, default: value }) =>
      help.formatItem(name, width, `${meaning}${value === '' ? '' : ` (default ${value})`}`, help),
    ),
  ]);
  return textLines('\nSettings, from the environment:', ...lines);
}
