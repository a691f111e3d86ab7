import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createSealer, type SealingContext, SealingError } from '../../../src/signing/sealing/sealing.ts';
import { memoryKey } from '../rig.ts';

const context: SealingContext = { table: 'signing_keys', row: 'kid-1', purpose: 'private key (workload)' };
const secret = Buffer.from('-----BEGIN PRIVATE KEY----- canary');
const refusal = { name: 'SealingError' };

describe('sealing', () => {
  test('opens to the sealed text, and shows none of it', async () => {
    const sealer = createSealer(memoryKey());
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (plaintext) => {
        const sealed = await sealer.seal(plaintext, context);
        expect(Buffer.from(await sealer.open(sealed, context))).toEqual(Buffer.from(plaintext));
        if (plaintext.length > 8) expect(Buffer.from(sealed).includes(Buffer.from(plaintext))).toBe(false);
      }),
    );
  });

  test('never seals the same secret to the same bytes', async () => {
    const sealer = createSealer(memoryKey());
    const sealed = await Promise.all(Array.from({ length: 50 }, () => sealer.seal(secret, context)));
    expect(new Set(sealed.map((one) => Buffer.from(one).toString('hex'))).size).toBe(50);
  });

  test.each<[string, Partial<SealingContext>]>([
    ['another row', { row: 'kid-2' }],
    ['another table', { table: 'oidc_artifacts' }],
    ['another purpose', { purpose: 'private key (authorization)' }],
    ['a boundary that moved', { table: 'signing_keyskid-1', row: '' }],
    ['a quote that moves a boundary', { table: 'signing_keys","kid-1', row: '' }],
  ])('N59 does not open in %s', async (_, change) => {
    const sealer = createSealer(memoryKey());
    const sealed = await sealer.seal(secret, context);
    await expect(sealer.open(sealed, { ...context, ...change })).rejects.toMatchObject(refusal);
  });

  test('N59 does not open with any one byte changed, cut off or added', async () => {
    const sealer = createSealer(memoryKey());
    const sealed = await sealer.seal(secret, context);
    for (let place = 0; place < sealed.length; place++) {
      const altered = Uint8Array.from(sealed, (byte, at) => (at === place ? byte ^ 1 : byte));
      await expect(sealer.open(altered, context)).rejects.toMatchObject(refusal);
      await expect(sealer.open(sealed.slice(0, place), context)).rejects.toMatchObject(refusal);
    }
    await expect(sealer.open(Buffer.concat([sealed, Buffer.of(0)]), context)).rejects.toMatchObject(refusal);
    expect(Buffer.from(await sealer.open(sealed, context))).toEqual(secret);
  });

  test('names the missing key, and shows neither secret nor key', async () => {
    const sealed = await createSealer(memoryKey('old')).seal(secret, context);
    const thrown = await createSealer(memoryKey('new'))
      .open(sealed, context)
      .catch((error: Error) => error);
    expect(thrown).toBeInstanceOf(SealingError);
    expect(String(thrown)).toMatch(/signing_keys kid-1 is sealed under the key old, and this replica has new\./);
    expect(String(thrown)).not.toContain('canary');
  });

  test('does not open under another key of the same name', async () => {
    const sealed = await createSealer(memoryKey('same')).seal(secret, context);
    await expect(createSealer(memoryKey('same')).open(sealed, context)).rejects.toMatchObject(refusal);
  });

  test.each(['', 'x'.repeat(256)])('takes no key whose id does not fit: %#', async (id) => {
    await expect(createSealer(memoryKey(id)).seal(secret, context)).rejects.toMatchObject(refusal);
  });

  test('opens what a former key sealed, and seals it anew under the present one', async () => {
    const [old, present] = [memoryKey('old'), memoryKey('present')];
    const sealed = await createSealer(old).seal(secret, context);
    const both = createSealer(present, [old]);
    expect(Buffer.from(await both.open(sealed, context))).toEqual(secret);
    const moved = await both.reseal(sealed, context);
    expect(Buffer.from(await createSealer(present).open(moved, context))).toEqual(secret);
    await expect(createSealer(old).open(moved, context)).rejects.toMatchObject(refusal);
    expect(await both.reseal(moved, context)).toBe(moved);
    await expect(both.reseal(sealed, { ...context, row: 'kid-2' })).rejects.toMatchObject(refusal);
  });
});
