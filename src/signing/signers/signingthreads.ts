import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { localSigner, type MakeSigner, type Signer, type SigningKey } from './signer.ts';
import { counter, createRingMemory, maximumInput, openRing, slotOf, slotState } from './signingring.ts';

/**
 * Threads that do nothing but sign: key generation, look-ups of names and whatever else fills libuv's pool does not delay a
 * token (docs/decisions/0023). Until they run, and after one of them has failed, signatures are made on the pool.
 */
export interface SigningThreads {
  /** Resolves once the threads run, or cannot run. */
  start(): Promise<void>;
  makeSigner: MakeSigner;
  close(): Promise<void>;
}

interface Request {
  key: number;
  bytes: Uint8Array;
  /** Signs on libuv's pool, for when no thread can. */
  local: Signer;
  resolve(signature: Uint8Array | Promise<Uint8Array>): void;
}

/** More threads would wait for the event loop. */
const mostThreads = 4;
/** Keys that the threads know at the same time: at most three of each key set are published. */
const mostKeys = 8;

export interface SigningThreadsOptions {
  count?: number;
  /** Called once when the threads end by a fault. From then on the pool signs. */
  onFault(fault: Error): void;
  /** The program of a thread. */
  entry?: URL;
}

export function createSigningThreads({
  count = Math.min(availableParallelism(), mostThreads),
  onFault,
  entry = new URL(`./signingworker${extname(import.meta.url)}`, import.meta.url),
}: SigningThreadsOptions): SigningThreads {
  const ring = openRing(createRingMemory());
  const { counters, states } = ring;
  /** Requests that wait for a slot. `submitted` has the requests in the slots. */
  const waiting: Request[] = [];
  const submitted: (Request | undefined)[] = [];
  const known = new Map<number, SigningKey>();
  let workers: Worker[] = [];
  let keyNumbers = 0;
  let underWay = 0;
  let isRunning = false;
  let isClosed = false;

  async function start(): Promise<void> {
    // A thread needs neither the environment nor the flags of the process.
    const options = { workerData: counters.buffer, name: 'signing', env: {}, execArgv: [] };
    workers = Array.from({ length: count }, () => new Worker(entry, options));
    const ready = workers.map(
      (worker) =>
        new Promise((resolve, reject) => {
          const fail = (fault: Error) => {
            giveUp(fault);
            reject(fault);
          };
          worker.once('message', resolve);
          worker.once('error', fail);
          worker.once('exit', (code) => fail(new Error(`A signing thread ended with the code ${code}.`)));
        }),
    );
    const [failed] = (await Promise.allSettled(ready)).filter(({ status }) => status === 'rejected');
    for (const worker of workers) worker.unref();
    isRunning = failed === undefined && !isClosed;
  }

  /** Signs everything that waits, and all that follows, on the pool. */
  function giveUp(fault: Error): void {
    if (isClosed) return;
    onFault(fault);
    void close();
  }

  async function close(): Promise<void> {
    isClosed = true;
    isRunning = false;
    for (const request of [...submitted.splice(0), ...waiting.splice(0)])
      request?.resolve(request.local.sign(request.bytes));
    underWay = 0;
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  function introduce(number: number, key: SigningKey): void {
    if (known.has(number)) return;
    known.set(number, key);
    const [oldest] = known.keys();
    const isFull = known.size > mostKeys;
    if (isFull) known.delete(oldest!);
    for (const worker of workers) {
      if (isFull) worker.postMessage({ number: oldest });
      worker.postMessage({ number, key });
    }
  }

  function submit(): void {
    for (; waiting.length > 0; underWay++) {
      const count = counters[counter.submitted]!;
      const slot = slotOf(count);
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

  /** A process must not end while a signature is under way: `Atomics.waitAsync` alone does not hold it. */
  function keepAlive(isNeeded: boolean): void {
    if (isNeeded) workers[0]!.ref();
    else workers[0]!.unref();
  }

  function collect(): void {
    while (underWay > 0) {
      const finished = Atomics.load(counters, counter.finished);
      for (let slot = 0; slot < submitted.length; slot++) conclude(slot);
      submit();
      if (underWay === 0) break;
      Atomics.store(counters, counter.isLoopWaiting, 1);
      const wait = Atomics.waitAsync(counters, counter.finished, finished);
      if (wait.async) {
        // The callback runs in the event loop: what is finished until then is collected with it.
        void wait.value.then(collect);
        return;
      }
    }
    if (workers.length > 0) keepAlive(false);
  }

  function conclude(slot: number): void {
    const request = submitted[slot];
    const state = Atomics.load(states, slot);
    if (request === undefined || state === slotState.requested) return;
    submitted[slot] = undefined;
    underWay--;
    const output = ring.outputs[slot]!.subarray(0, ring.lengths[slot]!);
    request.resolve(state === slotState.signed ? Buffer.from(output) : request.local.sign(request.bytes));
  }

  return {
    start,
    makeSigner(kid, alg, key) {
      const local = localSigner(kid, alg, key);
      const number = keyNumbers++;
      return {
        kid,
        alg,
        sign(bytes) {
          if (!isRunning || bytes.length > maximumInput) return local.sign(bytes);
          introduce(number, { alg, key });
          return new Promise((resolve) => {
            waiting.push({ key: number, bytes, local, resolve });
            const isIdle = underWay === 0;
            submit();
            if (!isIdle) return;
            keepAlive(true);
            collect();
          });
        },
      };
    },
    close,
  };
}
