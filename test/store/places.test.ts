import { expect, test } from '@jest/globals';
import { createPlaces } from '../../src/store/places.ts';

const places = () => createPlaces({ most: 2, maximumWaiting: 2 });

/** A task that ends when it is told to. */
function task(begun: string[], name: string) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const run = () => {
    begun.push(name);
    return promise;
  };
  return { run, end: () => resolve(name), fail: () => reject(new Error(name)) };
}

test('two run at once, two wait for them in their order, and one more is refused', async () => {
  const within = places();
  const begun: string[] = [];
  const tasks = ['a', 'b', 'c', 'd'].map((name) => task(begun, name));
  const results = tasks.map(({ run }) => within(run));
  await expect(within(async () => 'e')).rejects.toMatchObject({ code: 'unavailable' });
  expect(begun).toEqual(['a', 'b']);
  tasks[1]!.end();
  expect(await results[1]).toBe('b');
  await Promise.resolve();
  expect(begun).toEqual(['a', 'b', 'c']);
  for (const { end } of tasks) end();
  expect(await Promise.all(results)).toEqual(['a', 'b', 'c', 'd']);
});

test('a task that fails leaves its place to the next one', async () => {
  const within = places();
  const failing = [task([], 'a'), task([], 'b')];
  const results = Promise.allSettled(failing.map(({ run }) => within(run)));
  const next = within(async () => 'c');
  for (const { fail } of failing) fail();
  expect((await results).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await next).toBe('c');
  expect(await Promise.all([within(async () => 'd'), within(async () => 'e')])).toEqual(['d', 'e']);
});
