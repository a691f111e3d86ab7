import { describe, expect, test } from '@jest/globals';
import { propagation, retirement, rotation } from '../../src/core/keystates.ts';
import {
  hour,
  issuedAtBackdate,
  jobDeadline,
  jwksMaximumAge,
  keyReloadInterval,
  minute,
  permitLifetime,
  tokenLifetime,
} from '../../src/core/lifetimes.ts';

/** The slowest cache of the clouds: Entra keeps a JWKS for 24 h and refetches for no `kid` (threats.md 3.2). */
const slowestCache = 24 * hour;

describe('lifetimes fit each other', () => {
  test('a standby is published for longer than any cache, our own and a slow replica', () => {
    expect(propagation / 1000).toBe(25 * hour);
    expect(propagation / 1000).toBeGreaterThan(slowestCache + jwksMaximumAge + 3 * keyReloadInterval);
  });

  test('a key outlives its last token by AWS`s tolerance and by 24 h of caches', () => {
    expect(retirement / 1000).toBeGreaterThanOrEqual(tokenLifetime.maximum + 5 * minute + slowestCache);
  });

  test('the retired key is gone, and the standby ready, long before the next rotation', () => {
    expect(rotation).toBeGreaterThan(2 * (propagation + retirement));
  });

  test('a replica that missed the news catches up within 30 s, two lost turns included', () => {
    expect(3 * keyReloadInterval).toBeLessThanOrEqual(30);
  });

  test('tokens, permits and jobs live as the contract says', () => {
    expect(tokenLifetime).toEqual({ default: 600, minimum: 60, maximum: 3600 });
    expect({ issuedAtBackdate, permitLifetime }).toEqual({ issuedAtBackdate: 5, permitLifetime: 5 });
    expect(jobDeadline).toMatchObject({ default: 24 * hour, maximum: 7 * 24 * hour });
  });
});
