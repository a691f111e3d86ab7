import { describe, expect, test } from '@jest/globals';
import { findTimeFault } from '../../src/core/numericdates.ts';

const now = 1_790_000_000;
const day = 86_400;
const bounds = { now, tolerance: 60, lifetime: day };
const sound = { iat: now - 5, nbf: now - 5, exp: now + 600 };
const judge = (change: object) => findTimeFault({ ...sound, ...change }, bounds);

describe('N77 the times of an outside token', () => {
  test.each([
    ['as they should be', {}],
    ['a life of 24 h, on its last second', { iat: now - day - 59, exp: now - 59, nbf: undefined }],
    ['a life of 24 h, at its begin', { iat: now, exp: now + day }],
    ['iat and nbf within the tolerance', { iat: now + 60, nbf: now + 60 }],
    ['no nbf', { nbf: undefined }],
    ['no iat, and 24 h left', { iat: undefined, exp: now + day }],
  ])('accepts %s', (_name, change) => {
    expect(judge(change)).toBeUndefined();
  });

  const whole = 'whole seconds since 1970';
  test.each([
    ['no exp', { exp: undefined }, 'exp', 'missing', whole],
    ['exp null', { exp: null }, 'exp', 'null', whole],
    ['exp as text', { exp: String(now + 600) }, 'exp', `"${now + 600}"`, whole],
    [
      'exp as a long text with a line break',
      { exp: 'x\n'.repeat(500) },
      'exp',
      expect.stringMatching(/^"x\\n.{0,220}\.\.\.$/),
      whole,
    ],
    ['exp 1e999', { exp: JSON.parse('1e999') }, 'exp', 'Infinity', whole],
    ['exp 1e300', { exp: 1e300 }, 'exp', '1e+300', whole],
    ['exp NaN', { exp: Number.NaN }, 'exp', 'NaN', whole],
    ['exp with a fraction', { exp: now + 600.5 }, 'exp', `${now + 600.5}`, whole],
    ['exp negative', { exp: -1 }, 'exp', '-1', whole],
    ['exp in milliseconds', { exp: (now + 600) * 1000 }, 'exp', `${now + 600}000`, `${whole}, not milliseconds`],
    ['iat in milliseconds', { iat: now * 1000 }, 'iat', `${now}000`, `${whole}, not milliseconds`],
    ['iat with a fraction', { iat: now - 5.5 }, 'iat', `${now - 5.5}`, whole],
    ['iat -1e999', { iat: JSON.parse('-1e999') }, 'iat', '-Infinity', whole],
    ['iat null', { iat: null }, 'iat', 'null', whole],
    ['nbf as an array', { nbf: [now] }, 'nbf', `[${now}]`, whole],
    ['nbf 1e999', { nbf: JSON.parse('1e999') }, 'nbf', 'Infinity', whole],
    [
      'iat in the future',
      { iat: now + 61 },
      'iat',
      `${now + 61}`,
      `at most ${now + 60}, which is now and 60 s of tolerance`,
    ],
    [
      'nbf in the future',
      { nbf: now + 61 },
      'nbf',
      `${now + 61}`,
      `at most ${now + 60}, which is now and 60 s of tolerance`,
    ],
    ['exp in the past', { exp: now - 60 }, 'exp', `${now - 60}`, `after ${now - 60}: the token has expired`],
    ['iat after exp', { iat: now + 30, exp: now + 20 }, 'exp', `${now + 20}`, `after its iat, ${now + 30}`],
    ['iat equal to exp', { iat: now, exp: now }, 'exp', `${now}`, `after its iat, ${now}`],
    [
      'a life of 24 h and 1 s',
      { iat: now, exp: now + day + 1 },
      'exp',
      `${now + day + 1}`,
      `at most ${day} s after its iat, ${now}`,
    ],
    [
      'a year, on its last day',
      { iat: now - 364 * day, exp: now + day },
      'exp',
      `${now + day}`,
      `at most ${day} s after its iat, ${now - 364 * day}`,
    ],
    [
      '100 years',
      { exp: now + 100 * 365 * day },
      'exp',
      `${now + 100 * 365 * day}`,
      `at most ${day} s after its iat, ${now - 5}`,
    ],
    [
      'no iat, and more than 24 h left',
      { iat: undefined, exp: now + day + 1 },
      'exp',
      `${now + day + 1}`,
      `at most ${day} s after now`,
    ],
  ])('refuses %s, and says which claim, its value, and what it must be', (_name, change, claim, actual, expected) => {
    expect(judge(change)).toEqual({ claim, actual, expected });
  });
});
