import { randomFillSync } from 'node:crypto';
import type { Clock } from '../core/clock.ts';

/** The time and randomness of the machine. No other file reads either. */
export const systemClock: Clock = { now: () => Date.now(), random: randomFrom(4096) };

/** In bytes. Ids have at most this many; longer requests are secrets and go to the generator directly. */
const maximumFromPage = 16;

/**
 * A call of the generator costs as much as a dozen ids, so one call fills a page of random bytes for many ids, as Node's
 * randomUUID does. Used bytes are wiped, so that the page neither leaks nor repeats them.
 */
function randomFrom(size: number): Clock['random'] {
  const page = new Uint8Array(size);
  let next = size;
  return (bytes) => {
    if (bytes > maximumFromPage) return randomFillSync(new Uint8Array(bytes));
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
