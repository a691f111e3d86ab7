import { describe, expect, test } from '@jest/globals';
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import type { SigningKeyring } from '../../../src/signing/keysets/keyring.ts';
import { createTokenSigner } from '../../../src/signing/signers/tokensigner.ts';
import { goodClaims, goodIssuer } from '../../core/goodclaims.ts';
import { day, errorOf, type HandClock, hour, kidsOf, makeRig, type Rig, receiptBook } from '../rig.ts';

const minute = 60_000;

/** How a cloud keeps a JWKS (threats.md 3.2 and 4.3): for how long, and whether an unknown `kid` makes it ask again. */
const cacheModels = {
  aws: { life: 6 * hour, refetches: true, leeway: 300 },
  entra: { life: 24 * hour, refetches: false, leeway: 0 },
  google: { life: hour, refetches: false, leeway: 0 },
} as const;

/** One verifying machine of a cloud. It knows the served text of the JWKS and nothing else of Arsia. */
class CloudCache {
  readonly model: (typeof cacheModels)[keyof typeof cacheModels];
  readonly fetchJwks: () => string;
  readonly clock: HandClock;
  #fetchedAt = 0;
  #text = '';
  #keys: ReturnType<typeof createLocalJWKSet> | undefined;

  /** `age`: how long ago the first fetch will seem to have been, so that the caches run out at different times. */
  constructor(model: CloudCache['model'], fetchJwks: () => string, clock: HandClock, age: number) {
    this.model = model;
    this.fetchJwks = fetchJwks;
    this.clock = clock;
    this.#fetch();
    this.#fetchedAt -= age;
  }

