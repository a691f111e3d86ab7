import { expect, test } from '@jest/globals';
import { systemClock } from '../../src/server/clock.ts';

test('random bytes have the requested length, and no two results share or repeat bytes', () => {
  const lengths = Array.from({ length: 3000 }, (_, index) => [10, 16, 13, 32][index % 4]!);
  const drawn = lengths.map((length) => systemClock.random(length));
  expect(drawn.map((bytes) => bytes.length)).toEqual(lengths);
  // Any eight bytes of a result occur only once. This would fail if a page were used twice, or wiped before use.
  const pieces = drawn.flatMap((bytes) =>
    Array.from({ length: bytes.length - 7 }, (_, at) => Buffer.from(bytes.slice(at, at + 8)).toString('hex')),
  );
  expect(new Set(pieces).size).toBe(pieces.length);
  const kept = Buffer.from(drawn[0]!).toString('hex');
  drawn[1]!.fill(0);
  systemClock.random(16);
  expect(Buffer.from(drawn[0]!).toString('hex')).toBe(kept);
});
