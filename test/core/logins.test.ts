import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { makeId } from '../../src/core/ids.ts';
import { normalizeEmail, proposeLogin } from '../../src/core/logins.ts';
import { isLogin } from '../../src/core/names.ts';

describe('the login proposed for a new user', () => {
  test.each([
    ['ada@acme.example', 'someone', 'ada@acme.example'],
    [null, 'Ada.Lovelace', 'ada.lovelace'],
    // Chosen by the person, it must not look like an address that somebody verified.
    [null, 'ada@acme.example', 'ada'],
    [null, '@acme.example', 'user'],
    [null, null, 'user'],
    [null, 'Åda Ö!', 'da'],
    [null, 'a'.repeat(80), 'a'.repeat(56)],
    // Nor like the id of somebody.
    [null, 'usr_01jznk00000000000000000000', 'user'],
    // No login has an apostrophe.
    ["o'hara@acme.example", 'ohara', 'ohara'],
    [`${'a'.repeat(50)}@acme.example`, null, 'user'],
  ])('from %p and %p is %p', (verified_email, username, login) => {
    expect(proposeLogin({ verified_email, username })).toBe(login);
  });

  test('is a valid login with room for a suffix, whatever the provider sends', () => {
    fc.assert(
      fc.property(fc.option(fc.emailAddress()), fc.option(fc.string({ unit: 'binary' })), (email, username) => {
        const login = proposeLogin({ verified_email: email && normalizeEmail(email), username });
        expect(isLogin(`${login}-abcdef`)).toBe(true);
      }),
    );
  });
});

describe('addresses in the form in which they are compared', () => {
  test.each([
    ['Ada@ACME.Example', 'ada@acme.example'],
    ['a.b+c@x.example', 'a.b+c@x.example'],
    ['ada', null],
    ['ada@', null],
    ['@acme.example', null],
    ['ada@acme..example', null],
    ['ada@-acme.example', null],
    ['ada@acme.example ', null],
    ['Ada <ada@acme.example>', null],
    ['ada@acme.example\n', null],
    ['a@b@c', null],
    ['\u212Aelvin@acme.example', null],
    ['ada@\u0430cme.example', null],
    [`${'a'.repeat(65)}@acme.example`, null],
    [`a@${'a.'.repeat(130)}example`, null],
  ])('%p becomes %p', (text, email) => {
    expect(normalizeEmail(text)).toBe(email);
  });

  test('long input is normalised in linear time', () => {
    expect(normalizeEmail(`a@${'a'.repeat(1_000_000)}`)).toBeNull();
    expect(normalizeEmail(`${'a.'.repeat(120)}@`)).toBeNull();
  });
});

test('N26 no login is the id of a user', () => {
  const id = makeId('user', 1_800_000_000_000, (bytes) => new Uint8Array(bytes).fill(200));
  expect(isLogin(id)).toBe(false);
  for (const near of [`${id}x`, id.slice(0, -1), id.replace('usr', 'use'), 'usr_']) expect(isLogin(near)).toBe(true);
});
