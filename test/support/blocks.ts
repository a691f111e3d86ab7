import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { atEnd, compiled } from './arsia.ts';
import type { Body } from './client.ts';

/** Returns the code blocks of a page, by their language. */
export function blocksOf(file: string, language = 'sh'): string[] {
  const blocks = readFileSync(file, 'utf8').matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'));
  return [...blocks].map(([, block]) => block!);
}

/** A block of commands, and what the page says that they print. */
export interface Step {
  commands: string;
  /** The lines of the `text` and `json` blocks below the commands. */
  shown: { language: 'text' | 'json'; line: string }[];
}

/** Returns the `sh` blocks of a page with the `text` and `json` blocks that follow each. */
export function stepsOf(file: string): Step[] {
  const steps: Step[] = [];
  for (const [, language, block] of readFileSync(file, 'utf8').matchAll(/```(sh|text|json)\n([\s\S]*?)```/g))
    if (language === 'sh') steps.push({ commands: block!, shown: [] });
    else {
      const lines = block!.trimEnd().split('\n');
      steps.at(-1)!.shown.push(...lines.map((line) => ({ language: language as 'text' | 'json', line })));
    }
  return steps;
}

export interface Shell {
  folder: string;
  /** Runs a block and returns the JSON values that it prints, one a line. */
  run(block: string, variables?: Record<string, string>): Promise<Body[]>;
  /** Opens a shell that stays: variables, functions and background processes of a block are there for the next one. */
  open(variables?: Record<string, string>): Terminal;
}

export interface Terminal {
  /** Pastes a block and returns the lines that it prints, those of standard error too. Throws when a command fails. */
  paste(block: string): Promise<string[]>;
}

/** Creates a folder in which blocks run. Its `curl` is for machines without one. */
export async function createShell(): Promise<Shell> {
  const folder = await mkdtemp(join(tmpdir(), 'arsia-blocks-'));
  atEnd(() => rm(folder, { recursive: true, force: true }));
  const shim = `#!/bin/sh\nexec '${process.execPath}' '${resolve('test/e2e/curl.cjs')}' "$@"\n`;
  await writeFile(join(folder, 'curl'), shim);
  await chmod(join(folder, 'curl'), 0o755);
  const environment = (variables: Record<string, string>) => ({
    PATH: [dirname(process.execPath), process.env.PATH, folder].join(delimiter),
    ...variables,
  });
  return {
    folder,
    async run(block, variables = {}) {
      const options = { cwd: folder, env: environment(variables) };
      const { stdout } = await promisify(execFile)('sh', ['-euc', block], options);
      return stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line));
    },
    open: (variables = {}) =>
      openTerminal(environment({ HOME: folder, TMPDIR: folder, NODE_COMPILE_CACHE: compiled, ...variables })),
  };
}

/** Opens `sh` in the folder of the checkout. At the end of the test file it ends, with the processes that it started. */
function openTerminal(env: Record<string, string>): Terminal {
  const shell = spawn('sh', ['-eu'], { env, detached: true, stdio: ['pipe', 'pipe', 'ignore'] });
  const closed = new Promise((resolve) => shell.once('close', resolve));
  atEnd(async () => {
    try {
      process.kill(-shell.pid!, 'SIGKILL');
    } catch {
      // No process of the group is left.
    }
    await closed;
  });
  const lines = createInterface({ input: shell.stdout })[Symbol.asyncIterator]();
  const mark = 'end of the block';
  shell.stdin.write('exec 2>&1\n');
  return {
    async paste(block) {
      shell.stdin.write(`${block}\necho '${mark}'\n`);
      const printed: string[] = [];
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error(`a command of this block failed:\n${block}\n${printed.join('\n')}`);
        if (value === mark) return printed;
        printed.push(value);
      }
    },
  };
}
