import { readFileSync, writeFileSync } from 'node:fs';
import { actionsPage } from './auditactions.ts';
import { rolesPage } from './roles.ts';

/** `npm run reference` writes docs/roles.md and docs/audit-actions.md. With `--check` it exits with 1 when a page differs from the tables. */
for (const [name, page] of [
  ['roles.md', rolesPage()],
  ['audit-actions.md', actionsPage()],
] as const) {
  const path = new URL(`../docs/${name}`, import.meta.url);
  if (!process.argv.includes('--check')) writeFileSync(path, page);
  else if (readFileSync(path, 'utf8') !== page) {
    process.stderr.write(`docs/${name} is not up to date: run \`npm run reference\`\n`);
    process.exitCode = 1;
  }
}
