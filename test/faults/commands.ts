import { expect } from '@jest/globals';
import { spawnArsia } from '../support/arsia.ts';

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs `arsia` until it ends by itself. */
export async function ended(args: string[], settings: Record<string, string>, cwd: string): Promise<Ended> {
  const child = spawnArsia(args, { settings, cwd });
  const { code } = await child.exited;
  return { code, stdout: child.stdout(), stderr: child.stderr() };
}

/** Expects a refusal of the settings that lists every fault in one message, one per line. */
export function expectFaults({ code, stdout, stderr }: Ended, lines: RegExp[]): void {
  const [title, ...faults] = stderr.trimEnd().split('\n');
  expect(title).toBe(`Arsia cannot start: ${lines.length} bad setting${lines.length > 1 ? 's' : ''}`);
  expect(faults).toEqual(lines.map((line) => expect.stringMatching(line)));
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
}

/** Expects a refusal with a reason of one line. */
export function expectOneLine({ code, stderr }: Ended, line: RegExp): void {
  expect(stderr).toMatch(/^arsia: [^\n]+\n$/);
  expect(stderr).toMatch(line);
  expect(code).toBe(1);
}
