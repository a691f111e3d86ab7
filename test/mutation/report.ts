import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { equivalents } from './equivalents.ts';

/**
 * Reads the JSON reports of Stryker (the arguments, or that of the last run), prints a table, and exits with 1
 * if a mutant survived in a file of `strict`. A run over at least those files also writes docs/mutation.md.
 */
const core = 'src/core';
/** Files that decide on access and on what is signed: an untested line here is a security risk. */
const strict = ['permissions', 'inheritance', 'accessrules', 'subject', 'claims'].map((name) => `${core}/${name}.ts`);

interface Place {
  line: number;
  column: number;
}

interface Mutant {
  status: string;
  replacement: string;
  location: { start: Place; end: Place };
}

interface Reported {
  files: Record<string, { source: string; mutants: Mutant[] }>;
}

interface Row {
  file: string;
  mutants: number;
  killed: number;
  survived: { line: number; code: string; replacement: string }[];
  equivalent: { code: string; replacement: string; reason: string }[];
}

const named = process.argv.slice(2);
const reports = (named.length > 0 ? named : ['.stryker/report.json']).map(
  (path) => JSON.parse(readFileSync(path, 'utf8')) as Reported,
);
const rows = reports
  .flatMap(({ files }) => Object.entries(files))
  .map(([file, { source, mutants }]) => rowOf(file, source, mutants))
  .filter((row) => row.mutants > 0)
  .sort(
    (left, right) => Number(strict.includes(right.file)) - Number(strict.includes(left.file)) || compare(left, right),
  );

function compare(left: Row, right: Row): number {
  return left.file < right.file ? -1 : 1;
}

function rowOf(file: string, source: string, mutants: Mutant[]): Row {
  const row: Row = { file, mutants: mutants.length, killed: 0, survived: [], equivalent: [] };
  for (const { status, replacement, location } of mutants) {
    const code = codeAt(source, location);
    const known = equivalents.find((one) => one.file === file && one.code === code && one.replacement === replacement);
    // A mutant that never ends counts as found, like one that fails.
    if (status === 'Killed' || status === 'Timeout') row.killed++;
    else if (known === undefined) row.survived.push({ line: location.start.line, code, replacement });
    else row.equivalent.push({ code, replacement, reason: known.reason });
  }
  return row;
}

/** Stryker counts lines and columns from 1. */
function codeAt(source: string, { start, end }: Mutant['location']): string {
  const lines = source.split('\n').slice(start.line - 1, end.line);
  lines[lines.length - 1] = lines.at(-1)!.slice(0, end.column - 1);
  lines[0] = lines[0]!.slice(start.column - 1);
  return lines.join('\n');
}

/** Formats code for a table cell: one line, with escaped bars. */
function formatCode(code: string): string {
  const line = code.replace(/\s+/g, ' ').replaceAll('|', '\\|');
  return line.includes('`') ? `\`\` ${line} \`\`` : `\`${line}\``;
}

function table(): string {
  const lines = rows.map(
    ({ file, mutants, killed, survived, equivalent }) =>
      `| ${file} | ${mutants} | ${killed} | ${survived.length} | ${equivalent.length} |`,
  );
  return ['| File | Mutants | Killed | Survived | Equivalent |', '| --- | ---: | ---: | ---: | ---: |', ...lines].join(
    '\n',
  );
}

function list(title: string, items: string[]): string {
  return items.length === 0 ? '' : `\n## ${title}\n\n${items.join('\n')}\n`;
}

function document(): string {
  return `# Mutation report of core

\`npm run mutate\` changes one piece of \`src/core\` at a time and runs the tests of that file; it wrote this page. A mutant that no
test notices has survived. In the files that decide who may do what and what is signed (the first ${strict.length}) none does: each one
left is equivalent, so no test could tell it, for the reason given below.

${table()}
${leftOut()}${list(
  'Equivalent mutants',
  rows.flatMap(({ file, equivalent }) =>
    equivalent.map((one) => `- ${file}: ${formatCode(one.code)} as ${formatCode(one.replacement)}. ${one.reason}`),
  ),
)}${list(
  'Survivors elsewhere in core',
  rows.flatMap(({ file, survived }) =>
    survived.map((one) => `- ${file}:${one.line}: ${formatCode(one.code)} as ${formatCode(one.replacement)}`),
  ),
)}`;
}

/** Returns the files of core that this run did not cover. */
function leftOut(): string {
  const run = new Set(reports.flatMap(({ files }) => Object.keys(files)));
  const left = readdirSync(core).filter((file) => !run.has(`${core}/${file}`));
  return left.length === 0 ? '' : `\nNot in this run: ${left.join(', ')}.\n`;
}

const survivors = rows
  .filter((row) => strict.includes(row.file))
  .flatMap(({ file, survived }) => survived.map((one) => ({ file, ...one })));
process.stdout.write(`${table()}\n`);
for (const { file, line, code, replacement } of survivors)
  process.stdout.write(`survived: ${file}:${line}: ${code} as ${replacement}\n`);
const run = new Set(reports.flatMap(({ files }) => Object.keys(files)));
if (strict.every((file) => run.has(file))) writeFileSync('docs/mutation.md', document());
process.exitCode = survivors.length === 0 ? 0 : 1;
