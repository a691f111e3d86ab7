import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { ArsiaError } from '../../core/errors.ts';
import type { Arsia } from '../compose/compose.ts';
import { examples, invalidOption, type Terminal, withArsia } from './terminal.ts';

type AuditReport = Awaited<ReturnType<Arsia['trail']['verify']>>;

/** `arsia server audit`: verifies and exports the audit of all organisations. */
export function auditCommand(terminal: Terminal): Command {
  return new Command('audit')
    .description('verify the audit, print its newest checkpoint, export it')
    .addCommand(verify(terminal))
    .addCommand(checkpoint(terminal))
    .addCommand(exportEvents(terminal));
}

function verify(terminal: Terminal): Command {
  return new Command('verify')
    .description('list every event that was altered, removed, added or moved; exits with 1 if there is one')
    .option(
      '--checkpoint <file>',
      'an earlier output of `arsia server audit checkpoint`: also finds events removed from the end since then',
    )
    .addHelpText(
      'after',
      '\nWith PostgreSQL the servers may run. With the embedded database the server must be stopped.\nKeep checkpoints where people who can write to the database cannot change them.\n',
    )
    .action(({ checkpoint: file }: { checkpoint?: string }) =>
      withArsia(terminal, async ({ trail }) => {
        const kept = file === undefined ? undefined : readCheckpoint(file);
        const report = await trail.verify(kept);
        terminal.write(summaryOf(report));
        for (const { kind, detail } of report.faults) terminal.write(`${kind.padEnd(12)}${detail}\n`);
        const unlisted = report.fault_count - report.faults.length;
        if (unlisted > 0) terminal.write(`and ${unlisted} more\n`);
        if (report.fault_count > 0) throw new Error(`The audit is not whole: ${counted(report.fault_count, 'fault')}.`);
      }),
    );
}

function checkpoint(terminal: Terminal): Command {
  return new Command('checkpoint')
    .description('print the newest signed checkpoint as JSON; keep it apart from the database')
    .addHelpText(
      'after',
      examples(
        'arsia server audit checkpoint > checkpoint.json',
        'arsia server audit verify --checkpoint checkpoint.json',
      ),
    )
    .action(() =>
      withArsia(terminal, async ({ trail }) => {
        const newest = await trail.makeCheckpoint();
        if (newest === undefined) throw new ArsiaError('not_found', 'There are no audit events yet.', { advice: '' });
        terminal.write(`${JSON.stringify(newest, null, 2)}\n`);
      }),
    );
}

/** Options that filter the export, with the column of each. */
const filters = {
  organization: 'organization_id',
  actor: 'actor_id',
  user: 'user_id',
  workspace: 'workspace_id',
  identity: 'identity_id',
  job: 'job_id',
  jti: 'jti',
  action: 'action',
  outcome: 'outcome',
} as const;

type FilterOption = keyof typeof filters;
type ExportOptions = Partial<Record<FilterOption, string>> & { since?: number; until?: number; afterPosition?: number };

function exportEvents(terminal: Terminal): Command {
  const command = new Command('export').description(
    'print all events as NDJSON, in the order in which they were recorded',
  );
  for (const name of Object.keys(filters) as FilterOption[])
    command.option(`--${name} <${/_id$/.test(filters[name]) ? 'id' : name}>`, `only events of this ${name}`);
  return command
    .option(
      '--after-position <position>',
      'continue after this position: that of the last line you have',
      parsePosition,
    )
    .option('--since <time>', 'events at or after this time (RFC 3339)', timeParser('--since'))
    .option('--until <time>', 'events before this time (RFC 3339)', timeParser('--until'))
    .addHelpText(
      'after',
      examples(
        'arsia server audit export > audit.ndjson',
        'arsia server audit export --after-position 15099 >> audit.ndjson',
      ),
    )
    .action(({ since, until, afterPosition, ...options }: ExportOptions) =>
      withArsia(terminal, ({ trail }) => {
        const columns = Object.entries(options).map(([name, value]) => [filters[name as FilterOption], value]);
        const times = { ...(since !== undefined && { since }), ...(until !== undefined && { until }) };
        return terminal.send(trail.exportLines({ ...Object.fromEntries(columns), ...times }, afterPosition));
      }),
    );
}

function summaryOf({ checkpoints, newest, covered, uncovered, before_chain }: AuditReport): string {
  const last = newest === undefined ? '' : `, the newest ${newest.number} of ${newest.at}`;
  const first = uncovered.since === null ? '' : `, the first of ${new Date(uncovered.since).toISOString()}`;
  const lines = [
    `checkpoints ${checkpoints}${last}`,
    `covered     ${counted(covered, 'event')}`,
    `uncovered   ${counted(uncovered.count, 'event')}${first}`,
    before_chain > 0 && `unknown     ${counted(before_chain, 'event')} of releases that had no checkpoints`,
  ];
  return lines.flatMap((line) => (line === false ? [] : [`${line}\n`])).join('');
}

/** Returns the JWS from an output of `arsia server audit checkpoint`, or from a file that holds it alone. */
function readCheckpoint(file: string): string {
  const text = readFileSync(file, 'utf8').trim();
  if (/^[\w-]+\.[\w-]+\.[\w-]+$/.test(text)) return text;
  try {
    const { signed } = JSON.parse(text) as { signed?: unknown };
    if (typeof signed === 'string') return signed;
  } catch {
    // Not JSON.
  }
  throw new ArsiaError('invalid_request', `${file} holds no checkpoint.`, {
    advice: 'Give a file that `arsia server audit checkpoint` writes.',
  });
}

function parsePosition(text: string): number {
  if (!/^(?:0|[1-9]\d{0,14})$/.test(text))
    throw invalidOption('--after-position must be the `position` of an event, or 0.');
  return Number(text);
}

function timeParser(option: string): (text: string) => number {
  return (text) => {
    const time = /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
    if (Number.isNaN(time)) throw invalidOption(`${option} must be an RFC 3339 time, such as 2026-01-31T12:00:00Z.`);
    return time;
  };
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
