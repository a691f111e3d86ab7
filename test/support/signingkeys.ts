import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type MakeSigningKey, makeSigningKey, type SigningKeyPair } from '../../src/signing/keysets/signingkeys.ts';

let taken = 0;

/**
 * Returns the next key pair of the stock of this test run. Each test file takes pair 0, 1, 2 and so on: no pair occurs twice
 * in its databases, and the run makes each pair once. An RSA pair costs 80 ms of CPU time.
 */
export const stockedSigningKey: MakeSigningKey = async (alg) => {
  const folder = join(process.env.ARSIA_TEST_FOLDER ?? '', 'signing-keys');
  const path = join(folder, `${alg}-${taken++}.json`);
  const stocked = await readFile(path, 'utf8').catch(() => undefined);
  if (stocked !== undefined) {
    const { pkcs8, ...pair } = JSON.parse(stocked) as SigningKeyPair & { pkcs8: string };
    return { ...pair, pkcs8: Buffer.from(pkcs8, 'base64') };
  }
  const pair = await makeSigningKey(alg);
  await mkdir(folder, { recursive: true });
  // A file with another name first: another worker may read at any time.
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  await writeFile(draft, JSON.stringify({ ...pair, pkcs8: Buffer.from(pair.pkcs8).toString('base64') }));
  await rename(draft, path);
  return pair;
};
