import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { getPriority, setPriority } from 'node:os';
import { promisify } from 'node:util';

/** Added to the nice value of the process for the threads of the pool. Signing threads get 10. */
const nicer = 15;
const nicest = 19;

const tasks = '/proc/self/task';

/**
 * Lowers the priority of libuv's threads, so that work such as the generation of a key comes after the event loop and after
 * signing (docs/decisions/0023). On Linux a nice value is a thread's own (setpriority(2), "C library/kernel differences"),
 * and raising it needs no right; elsewhere nothing is done. Returns how many threads were changed.
 */
export async function lowerPoolPriority(): Promise<number> {
  // The threads begin with the first work.
  await promisify(randomBytes)(1);
  // Other systems have no such folder, and a sandbox may hide it: the server starts without this.
  const threads = (await readdir(tasks).catch(() => [])).map(Number);
  const lowered = await Promise.all(threads.map(async (thread) => (await isOfPool(thread)) && lower(thread)));
  return lowered.filter(Boolean).length;
}

async function isOfPool(thread: number): Promise<boolean> {
  // A thread may have ended since; libuv names its own.
  const name = await readFile(`${tasks}/${thread}/comm`, 'utf8').catch(() => '');
  return name.startsWith('libuv-worker');
}

function lower(thread: number): boolean {
  try {
    setPriority(thread, Math.min(getPriority() + nicer, nicest));
    return true;
  } catch {
    // A sandbox may forbid the call: then they stay as they are.
    return false;
  }
}
