import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { localSigner, type MakeSigner, type SigningKey } from './signer.ts';
import { createSigningQueue } from './signingqueue.ts';
import { createRingMemory, maximumInput, openRing } from './signingring.ts';

/**
 * Threads that only sign, so that key generation, name resolution and other work in libuv's pool does not delay tokens
 * (docs/decisions/0023). Before the threads run, and after one of them has failed, the pool signs.
 */
export interface SigningThreads {
  /** Starts the threads. Resolves also when they cannot run. */
  start(): Promise<void>;
  makeSigner: MakeSigner;
  close(): Promise<void>;
}

/** The event loop cannot keep more threads busy. */
const maximumThreads = 4;
/** Keys that the threads keep: at most three of each key set are published. */
const maximumKeys = 8;

export interface SigningThreadsOptions {
  count?: number;
  /** Called once when a fault ends the threads. From then on the pool signs. */
  onFault(fault: Error): void;
  /** The program of a thread. */
  entry?: URL;
}

export function createSigningThreads({
  count = Math.min(availableParallelism(), maximumThreads),
  onFault,
  entry = new URL(`./signingworker${extname(import.meta.url)}`, import.meta.url),
}: SigningThreadsOptions): SigningThreads {
  const ring = openRing(createRingMemory());
  const known = new Map<number, SigningKey>();
  let workers: Worker[] = [];
  let keyNumbers = 0;
  let isRunning = false;
  let isClosed = false;
  // A pending `Atomics.waitAsync` does not keep the process alive; a referenced worker does.
  const queue = createSigningQueue(ring, (isNeeded) => (isNeeded ? workers[0]?.ref() : workers[0]?.unref()));

  async function start(): Promise<void> {
    // A thread needs neither the environment nor the flags of the process.
    const options = { workerData: ring.counters.buffer, name: 'signing', env: {}, execArgv: [] };
    workers = Array.from({ length: count }, () => new Worker(entry, options));
    const results = await Promise.allSettled(workers.map((worker) => untilReady(worker, endByFault)));
    for (const worker of workers) worker.unref();
    isRunning = results.every(({ status }) => status === 'fulfilled') && !isClosed;
  }

  /** Ends the threads: the pool signs all waiting and later requests. */
  function endByFault(fault: Error): void {
    if (isClosed) return;
    onFault(fault);
    void close();
  }

  async function close(): Promise<void> {
    isClosed = true;
    isRunning = false;
    queue.drain();
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  function sendKey(number: number, key: SigningKey): void {
    if (known.has(number)) return;
    known.set(number, key);
    const [oldest] = known.keys();
    const isFull = known.size > maximumKeys;
    if (isFull) known.delete(oldest!);
    for (const worker of workers) {
      if (isFull) worker.postMessage({ number: oldest });
      worker.postMessage({ number, key });
    }
  }

  function makeSigner(...[kid, alg, key]: Parameters<MakeSigner>): ReturnType<MakeSigner> {
    const local = localSigner(kid, alg, key);
    const number = keyNumbers++;
    return {
      kid,
      alg,
      sign(bytes) {
        if (!isRunning || bytes.length > maximumInput) return local.sign(bytes);
        sendKey(number, { alg, key });
        return new Promise((resolve) => queue.add({ key: number, bytes, local, resolve }));
      },
    };
  }

  return { start, makeSigner, close };
}

/** Resolves when the thread is ready. Rejects, and calls `onFault`, when the thread fails or ends, also later. */
function untilReady(worker: Worker, onFault: (fault: Error) => void): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (fault: Error) => {
      onFault(fault);
      reject(fault);
    };
    worker.once('message', resolve);
    worker.once('error', fail);
    worker.once('exit', (code) => fail(new Error(`A signing thread ended with the code ${code}.`)));
  });
}