  async accepts(token: string): Promise<boolean> {
    const { kid } = decodeProtectedHeader(token);
    if (this.clock.at - this.#fetchedAt >= this.model.life) this.#fetch();
    else if (this.model.refetches && !kidsOf(this.#text).includes(kid!)) this.#fetch();
    const currentDate = new Date(this.clock.at);
    const options = { algorithms: ['RS256', 'ES256'], issuer: goodIssuer, audience: 'aws', currentDate };
    return jwtVerify(token, this.#keys!, { ...options, clockTolerance: this.model.leeway }).then(
      () => true,
      () => false,
    );
  }

  #fetch(): void {
    this.#text = this.fetchJwks();
    this.#keys = createLocalJWKSet(JSON.parse(this.#text));
    this.#fetchedAt = this.clock.at;
  }
}

/** Machines of all three clouds, each with a cache of its own age, fetching from replicas in turn. */
function cloudsOn(rig: Rig, replicas: SigningKeyring[]): CloudCache[] {
  let turn = 0;
  const fetchJwks = () => replicas[turn++ % replicas.length]!.current().jwks;
  return Object.values(cacheModels).flatMap((model) =>
    [0, 1, 2].map((index) => new CloudCache(model, fetchJwks, rig.clock, (index * model.life) / 3)),
  );
}

async function mintBy(rig: Rig, keyring: SigningKeyring, lifetime: number): Promise<string> {
  const book = receiptBook();
  const signer = createTokenSigner({ keyring, clock: rig.clock, issuer: goodIssuer, isReceipt: book.isReceipt });
  const claims = goodClaims('workspace', { now: rig.clock.at, lifetime });
  return signer.sign(signer.prepare(claims), book.record());
}

interface Outcome {
  tokens: number;
  verifications: number;
  failures: string[];
  signers: Set<string>;
}

/**
 * `days` of traffic in turns of 20 minutes: the replicas mint in turn, one of them lags behind the store, and each
 * token is judged by every machine when it is issued and once more just before it expires.
 */
async function simulate(
  rig: Rig,
  replicas: SigningKeyring[],
  days: number,
  each: (turn: number) => Promise<void>,
): Promise<Outcome> {
  const clouds = cloudsOn(rig, replicas);
  const outcome: Outcome = { tokens: 0, verifications: 0, failures: [], signers: new Set() };
  let pending: { token: string; judgeAt: number }[] = [];
  const begin = rig.clock.at;
  const judge = async (token: string, moment: string) => {
    for (const [index, cloud] of clouds.entries()) {
      outcome.verifications += 1;
      if (!(await cloud.accepts(token)))
        outcome.failures.push(`machine ${index} ${moment} at ${(rig.clock.at - begin) / hour} h`);
    }
  };
  for (let turn = 0; rig.clock.at < begin + days * day; turn++) {
    await each(turn);
    const minter = replicas[turn % replicas.length]!;
    const token = await mintBy(rig, minter, turn % 3 === 0 ? 3600 : 600);
    outcome.signers.add(decodeProtectedHeader(token).kid!);
    expect(kidsOf(minter.current().jwks)).toContain(decodeProtectedHeader(token).kid);
    expect(kidsOf(minter.current().jwks).length).toBeLessThanOrEqual(3);
    outcome.tokens += 1;
    await judge(token, 'at issue');
    if (turn % 3 === 0) pending.push({ token, judgeAt: rig.clock.at + 3594 * 1000 });
    const next = rig.clock.at + 20 * minute;
    for (const one of pending.filter(({ judgeAt }) => judgeAt < next)) {
      rig.clock.at = one.judgeAt;
      await judge(one.token, 'before expiry');
    }
    pending = pending.filter(({ judgeAt }) => judgeAt >= next);
    rig.clock.at = next;
  }
  return outcome;
}

describe('F17 rotation under traffic', () => {
  test('as often as possible for seven days fails no token in any cloud', async () => {
    const rig = makeRig();
    const [quick, lagging] = [rig.keyring({ alg: 'RS256' }), rig.keyring({ alg: 'RS256' })];
    await quick.start();
    await lagging.start();
    const outcome = await simulate(rig, [quick, lagging], 7, async (turn) => {
      await quick.rotate({ force: true }).catch(() => undefined);
      if (turn % 2 === 1) await lagging.reload();
    });
    expect(outcome.failures.slice(0, 5)).toEqual([]);
    expect(outcome.signers.size).toBeGreaterThanOrEqual(6);
    expect(outcome.verifications).toBeGreaterThan(5_000);
  });

  test('with a standby that signs too early fails at Entra, so the clouds of this test would notice', async () => {
    const rig = makeRig();
    const keyring = rig.keyring();
    await keyring.start();
    const outcome = await simulate(rig, [keyring], 3, async (turn) => {
      // Revoked twice in a row, so that what signs then was published minutes ago: the emergency, not the plan.
      if (turn === 100) {
        await keyring.revoke(keyring.signer().kid);
        await keyring.revoke(keyring.signer().kid);
      }
    });
    expect(outcome.failures.length).toBeGreaterThan(0);
  });

  test('in an emergency fails no token of a standby that was published long enough', async () => {
    const rig = makeRig();
    const [a, b] = [rig.keyring(), rig.keyring()];
    await a.start();
    await b.start();
    const outcome = await simulate(rig, [a, b], 3, async (turn) => {
      // Tokens of the leaked key that are out are meant to fail from here on, so only those at issue count.
      if (turn === 150) await a.revoke(a.signer().kid);
      await b.ensureVersion(a.current().version);
    });
    expect(outcome.signers.size).toBe(2);
    expect(outcome.failures.filter((one) => one.endsWith('at issue'))).toEqual([]);
  });

  test('N59 never signs with a key that is not in its own JWKS', async () => {
    const rig = makeRig();
    const keyring = rig.keyring();
    await keyring.start();
    rig.store.tamper((rows) => rows.filter((row) => row.state !== 'active'), { bump: true });
    await keyring.ensureVersion(2);
    expect((await errorOf(() => mintBy(rig, keyring, 600))).code).toBe('unavailable');
  });
});
