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

describe('lifetimes', () => {
  test('publish a standby for longer than clouds, our own caches and a slow replica need', () => {
    expect(propagation / 1000).toBe(25 * hour);
    expect(propagation / 1000).toBeGreaterThan(slowestCache + jwksMaximumAge + 3 * keyReloadInterval);
  });

  test('keep a key for 24 h and the tolerance of AWS after its last token', () => {
    expect(retirement / 1000).toBeGreaterThanOrEqual(tokenLifetime.maximum + 5 * minute + slowestCache);
  });

  test('remove the retired key and have a standby ready before the next rotation', () => {
    expect(rotation).toBeGreaterThan(2 * (propagation + retirement));
  });

  test('let a replica reload its keys within 30 s, also when two reads fail', () => {
    expect(3 * keyReloadInterval).toBeLessThanOrEqual(30);
  });

  test('of tokens, permits and jobs are those of the contract', () => {
    expect(tokenLifetime).toEqual({ default: 600, minimum: 60, maximum: 3600 });
    expect({ issuedAtBackdate, permitLifetime }).toEqual({ issuedAtBackdate: 5, permitLifetime: 5 });
    expect(jobDeadline).toMatchObject({ default: 24 * hour, maximum: 7 * 24 * hour });
  });
});
