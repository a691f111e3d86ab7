import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type IdKind, idPrefixes, isId, makeId } from '../../src/core/ids.ts';

const kinds = Object.keys(idPrefixes) as IdKind[];
const anyKind = fc.constantFrom(...kinds);
const anyTime = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const anyRandom = fc.uint8Array({ minLength: 10, maxLength: 10 });

/** The 16 bytes behind an id, decoded here from Crockford's own alphabet. */
function uuidOf(id: string): Uint8Array {
  let value = 0n;
  for (const letter of id.slice(id.indexOf('_') + 1))
    value = value * 32n + BigInt('0123456789abcdefghjkmnpqrstvwxyz'.indexOf(letter));
  return Uint8Array.from(Buffer.from(value.toString(16).padStart(32, '0'), 'hex'));
}

describe('ids', () => {
  test('are a prefix of their kind and 26 lower-case Crockford characters', () => {
    fc.assert(
      fc.property(anyKind, anyTime, anyRandom, (kind, now, random) => {
        const id = makeId(kind, now, () => random);
        expect(id).toMatch(/^[a-z]+_[0-7][0-9a-hjkmnp-tv-z]{25}$/);
        expect(kinds.filter((one) => isId(one, id))).toEqual([kind]);
      }),
    );
  });

  test('hold a UUIDv7 (RFC 9562 5.7): milliseconds, version, variant and 74 random bits', () => {
    fc.assert(
      fc.property(anyTime, anyRandom, (now, random) => {
        const bytes = uuidOf(makeId('user', now, () => random));
        expect(bytes.slice(0, 6).reduce((time, byte) => time * 256 + byte, 0)).toBe(now);
        expect(bytes[6]! >> 4).toBe(7);
        expect(bytes[8]! >> 6).toBe(2);
        expect(bytes[6]! & 0x0f).toBe(random[0]! & 0x0f);
        expect(bytes[7]).toBe(random[1]);
        expect(bytes[8]! & 0x3f).toBe(random[2]! & 0x3f);
        expect([...bytes.slice(9)]).toEqual([...random.slice(3)]);
      }),
    );
  });

  test('sort by the time at which they were made', () => {
    fc.assert(
      fc.property(anyTime, anyTime, anyRandom, anyRandom, (one, other, left, right) => {
        fc.pre(one !== other);
        const [early, late] = one < other ? [one, other] : [other, one];
        expect(makeId('job', early, () => left) < makeId('job', late, () => right)).toBe(true);
      }),
    );
  });

  test('are unique within one millisecond', () => {
    const made = Array.from({ length: 20_000 }, () => makeId('event', 1, randomBytes));
    expect(new Set(made).size).toBe(made.length);
  });

  const good = makeId('workspace', 1_700_000_000_000, (bytes) => new Uint8Array(bytes).fill(7));
  const body = good.slice('ws_'.length);
  test.each([
    ['upper case', good.toUpperCase()],
    ['another prefix', `usr_${body}`],
    ['a prefix that continues', `xws_${body}`],
    ['no prefix', body],
    ['one character less', good.slice(0, -1)],
    ['one character more', `${good}0`],
    ['a letter that Crockford left out', `${good.slice(0, -1)}u`],
    ['more than 128 bits', `ws_8${body.slice(1)}`],
    ['a newline behind', `${good}\n`],
    ['a space before', ` ${good}`],
    ['a separator inside', `${good.slice(0, 10)}:${good.slice(11)}`],
    ['nothing', ''],
  ])('N33 refuses %s', (_, text) => {
    expect(isId('workspace', text)).toBe(false);
  });
});
