import { randomFillSync } from 'node:crypto';
import type { Clock } from '../core/clock.ts';

/** The machine's time and randomness: the only file that reads either. */
export const systemClock: Clock = { now: () => Date.now(), random: randomFrom(4096) };

/** Bytes: ids have no more. What is longer is a secret, and comes from the generator at the moment that it is made. */
const longestOfPage = 16;

/**
 * A call of the generator costs as much as making a dozen ids, so one call fills a page and ids take from it, as Node's own
 * randomUUID does. What was taken is wiped: nothing in this process can learn it from the page, or be given it again.
 */
function randomFrom(size: number): Clock['random'] {
  const page = new Uint8Array(size);
  let next = size;
  return (bytes) => {
    if (bytes > longestOfPage) return randomFillSync(new Uint8Array(bytes));
    if (next + bytes > size) {
      randomFillSync(page);
      next = 0;
    }
    const taken = page.slice(next, next + bytes);
    page.fill(0, next, next + bytes);
    next += bytes;
    return taken;
  };
}
