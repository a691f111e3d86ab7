import { execFileSync } from 'node:child_process';
import { createHash, createPublicKey, verify } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { claimNames, type WorkloadClaims } from '../../../src/core/claims.ts';
import { subjectScopes } from '../../../src/core/subject.ts';
import type { SigningKeyring } from '../../../src/signing/keysets/keyring.ts';
import type { Permit, TokenSigner } from '../../../src/signing/signers/permits.ts';
import type { Signer } from '../../../src/signing/signers/signer.ts';
import { createTokenSigner } from '../../../src/signing/signers/tokensigner.ts';
import { badClaims } from '../../core/badclaims.ts';
import { fixedId, goodClaims, goodIds, goodIssuer } from '../../core/goodclaims.ts';
import { errorOf, makeRig, type Rig, receiptBook } from '../rig.ts';

let rig: Rig;
let keyring: SigningKeyring;
let book: ReturnType<typeof receiptBook>;
let signer: TokenSigner;
let signatures: number;

/** The keyring with every signature counted: a refusal must come before the key is touched. */
function counting(inner: SigningKeyring): Pick<SigningKeyring, 'signer' | 'isPublished'> {
  return {
    isPublished: inner.isPublished,
    signer: () => {
      const { kid, alg, sign } = inner.signer();
      return {
        kid,
        alg,
        sign: (bytes) => {
          signatures += 1;
          return sign(bytes);
        },
      };
    },
  };
}

beforeEach(async () => {
  rig = makeRig();
  keyring = rig.keyring();
  await keyring.start();
  book = receiptBook();
  signatures = 0;
  signer = makeSigner();
});

function makeSigner(): TokenSigner {
  return createTokenSigner({
    keyring: counting(keyring),
    clock: rig.clock,
    issuer: goodIssuer,
    isReceipt: book.isReceipt,
  });
}

async function tokenOf(claims: WorkloadClaims): Promise<string> {
  return signer.sign(signer.prepare(claims), book.record());
}

const decode = (part: string | undefined) => JSON.parse(Buffer.from(part!, 'base64url').toString());

