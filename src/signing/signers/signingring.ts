/**
 * Memory shared by the event loop and the signing threads: a ring of slots, each with the bytes to sign and then their
 * signature. Only the event loop writes requests. Threads take them in order, and finish in any order.
 */
export interface SigningRing {
  /**
   * Indexed by `counter`. The counts of submitted, taken and finished requests wrap around at 2^32, which `slotCount`
   * divides.
   */
  counters: Int32Array;
  /** Indexed by slot; values of `slotState`. */
  states: Int32Array;
  /** Indexed by slot: the number of the key. */
  keys: Int32Array;
  /** Indexed by slot: the length in bytes of the input, then of the signature. */
  lengths: Int32Array;
  /** Indexed by slot, as `outputs`. */
  inputs: readonly Buffer[];
  outputs: readonly Buffer[];
}

/** Indices of `counters`. Sleeping threads are counted because a notify without a waiter costs as much as one with. */
export const counter = { submitted: 0, taken: 1, finished: 2, sleepingThreads: 3, isLoopWaiting: 4 } as const;
const counterCount = Object.keys(counter).length;
export const slotState = { free: 0, requested: 1, signed: 2, failed: 3 } as const;

const slotCount = 64;
/** Bytes. A signing input is 1 to 2 KB. A longer one is signed in libuv's pool. */
export const maximumInput = 8 * 1024;
/** Bytes of an RSA-8192 signature. */
const maximumOutput = 1024;

/** Returns the slot of the request with this count. */
export function findSlot(count: number): number {
  return (count >>> 0) % slotCount;
}

const words = (counterCount + 3 * slotCount) * Int32Array.BYTES_PER_ELEMENT;

export function createRingMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(words + slotCount * (maximumInput + maximumOutput));
}

export function openRing(memory: SharedArrayBuffer): SigningRing {
  const bytesAt = (start: number, length: number) =>
    Array.from({ length: slotCount }, (_, slot) =>
      Buffer.from(memory as unknown as ArrayBuffer, start + slot * length, length),
    );
  const wordsAt = (row: number) =>
    new Int32Array(memory, (counterCount + row * slotCount) * Int32Array.BYTES_PER_ELEMENT, slotCount);
  return {
    counters: new Int32Array(memory, 0, counterCount),
    states: wordsAt(0),
    keys: wordsAt(1),
    lengths: wordsAt(2),
    inputs: bytesAt(words, maximumInput),
    outputs: bytesAt(words + slotCount * maximumInput, maximumOutput),
  };
}
