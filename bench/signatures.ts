import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

/** Peer (a): only RS256 signatures of 2048 bits in the thread pool, 64 at a time. Receives seconds, and sends a rate. */
const atOnce = 64;
/** About the length of a signing input. */
const input = Buffer.alloc(1000, 'a');

export interface SignatureRate {
  /** Signatures per second. */
  rate: number;
}

function signOnce(key: KeyObject): Promise<void> {
  return new Promise((resolve, reject) => sign('sha256', input, key, (error) => (error ? reject(error) : resolve())));
}

async function measure(key: KeyObject, seconds: number): Promise<SignatureRate> {
  const begun = performance.now();
  const end = begun + seconds * 1000;
  let count = 0;
  const lane = async () => {
    for (; performance.now() < end; count++) await signOnce(key);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return { rate: (count * 1000) / (performance.now() - begun) };
}

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
process.on('message', async (seconds: number) => process.send!(await measure(privateKey, seconds)));
process.send!('ready');
// The parent process has ended.
process.on('disconnect', () => process.exit());
