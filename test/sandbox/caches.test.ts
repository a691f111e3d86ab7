import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  askEntra,
  askGoogle,
  assumeRole,
  azureAudience,
  type Bench,
  googleAudience,
  pasteAws,
  pasteAzure,
  pasteGoogle,
  startBench,
} from './clouds.ts';
import { discoveryPath, jwksPath, type SigningKey } from './issuer.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
  pasteAws(bench);
  pasteAzure(bench);
  pasteGoogle(bench);
});
afterAll(() => bench.close());

const hour = 3600;

async function ask(key: SigningKey): Promise<{ aws: string; azure: string; google: string }> {
  const { issuer } = bench;
  const [aws, azure, google] = await Promise.all([
    assumeRole(bench, await issuer.token({}, { key })),
    askEntra(bench, await issuer.token({ aud: azureAudience }, { key })),
    askGoogle(bench, await issuer.token({ aud: googleAudience, team: 'cfd' }, { key })),
  ]);
  return {
    aws: aws.status === 200 ? 'accepted' : /<Code>(.*)<\/Code>/.exec(aws.text)![1]!,
    azure: azure.status === 200 ? 'accepted' : /AADSTS\d+/.exec(azure.text)![0],
    google: google.status === 200 ? 'accepted' : JSON.parse(google.text).error_description,
  };
}

/** threats.md 4.3: AWS fetches again for an unknown kid; Entra caches keys for 24 h and Google for 1 h. */
test('a rotated key works at AWS at once, at Google after an hour, at Entra after a day', async () => {
  const { issuer, clock } = bench;
  const [old] = issuer.keys as [SigningKey];
  const all = { aws: 'accepted', azure: 'accepted', google: 'accepted' };
  const unknown = 'The signature of the ID Token is not valid.';
  expect(await ask(old)).toEqual(all);
  const fetched = { [discoveryPath]: 3, [jwksPath]: 3 };
  const seen = () => ({ ...issuer.seen });
  expect(seen()).toEqual(fetched);
  clock.advance(hour / 2);
  expect(await ask(old)).toEqual(all);
  expect(seen()).toEqual(fetched);

  const next = await issuer.addKey('k2');
  expect(await ask(next)).toEqual({ aws: 'accepted', azure: 'AADSTS700027', google: unknown });
  clock.advance(hour / 2 - 1);
  expect(await ask(next)).toEqual({ aws: 'accepted', azure: 'AADSTS700027', google: unknown });
  clock.advance(1);
  expect(await ask(next)).toEqual({ aws: 'accepted', azure: 'AADSTS700027', google: 'accepted' });
  clock.advance(23 * hour - 1);
  expect(await ask(next)).toEqual({ ...all, azure: 'AADSTS700027' });
  clock.advance(1);
  expect(await ask(next)).toEqual(all);
});

test('a key that was removed from the JWKS verifies until each cache expires', async () => {
  const { issuer, clock } = bench;
  clock.advance(25 * hour);
  const [old] = issuer.keys as [SigningKey];
  expect(await ask(old)).toEqual({ aws: 'accepted', azure: 'accepted', google: 'accepted' });
  issuer.keys.shift();
  expect(await ask(old)).toEqual({ aws: 'accepted', azure: 'accepted', google: 'accepted' });
  clock.advance(hour);
  expect(await ask(old)).toEqual({
    aws: 'accepted',
    azure: 'accepted',
    google: 'The signature of the ID Token is not valid.',
  });
  clock.advance(23 * hour);
  const gone = await ask(old);
  expect(gone.azure).toBe('AADSTS700027');
  expect(gone.aws).toBe('InvalidIdentityToken');
});
