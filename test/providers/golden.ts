import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import type { Trust, TrustDocument } from '../../src/providers/provider.ts';

const extensions: Record<string, string> = { json: 'json', hcl: 'tf', yaml: 'yaml', shell: 'sh', fields: 'txt' };

/** Returns the name of the golden file of a document. */
export function goldenName({ name, form }: TrustDocument): string {
  return `${name}.${extensions[form] ?? form}`;
}

/**
 * Compares a trust with the files of a folder: one for each document, and `index.json` for the rest. With
 * `ARSIA_TEST_GOLDEN=write` it writes them instead, to be read and committed.
 */
export function expectGolden(folder: string, { documents, warnings }: Pick<Trust, 'documents' | 'warnings'>): void {
  const index = { documents: documents.map(({ text: _text, fields: _fields, ...rest }) => rest), warnings };
  const made = Object.fromEntries([
    ['index.json', `${JSON.stringify(index, null, 2)}\n`],
    ...documents.map((document) => [goldenName(document), `${document.text}\n`]),
  ]) as Record<string, string>;
  if (process.env.ARSIA_TEST_GOLDEN === 'write') {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const [file, text] of Object.entries(made)) writeFileSync(join(folder, file), text);
  }
  const kept = Object.fromEntries(readdirSync(folder).map((file) => [file, readFileSync(join(folder, file), 'utf8')]));
  expect(made).toEqual(kept);
}
