import { readFileSync, writeFileSync } from 'node:fs';
import { openApiDocument } from '../src/http/api/openapi.ts';
import { findUndescribed } from './undescribed.ts';

/**
 * `npm run openapi` writes docs/openapi.json. With `--check` it exits with 1 when the file differs from the routes, or when an
 * operation or field has no description.
 */
const path = new URL('../docs/openapi.json', import.meta.url);
const document = openApiDocument('/api/v1');
const text = `${JSON.stringify(document, null, 2)}\n`;

function fail(message: string): void {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}

if (!process.argv.includes('--check')) writeFileSync(path, text);
else {
  for (const fault of findUndescribed(document)) fail(`${fault}: describe it where it is declared`);
  if (readFileSync(path, 'utf8') !== text) fail('docs/openapi.json is not up to date: run `npm run openapi`');
}
