import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { atEnd } from './arsia.ts';
import type { Body } from './client.ts';

/** Returns the code blocks of a page, by their language. */
export function blocksOf(file: string, language = 'sh'): string[] {
  const blocks = readFileSync(file, 'utf8').matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'));
  return [...blocks].map(([, block]) => block!);
}

export interface Shell {
  folder: string;
  /** Runs a block and returns the JSON values that it prints, one a line. */
  run(block: string, variables?: Record<string, string>): Promise<Body[]>;
}

/** Creates a folder with a `curl`, for machines without it, in which blocks run. */
export async function createShell(): Promise<Shell> {
  const folder = await mkdtemp(join(tmpdir(), 'arsia-blocks-'));
  atEnd(() => rm(folder, { recursive: true, force: true }));
  const shim = `#!/bin/sh\nexec '${process.execPath}' '${resolve('test/e2e/curl.cjs')}' "$@"\n`;
  await writeFile(join(folder, 'curl'), shim);
  await chmod(join(folder, 'curl'), 0o755);
  return {
    folder,
    async run(block, variables = {}) {
      const PATH = [folder, dirname(process.execPath), process.env.PATH].join(delimiter);
      const { stdout } = await promisify(execFile)('sh', ['-euc', block], { cwd: folder, env: { PATH, ...variables } });
      return stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line));
    },
  };
}
