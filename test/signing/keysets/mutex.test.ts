import { describe, expect, test } from '@jest/globals';
import { createQueue } from '../../../src/signing/keysets/mutex.ts';

describe('a mutex', () => {
  test('runs one task at a time, in the order of the calls', async () => {
    const queue = createQueue();
    const seen: string[] = [];
    const task = (name: string, pauses: number) => async () => {
      seen.push(`${name} begins`);
      for (let turn = 0; turn < pauses; turn++) await new Promise(setImmediate);
      seen.push(`${name} ends`);
      return name;
    };
    expect(await Promise.all([queue(task('a', 3)), queue(task('b', 0)), queue(task('c', 1))])).toEqual(['a', 'b', 'c']);
    expect(seen).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  test('rejects the caller of a failed task, and goes on', async () => {
    const queue = createQueue();
    const failed = queue(async () => {
      throw new Error('no');
    });
    const after = queue(async () => 'yes');
    await expect(failed).rejects.toThrow('no');
    expect(await after).toBe('yes');
  });
});
