import { describe, expect, test } from '@jest/globals';
import { createMutex } from '../../../src/signing/keysets/mutex.ts';

describe('a mutex', () => {
  test('runs one task at a time, in the order of the calls', async () => {
    const mutex = createMutex();
    const seen: string[] = [];
    const task = (name: string, pauses: number) => async () => {
      seen.push(`${name} begins`);
      for (let turn = 0; turn < pauses; turn++) await new Promise(setImmediate);
      seen.push(`${name} ends`);
      return name;
    };
    expect(await Promise.all([mutex(task('a', 3)), mutex(task('b', 0)), mutex(task('c', 1))])).toEqual(['a', 'b', 'c']);
    expect(seen).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  test('rejects the caller of a failed task, and goes on', async () => {
    const mutex = createMutex();
    const failed = mutex(async () => {
      throw new Error('no');
    });
    const after = mutex(async () => 'yes');
    await expect(failed).rejects.toThrow('no');
    expect(await after).toBe('yes');
  });
});
