import { execFile } from 'node:child_process';
import { generateKeyPairSync, randomBytes, verify } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { maximumInput } from '../../../src/signing/signers/signingring.ts';
import { createSigningThreads, type SigningThreads } from '../../../src/signing/signers/signingthreads.ts';
import { atEnd } from '../../support/arsia.ts';

const rsa = () => ({ alg: 'RS256' as const, ...generateKeyPairSync('rsa', { modulusLength: 2048 }) });
const ec = () => ({ alg: 'ES256' as const, ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) });
type Pair = ReturnType<typeof rsa> | ReturnType<typeof ec>;

const signerOf = (threads: SigningThreads, { alg, privateKey }: Pair) => threads.makeSigner('kid', alg, privateKey);
const isSigned = ({ publicKey }: Pair, bytes: Uint8Array, signature: Uint8Array) =>
  verify('sha256', bytes, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature);

async function started(options: Partial<Parameters<typeof createSigningThreads>[0]> = {}) {
  const faults: Error[] = [];
  const threads = createSigningThreads({ count: 2, onFault: (fault) => faults.push(fault), ...options });
  await threads.start();
  atEnd(threads.close);
  return { threads, faults };
}

/** A thread's program, as a file of its own would be. */
const program = (text: string) =>
  new URL(`data:text/javascript,${encodeURIComponent(`import { parentPort } from 'node:worker_threads'; ${text}`)}`);

describe('the signing threads', () => {
  test('sign each input with its own key, also under concurrent requests', async () => {
    const { threads, faults } = await started();
    const pairs = [rsa(), ec(), rsa()];
    const signers = pairs.map((pair) => signerOf(threads, pair));
    const requests = Array.from({ length: 600 }, (_, index) => ({
      which: index % pairs.length,
      bytes: randomBytes(1 + ((index * 37) % 2_000)),
    }));
    const signatures = await Promise.all(requests.map(({ which, bytes }) => signers[which]!.sign(bytes)));
    const wrong = requests.filter(({ which, bytes }, index) => !isSigned(pairs[which]!, bytes, signatures[index]!));
    expect(wrong).toEqual([]);
    // One after the other too: the threads sleep in between.
    for (let count = 0; count < 20; count++) {
      const bytes = randomBytes(100);
      expect(isSigned(pairs[0]!, bytes, await signers[0]!.sign(bytes))).toBe(true);
    }
    expect(faults).toEqual([]);
  });

  test('sign the bytes as they were at the request', async () => {
    const { threads } = await started();
    const pair = rsa();
    const bytes = randomBytes(500);
    const asked = Buffer.from(bytes);
    const signature = signerOf(threads, pair).sign(bytes);
    bytes.fill(0);
    expect(isSigned(pair, asked, await signature)).toBe(true);
  });

  test('take any number of keys in turn', async () => {
    const { threads } = await started();
    const pairs = Array.from({ length: 20 }, ec);
    const signers = pairs.map((pair) => signerOf(threads, pair));
    const bytes = randomBytes(64);
    for (const index of [...pairs.keys(), ...pairs.keys()])
      expect([index, isSigned(pairs[index]!, bytes, await signers[index]!.sign(bytes))]).toEqual([index, true]);
  });

  test.each([
    ['is longer than a slot', maximumInput + 1],
    ['fills a slot', maximumInput],
    ['is empty', 0],
  ])('sign input that %s', async (_, length) => {
    const { threads } = await started();
    const pair = rsa();
    const bytes = randomBytes(length);
    expect(isSigned(pair, bytes, await signerOf(threads, pair).sign(bytes))).toBe(true);
  });

  test.each([
    ['never start', program(`throw new Error('no')`)],
    ['end at once', program(`process.exit(3)`)],
    ['end while they sign', program(`parentPort.postMessage('ready'); setTimeout(() => process.exit(3), 50)`)],
  ])('leave signing to the pool where they %s, and log it once', async (_, entry) => {
    const { threads, faults } = await started({ entry });
    const pair = rsa();
    const signer = signerOf(threads, pair);
    const all = Array.from({ length: 200 }, () => randomBytes(50));
    const signatures = await Promise.all(all.map((bytes) => signer.sign(bytes)));
    expect(all.filter((bytes, index) => !isSigned(pair, bytes, signatures[index]!))).toEqual([]);
    expect(faults).toHaveLength(1);
  });

  test('let the pool sign before they start and after they close', async () => {
    const threads = createSigningThreads({ count: 1, onFault: () => {} });
    const pair = ec();
    const signer = signerOf(threads, pair);
    const bytes = randomBytes(50);
    expect(isSigned(pair, bytes, await signer.sign(bytes))).toBe(true);
    await threads.start();
    const underWay = Array.from({ length: 100 }, () => signer.sign(bytes));
    await threads.close();
    for (const signature of [...(await Promise.all(underWay)), await signer.sign(bytes)])
      expect(isSigned(pair, bytes, signature)).toBe(true);
  });
});

/** Runs in a child process whose pool is stuck: each `open` of a pipe that nobody writes to holds a thread of it. */
const script = `
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { closeSync, constants, open, openSync, rmSync } from 'node:fs';
import { createSigningThreads } from ${JSON.stringify(new URL('../../../src/signing/signers/signingthreads.ts', import.meta.url).href)};
import { localSigner } from ${JSON.stringify(new URL('../../../src/signing/signers/signer.ts', import.meta.url).href)};
const threads = createSigningThreads({ count: 2, onFault: (fault) => console.error(fault) });
await threads.start();
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const signer = threads.makeSigner('kid', 'RS256', privateKey);
const pipe = process.env.PIPE;
execFileSync('mkfifo', [pipe]);
const opened = Array.from({ length: 20 }, () => new Promise((resolve) => open(pipe, 'r', (_, file) => resolve(file))));
let onPool = 0;
const waiting = localSigner('kid', 'RS256', privateKey).sign(Buffer.from('x')).then(() => onPool++);
let signed = 0;
for (let count = 0; count < 50; count++) signed += (await signer.sign(Buffer.from('x'))).length === 256 ? 1 : 0;
const meanwhile = onPool;
const writer = openSync(pipe, constants.O_RDWR);
for (const file of await Promise.all(opened)) closeSync(file);
closeSync(writer);
await waiting;
rmSync(pipe);
console.log(JSON.stringify({ signed, meanwhile, onPool }));
// Nothing is closed: threads that sleep must not keep a process alive.
`;

test("F31 a signature does not wait for libuv's thread pool, and the threads keep no process alive", async () => {
  if (process.platform === 'win32') return;
  const PIPE = join(tmpdir(), `arsia-pipe-${randomBytes(8).toString('hex')}`);
  const env = { ...process.env, NODE_OPTIONS: '', UV_THREADPOOL_SIZE: '4', PIPE };
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
    env,
    timeout: 60_000,
  });
  expect(JSON.parse(stdout)).toEqual({ signed: 50, meanwhile: 0, onPool: 1 });
}, 70_000);
