import { setTimeout as sleep } from 'node:timers/promises';
import { expect, jest, test } from '@jest/globals';
import { ArsiaError } from '../../src/core/errors.ts';
import { createTimers } from '../../src/server/timers.ts';

test('N67 a retry that has run leaves no timer behind', async () => {
  const timers = createTimers();
  let tries = 0;
  timers.retry(
    1,
    async () => {
      tries++;
      throw new ArsiaError('unavailable', 'away');
    },
    () => undefined,
  );
  while (tries < 20) await sleep(5);
  const cleared = jest.spyOn(globalThis, 'clearTimeout');
  await timers.stop();
  // At most the next retry is left.
  expect(cleared.mock.calls.length).toBeLessThanOrEqual(1);
  cleared.mockRestore();
});
