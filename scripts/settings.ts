import { readFileSync, writeFileSync } from 'node:fs';
import { describeGroups, type SettingRow } from '../src/server/config/config.ts';

/** `npm run settings` writes docs/settings.md. With `--check` it exits with 1 when the file differs from the declarations. */
const path = new URL('../docs/settings.md', import.meta.url);

const page = `# Settings

The server and the commands below \`arsia server\` read these environment variables; \`arsia server --help\` prints them. A bad value,
or a bad file that one names, stops the start with one message that lists every fault. \`arsia server check\` looks without a start.

This page is generated: change the declarations in \`src/server/config/\`, then run \`npm run settings\`.
${describeGroups()
  .map(
    ({ title, rows }) =>
      `\n## ${title}\n\n| Variable | Default | Meaning |\n|---|---|---|\n${rows.map(lineOf).join('')}`,
  )
  .join('')}`;

function lineOf({ name, default: value, meaning }: SettingRow): string {
  return `| \`${name}\` | ${value === '' ? '' : `\`${value}\``} | ${meaning.replaceAll('|', '\\|')} |\n`;
}

if (!process.argv.includes('--check')) writeFileSync(path, page);
else if (readFileSync(path, 'utf8') !== page) {
  process.stderr.write('docs/settings.md is not up to date: run `npm run settings`\n');
  process.exitCode = 1;
}
