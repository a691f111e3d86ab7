import type { Signer } from './signer.ts';
import { counter, findSlot, type SigningRing, slotState } from './signingring.ts';

export interface SigningRequest {
  /** The number of the key in the signing threads. */
  key: number;
  bytes: Uint8Array;
  /** Signs in libuv's pool when no thread can. */
  local: Signer;
  resolve(signature: Uint8Array | Promise<Uint8Array>): void;
}

/** The queue of requests to the signing threads. Requests pass through shared memory, and wait for a free slot. */
export interface SigningQueue {
  add(request: SigningRequest): void;
  /** Signs all requests in libuv's pool. */
  drain(): void;
}

/** Creates the queue of a ring. Calls `keepAlive(true)` while signatures are pending, so that the process does not end. */
export function createSigningQueue(ring: SigningRing, keepAlive: (isNeeded: boolean) => void): SigningQueue {
  const { counters, states } = ring;
  /** Requests without a slot, oldest first. `submitted` holds the requests with one. */
  const waiting: SigningRequest[] = [];
  const submitted: (SigningRequest | undefined)[] = [];
  let pending = 0;

  function submit(): void {
    for (; waiting.length > 0; pending++) {
      const count = counters[counter.submitted]!;
      const slot = findSlot(count);
      if (submitted[slot] !== undefined) return;
      const request = waiting.shift()!;
      submitted[slot] = request;
      ring.keys[slot] = request.key;
      ring.lengths[slot] = request.bytes.length;
      ring.inputs[slot]!.set(request.bytes);
      states[slot] = slotState.requested;
      Atomics.store(counters, counter.submitted, count + 1);
      if (Atomics.load(counters, counter.sleepingThreads) > 0) Atomics.notify(counters, counter.submitted, 1);
    }
  }

  function collect(): void {
    while (pending > 0) {
      const finished = Atomics.load(counters, counter.finished);
      for (let slot = 0; slot < submitted.length; slot++) conclude(slot);
      submit();
      if (pending === 0) break;
      Atomics.store(counters, counter.isLoopWaiting, 1);
      const wait = Atomics.waitAsync(counters, counter.finished, finished);
      if (wait.async) {
        // The callback runs in the event loop, and collects all signatures that are finished by then.
        void wait.value.then(collect);
        return;
      }
    }
    keepAlive(false);
  }

  function conclude(slot: number): void {
    const request = submitted[slot];
    const state = Atomics.load(states, slot);
    if (request === undefined || state === slotState.requested) return;
    submitted[slot] = undefined;
    pending--;
    const output = ring.outputs[slot]!.subarray(0, ring.lengths[slot]!);
    request.resolve(state === slotState.signed ? Buffer.from(output) : request.local.sign(request.bytes));
  }

  return {
    add(request) {
      waiting.push(request);
      const isIdle = pending === 0;
      submit();
      if (!isIdle) return;
      keepAlive(true);
      collect();
    },
    drain() {
      for (const request of [...submitted.splice(0), ...waiting.splice(0)])
        request?.resolve(request.local.sign(request.bytes));
      pending = 0;
    },
  };
}
