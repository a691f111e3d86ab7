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

/** It was refused, and a person reads one line that says why. */
export function expectOneLine({ code, stderr }: Ended, line: RegExp): void {
  expect(stderr).toMatch(/^arsia: [^\n]+\n$/);
  expect(stderr).toMatch(line);
  expect(code).toBe(1);
}
