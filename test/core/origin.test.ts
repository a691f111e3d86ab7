import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isRequestId, readUserAgent } from '../../src/core/origin.ts';

const token = 'arsia_job_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789_-AbCdE';

describe('the user agent of an origin', () => {
  test.each([
    ['curl/8.5.0', 'curl/8.5.0'],
    ['node', 'node'],
    ['curl/7.81.0-DEV', 'curl/7.81.0-DEV'],
    ['Python/3.11 aiohttp/3.9.1', 'Python/3.11 aiohttp/3.9.1'],
    [
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
      'Mozilla/5.0 AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36',
    ],
    ['kubectl/v1.29.0 (linux/amd64) kubernetes/3f7a50f', 'kubectl/v1.29.0'],
    ['Boto3/1.34.0 md/Botocore#1.34.0 ua/2.0', 'Boto3/1.34.0 ua/2.0'],
  ])('keeps the products of %j', (header, expected) => {
    expect(readUserAgent(header)).toBe(expected);
  });

  test.each([
    ['a token', token],
    ['a token as a product', `${token}/1.0`],
    ['a token as a version', `curl/${token}`],
    ['a token as the suffix of a version', `curl/8.5.0-${token.slice(10)}`],
    ['a JWT', `eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.${'a'.repeat(86)}`],
    ['a passphrase', 'Correct Horse Battery 7'],
    ['an AWS secret key', 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'],
    ['an AWS secret key whose second part begins with a digit', 'wJalrXUtnFEMIaBcDeFg/7K7MDENG-bPxRfiCYEX'],
    ['control characters', 'curl/8.5.0\u0000 \u001b[31m'],
    ['a new line', '\ncurl/8.5.0\n{"level":"error"}'.replaceAll('\n', '\u0085')],
    ['no product', '(comment; only)'],
    ['nothing', ''],
  ])('N45: keeps nothing of %s', (_name, header) => {
    expect(readUserAgent(header)).toBeNull();
  });

  test('N45: leaves a secret out beside a product', () => {
    expect(readUserAgent(`curl/8.5.0 (${token}) ${token} jq/1.7`)).toBe('curl/8.5.0 jq/1.7');
  });

  test('is null without a header', () => {
    expect(readUserAgent(undefined)).toBeNull();
  });

  test('is at most 128 characters of printable ASCII, whatever is sent', () => {
    const word = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.constantFrom('curl/8.5.0', 'Mozilla/5.0', 'a/1', `${'x'.repeat(24)}/v1234567890.1`, token),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 60 }), (words) => {
        expect(readUserAgent(words.join(' ')) ?? 'none').toMatch(/^[\x21-\x7e][\x20-\x7e]{0,127}$/);
      }),
    );
    expect(readUserAgent('a/1 '.repeat(4000))).toBe('a/1 '.repeat(32).trim());
  });
});

test.each([
  ['request-1', true],
  ['a1b2c3d4', true],
  ['short', false],
  ['x'.repeat(65), false],
  ['with blank', false],
  ['line\nbreak', false],
  ['arsia_at_abcdefgh', false],
  ['eyJhbGciOiJSUzI1NiJ9', false],
  ['AKIAIOSFODNN7EXAMPLE', false],
  ['ASIAIOSFODNN7EXAMPLE', false],
  ['ya29.abcdefgh', false],
  [undefined, false],
  [['request-1', 'request-2'], false],
])('N45: the request id %j may be recorded: %s', (given, expected) => {
  expect(isRequestId(given)).toBe(expected);
});
