import { sign } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { basename } from 'node:path';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { type SigningKey, signingInputOf } from './signer.ts';
import { counter, maximumInput, openRing, slotOf, slotState } from './signingring.ts';

/** One signing thread (signingthreads.ts starts them). It sleeps in `Atomics.wait` and never returns to an event loop. */
const ring = openRing(workerData as SharedArrayBuffer);
const keys = new Map<number, SigningKey>();
const { counters, states } = ring;
const bytes = Buffer.alloc(maximumInput);
/** Under load a thread wakes the event loop once for so many signatures. Without another request it wakes it at once. */
const longestSilence = 4;
let unannounced = 0;

/** Added to the nice value of the process (docs/decisions/0023). */
const nicer = 10;

/** Lowers the priority of this thread. Only Linux has nice values of threads, and a sandbox may forbid the call. */
function lowerPriority(): void {
  try {
    const thread = Number(basename(readlinkSync('/proc/thread-self')));
    setPriority(thread, Math.min(getPriority() + nicer, 19));
  } catch {}
}

/** The key of a request was posted before the request: it is in the mailbox unless it was read already. */
function keyOf(number: number): SigningKey | undefined {
  while (!keys.has(number)) {
    const posted = receiveMessageOnPort(parentPort!) as { message: { number: number; key?: SigningKey } } | undefined;
    if (posted === undefined) return undefined;
    if (posted.message.key === undefined) keys.delete(posted.message.number);
    else keys.set(posted.message.number, posted.message.key);
  }
  return keys.get(number);
}

/** Wakes the event loop to collect what this thread has finished. */
function announce(): void {
  unannounced = 0;
  if (Atomics.exchange(counters, counter.isLoopWaiting, 0) === 1) Atomics.notify(counters, counter.finished);
}

/** Sleeps until more requests are submitted than this many. */
function sleepWhile(submitted: number): void {
  if (unannounced > 0) announce();
  Atomics.add(counters, counter.sleepingThreads, 1);
  Atomics.wait(counters, counter.submitted, submitted);
  Atomics.sub(counters, counter.sleepingThreads, 1);
}

/** The next request that no other thread takes; waits for it. */
function take(): number {
  for (;;) {
    const taken = Atomics.load(counters, counter.taken);
    if (taken === Atomics.load(counters, counter.submitted)) sleepWhile(taken);
    else if (Atomics.compareExchange(counters, counter.taken, taken, taken + 1) === taken) return slotOf(taken);
  }
}

function signAt(slot: number): number {
  const key = keyOf(ring.keys[slot]!);
  if (key === undefined) return slotState.failed;
  try {
    // A copy: what is signed must not be able to change.
    const length = ring.inputs[slot]!.copy(bytes, 0, 0, ring.lengths[slot]!);
    const signature = sign('sha256', bytes.subarray(0, length), signingInputOf(key));
    ring.lengths[slot] = signature.copy(ring.outputs[slot]!);
    return slotState.signed;
  } catch {
    return slotState.failed;
  }
}

lowerPriority();
parentPort!.postMessage('ready');
for (;;) {
  const slot = take();
  Atomics.store(states, slot, signAt(slot));
  Atomics.add(counters, counter.finished, 1);
  if (++unannounced === longestSilence) announce();
}
