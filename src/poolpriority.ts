import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { setPriority } from 'node:os';
import { promisify } from 'node:util';

/** Nice value of the threads that sign: what else this process and its neighbours have to do comes first. */
export const poolNiceness = 10;

const tasks = '/proc/self/task';

/**
 * An RSA signature takes a core for longer than all else that a token needs. At the same priority a few of them under way
 * keep the event loop from a core for milliseconds, and meanwhile nothing new comes to be signed: the cores first queue, then
 * idle. Below it the pool takes what is left, which under load is always all. On Linux a nice value is a thread's own
 * (setpriority(2), "C library/kernel differences"), and lowering it needs no right; elsewhere nothing is done. Tells how many
 * threads there are.
 */
export async function lowerPoolPriority(): Promise<number> {
  if (process.platform !== 'linux') return 0;
  // The threads begin with the first work.
  await promisify(randomBytes)(1);
  const threads = (await readdir(tasks)).map(Number);
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
    setPriority(thread, poolNiceness);
    return true;
  } catch {
    // A sandbox may forbid the call: then they stay as they are.
    return false;
  }
}
