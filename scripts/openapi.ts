import { readFileSync, writeFileSync } from 'node:fs';
import { openApiDocument } from '../src/http/api/openapi.ts';

/** `npm run openapi` writes docs/openapi.json. With `--check` it exits with 1 when the file differs from the routes. */
const path = new URL('../docs/openapi.json', import.meta.url);
const text = `${JSON.stringify(openApiDocument('/api/v1'), null, 2)}\n`;

if (!process.argv.includes('--check')) writeFileSync(path, text);
else if (readFileSync(path, 'utf8') !== text) {
  process.stderr.write('docs/openapi.json is not up to date: run `npm run openapi`\n');
  process.exitCode = 1;
}
