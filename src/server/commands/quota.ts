import { Command } from 'commander';
import { examples, invalidOption, type Terminal, withArsia } from './terminal.ts';

/** `arsia server admin quota`: sets the named quotas of an organisation, then lists all. */
export function quotaCommand(terminal: Terminal): Command {
  return new Command('quota')
    .description('list the quotas of an organisation; raise or lower them with --set')
    .requiredOption('--organization <organization>', 'its name or id')
    .option(
      '--set <quota=value...>',
      'a new value, or `default`; a value below the usage deletes nothing, and refuses additions',
      (text: string, all: [string, number | null][]) => [...all, assignment(text)],
      [],
    )
    .addHelpText(
      'after',
      examples(
        'arsia server admin quota --organization acme',
        'arsia server admin quota --organization acme --set workspaces=100000 --set groups=default',
      ),
    )
    .action(({ organization, set }: { organization: string; set: [string, number | null][] }) =>
      withArsia(terminal, async ({ quotas }) => {
        if (set.length > 0) await quotas.change(organization, Object.fromEntries(set));
        const rows = (await quotas.list(organization)).map(({ name, per, value, used, ...row }) => [
          name,
          String(value),
          used === null ? `for each ${per.replace('_', ' ')}` : `${used} used`,
          value === row.default ? 'default' : `default ${row.default}`,
        ]);
        terminal.write(tableOf([['quota', 'value', 'use', ''], ...rows]));
      }),
    );
}

function assignment(text: string): [string, number | null] {
  const [, name, value] = /^([^=]+)=(\d{1,15}|default)$/.exec(text) ?? [];
  if (name !== undefined && value !== undefined) return [name, value === 'default' ? null : Number(value)];
  throw invalidOption(
    '--set must be a quota and its value.',
    'Write it as `--set workspaces=100000`, or `--set workspaces=default`.',
  );
}

function tableOf(rows: string[][]): string {
  const widths = rows[0]!.map((_cell, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
