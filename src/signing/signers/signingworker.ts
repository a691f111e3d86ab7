import { sign } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { basename } from 'node:path';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { type SigningKey, toSignKey } from './signer.ts';
import { counter, findSlot, maximumInput, openRing, slotState } from './signingring.ts';

/** The program of a signing thread (signingthreads.ts). It sleeps in `Atomics.wait` and never returns to an event loop. */
const ring = openRing(workerData as SharedArrayBuffer);
const keys = new Map<number, SigningKey>();
const { counters, states } = ring;
const bytes = Buffer.alloc(maximumInput);
/** Signatures after which a thread wakes the event loop under load. Without a further request it wakes it at once. */
const announceAfter = 4;
let unannounced = 0;

/** Increase of the nice value of the process (docs/decisions/0023). */
const niceIncrease = 10;

/** Lowers the priority of this thread. Only Linux has nice values per thread, and a sandbox may forbid the call. */
function lowerPriority(): void {
  try {
    const thread = Number(basename(readlinkSync('/proc/thread-self')));
    setPriority(thread, Math.min(getPriority() + niceIncrease, 19));
  } catch {}
}

/** Returns the key of a request. It was posted before the request, so it is known or in the mailbox. */
function findKey(number: number): SigningKey | undefined {
  while (!keys.has(number)) {
    const posted = receiveMessageOnPort(parentPort!) as { message: { number: number; key?: SigningKey } } | undefined;
    if (posted === undefined) return undefined;
    if (posted.message.key === undefined) keys.delete(posted.message.number);
    else keys.set(posted.message.number, posted.message.key);
  }
  return keys.get(number);
}

/** Wakes the event loop to collect the finished signatures. */
function announce(): void {
  unannounced = 0;
  if (Atomics.exchange(counters, counter.isLoopWaiting, 0) === 1) Atomics.notify(counters, counter.finished);
}

/** Sleeps until the count of submitted requests is no longer `submitted`. */
function sleepWhile(submitted: number): void {
  if (unannounced > 0) announce();
  Atomics.add(counters, counter.sleepingThreads, 1);
  Atomics.wait(counters, counter.submitted, submitted);
  Atomics.sub(counters, counter.sleepingThreads, 1);
}

/** Waits for a request that no other thread has taken, and returns its slot. */
function take(): number {
  for (;;) {
    const taken = Atomics.load(counters, counter.taken);
    if (taken === Atomics.load(counters, counter.submitted)) sleepWhile(taken);
    else if (Atomics.compareExchange(counters, counter.taken, taken, taken + 1) === taken) return findSlot(taken);
  }
}

function signAt(slot: number): number {
  const key = findKey(ring.keys[slot]!);
  if (key === undefined) return slotState.failed;
  try {
    // Signs a copy, so that the bytes cannot change while they are signed.
    const length = ring.inputs[slot]!.copy(bytes, 0, 0, ring.lengths[slot]!);
    const signature = sign('sha256', bytes.subarray(0, length), toSignKey(key));
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
  if (++unannounced === announceAfter) announce();
}
