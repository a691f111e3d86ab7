import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { getPriority, setPriority } from 'node:os';
import { promisify } from 'node:util';

/** Added to the nice value of the process for pool threads. Signing threads get 10. */
const nicer = 15;
const nicest = 19;

const tasks = '/proc/self/task';

/**
 * Lowers the priority of libuv's pool threads, so that work such as key generation yields to the event loop and to signing
 * (docs/decisions/0023). On Linux each thread has its own nice value (setpriority(2), "C library/kernel differences") and raising it
 * needs no right; on other systems this does nothing. Returns the number of threads changed.
 */
export async function lowerPoolPriority(): Promise<number> {
  // The pool starts its threads with the first work.
  await promisify(randomBytes)(1);
  // Missing on other systems and in some sandboxes: the server then starts with the default priorities.
  const threads = (await readdir(tasks).catch(() => [])).map(Number);
  const lowered = await Promise.all(threads.map(async (thread) => (await isOfPool(thread)) && lower(thread)));
  return lowered.filter(Boolean).length;
}

async function isOfPool(thread: number): Promise<boolean> {
  // libuv names its threads. A thread may have ended since it was listed.
  const name = await readFile(`${tasks}/${thread}/comm`, 'utf8').catch(() => '');
  return name.startsWith('libuv-worker');
}

function lower(thread: number): boolean {
  try {
    setPriority(thread, Math.min(getPriority() + nicer, nicest));
    return true;
  } catch {
    // A sandbox may forbid the call: the priority then stays.
    return false;
  }
}