describe('a workload token', () => {
  test.each(subjectScopes)(
    'of scope %s is a compact JWS of exactly these claims, by the published signer',
    async (scope) => {
      const claims = goodClaims(scope);
      const [header, payload, signature] = (await tokenOf(claims)).split('.');
      expect(decode(header)).toEqual({ alg: 'ES256', typ: 'JWT', kid: keyring.signer().kid });
      expect(decode(payload)).toEqual(claims);
      const jwk = JSON.parse(keyring.current().jwks).keys[0];
      const key = createPublicKey({ key: { ...jwk, x5c: undefined }, format: 'jwk' });
      const bytes = Buffer.from(`${header}.${payload}`);
      const isValid = verify('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature!, 'base64url'));
      expect(isValid).toBe(true);
    },
  );

  test('is named by its permit before it exists: jti, kid, event and the hash of its signing input', async () => {
    const claims = goodClaims();
    const permit = signer.prepare(claims);
    const token = await signer.sign(permit, book.record());
    const signingInput = token.slice(0, token.lastIndexOf('.'));
    expect(permit).toEqual({
      jti: claims.jti,
      kid: keyring.signer().kid,
      signing_input_sha256: createHash('sha256').update(signingInput).digest('hex'),
      expires_at: rig.clock.at + 5_000,
    });
  });

  test('of RS256 verifies with OpenSSL by the key and by the certificate of the JWKS', async () => {
    if (!hasOpenssl()) return;
    keyring = rig.keyring({ keySet: 'authorization', alg: 'RS256' });
    await keyring.start();
    signer = makeSigner();
    const token = await tokenOf(goodClaims());
    const [der] = JSON.parse(keyring.current().jwks).keys[0].x5c;
    const folder = mkdtempSync(join(tmpdir(), 'arsia-token-'));
    try {
      const file = (name: string, content: string | Buffer) => {
        writeFileSync(join(folder, name), content);
        return join(folder, name);
      };
      const certificate = file('certificate.der', Buffer.from(der, 'base64'));
      const pem = execFileSync('openssl', ['x509', '-inform', 'DER', '-in', certificate, '-noout', '-pubkey']);
      const [head, body, signature] = token.split('.');
      const input = file('input', `${head}.${body}`);
      const raw = file('signature', Buffer.from(signature!, 'base64url'));
      const told = execFileSync('openssl', [
        'dgst',
        '-sha256',
        '-verify',
        file('key.pem', pem),
        '-signature',
        raw,
        input,
      ]);
      expect(told.toString()).toBe('Verified OK\n');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('N64 the signer refuses', () => {
  const refused = async (claims: unknown) => {
    const error = await errorOf(() => signer.prepare(claims as WorkloadClaims));
    expect(error.code).toBe('claims_refused');
    expect(error.row.status).toBe(422);
    expect(signatures).toBe(0);
    return error.message;
  };

  test.each(claimNames)('every bad value of %s', async (name) => {
    for (const value of badClaims[name]) {
      const claims = { ...goodClaims(), [name]: value };
      expect(await refused(claims)).toContain('refused before signing');
    }
    await refused({ ...goodClaims(), [name]: null });
  });

  test.each([
    ['an extra azp', { azp: 'aws' }],
    ['a second audience', { aud: ['aws', 'sts.amazonaws.com'] }],
    ['an act of RFC 8693', { act: { sub: 'victim' } }],
    ['an actor as text', { sun: 'root' }],
  ])('%s', async (_, change) => {
    await refused({ ...goodClaims(), ...change });
  });

  test('N38 a subject over 127 bytes', async () => {
    await refused({ ...goodClaims(), sub: `${goodClaims().sub}:${'a'.repeat(128)}` });
  });

  test.each([undefined, null, 'text', 1, [], [{}], () => 1])('claims that are %p', async (claims) => {
    await refused(claims);
  });

  test('an object that serialises to something else', async () => {
    const claims = goodClaims();
    await refused(Object.assign({ ...claims }, { toJSON: () => ({ ...claims, sub: 'victim' }) }));
    let reads = 0;
    const shifty = Object.defineProperty({ ...claims }, 'aud', {
      enumerable: true,
      get: () => (++reads === 1 ? ['aws', 'other'] : 'aws'),
    });
    await refused(shifty);
    await refused(Object.assign(Object.create({ iss: claims.iss }), { ...claims, iss: undefined }));
  });

  test('N10 another issuer', async () => {
    await refused(goodClaims('workspace', { issuer: `${goodIssuer}.evil.example` }));
  });

  test('F18 a token of the future or the past', async () => {
    const at = rig.clock.at;
    expect(await refused(goodClaims('workspace', { now: at + 6_000 }))).toContain('iat is in the future');
    expect(await refused(goodClaims('workspace', { now: at - 595_000 }))).toContain('exp is past');
    for (const now of [at + 5_000, at - 594_000])
      expect(signer.prepare(goodClaims('workspace', { now })).kid).toBe(keyring.signer().kid);
  });
});

describe('N65 a permit', () => {
  const refusalOf = async (permit: Permit, receipt = book.record(permit.jti)) => {
    const { code, message } = await errorOf(() => signer.sign(permit, receipt));
    return `${code}: ${message}`;
  };
  const isSpent = /^internal: A permit was used twice, or was not made by this signer/;
  const isUnrecorded = /^internal: A permit was used without the receipt of its own audit record/;
  const isLate = /^unavailable: The token was not signed within 5 s/;

  test('signs once, also when 20 try at once', async () => {
    const permit = signer.prepare(goodClaims());
    const receipt = book.record();
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => signer.sign(permit, receipt)));
    expect(outcomes.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
    expect(signatures).toBe(1);
    expect(await refusalOf(permit, receipt)).toMatch(isSpent);
  });

  test('lives 5 s, and not a millisecond more', async () => {
    const [kept, late] = [signer.prepare(goodClaims()), signer.prepare(goodClaims())];
    rig.clock.at += 4_999;
    await expect(signer.sign(kept, book.record())).resolves.toEqual(expect.any(String));
    rig.clock.at += 1;
    expect(await refusalOf(late)).toMatch(isLate);
    rig.clock.at -= 2_000;
    expect(await refusalOf(late)).toMatch(isSpent);
    expect(signatures).toBe(1);
  });

  test('is not revived by a clock that is set back', async () => {
    const permit = signer.prepare(goodClaims());
    rig.clock.at -= 1;
    expect(await refusalOf(permit)).toMatch(isLate);
    expect(signatures).toBe(0);
  });

  test('cannot be forged, copied or altered', async () => {
    const permit = signer.prepare(goodClaims());
    for (const forged of [{ ...permit }, Object.create(permit), JSON.parse(JSON.stringify(permit)), {}])
      expect(await refusalOf(forged as Permit, book.record())).toMatch(isSpent);
    expect(Object.isFrozen(permit)).toBe(true);
    expect(JSON.stringify(permit)).not.toContain('eyJ');
    expect(signatures).toBe(0);
  });

  test('signs the bytes that it was made for, also when the claims change afterwards', async () => {
    const claims = goodClaims();
    const permit = signer.prepare(claims);
    const [before, sub] = [JSON.stringify(claims), claims.sub];
    claims.sub = 'victim';
    const token = await signer.sign(permit, book.record());
    expect(decode(token.split('.')[1])).toEqual(JSON.parse(before));
    expect(sub).not.toBe('victim');
  });

  test('is refused by another signer', async () => {
    expect(await refusalOf(makeSigner().prepare(goodClaims()))).toMatch(isSpent);
    expect(signatures).toBe(0);
  });

  test('signs only with the receipt of its own record, made by the audit store', async () => {
    const receipts = [book.record(fixedId('event', 2)), { event_id: goodIds.event }, { ...book.record() }, null, {}];
    for (const receipt of receipts)
      expect(await refusalOf(signer.prepare(goodClaims()), receipt as never)).toMatch(isUnrecorded);
    expect(signatures).toBe(0);
  });

  test('is spent by a wrong receipt', async () => {
    const permit = signer.prepare(goodClaims());
    await refusalOf(permit, book.record(fixedId('event', 2)));
    expect(await refusalOf(permit, book.record())).toMatch(isSpent);
    expect(signatures).toBe(0);
  });

  test('of a key that was revoked since signs nothing', async () => {
    const permit = signer.prepare(goodClaims());
    await keyring.revoke(permit.kid);
    expect(await refusalOf(permit)).toMatch(/^unavailable: The signing key was withdrawn/);
    expect(signatures).toBe(0);
  });

  test('of a key that was rotated out since still signs, since it is published', async () => {
    const permit = signer.prepare(goodClaims());
    const now = rig.clock.at;
    rig.clock.at += 30 * 86_400_000;
    await keyring.rotate();
    rig.clock.at = now;
    const token = await signer.sign(permit, book.record());
    expect(decode(token.split('.')[0]).kid).toBe(permit.kid);
    expect(keyring.isPublished(permit.kid)).toBe(true);
    expect(keyring.signer().kid).not.toBe(permit.kid);
  });
});

describe('a remote signer', () => {
  const remote: Signer = {
    kid: 'kms-1',
    alg: 'RS256',
    sign: async (bytes) => createHash('sha256').update(bytes).digest(),
  };

  test('is used like a local one, and its failure reaches the caller', async () => {
    let isAway = false;
    signer = createTokenSigner({
      keyring: {
        isPublished: () => true,
        signer: () => ({
          ...remote,
          sign: async (bytes) => (isAway ? Promise.reject(new Error('away')) : remote.sign(bytes)),
        }),
      },
      clock: rig.clock,
      issuer: goodIssuer,
      isReceipt: book.isReceipt,
    });
    const token = await tokenOf(goodClaims());
    const [header, payload, signature] = token.split('.');
    expect(decode(header)).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'kms-1' });
    expect(signature).toBe(createHash('sha256').update(`${header}.${payload}`).digest('base64url'));
    isAway = true;
    expect((await errorOf(() => tokenOf(goodClaims()))).code).toBe('internal');
  });
});
