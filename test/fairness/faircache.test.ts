import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { createFairCache } from '../../src/fairness/faircache.ts';

const kilobyte = 1024;

function rig({ maximumBytes = 100 * kilobyte, shareBytes = 40 * kilobyte, maximumAge = 60_000 } = {}) {
  const cache = createFairCache({ maximumBytes, shareBytes, maximumAge });
  const map = cache.map<string>();
  const keep = (organization_id: string, name: string, bytes = 10 * kilobyte, since = performance.now()) =>
    map.keep(name, { organization_id, value: `of ${name}`, since, bytes });
  return { cache, map, keep };
}

describe('N67 a cache that organisations share', () => {
  test('finds what was kept, and no longer what was forgotten', () => {
    const { cache, map, keep } = rig();
    keep('acme', 'a');
    expect(map.find('a')?.value).toBe('of a');
    map.forget('a');
    map.forget('never kept');
    expect(map.find('a')).toBeUndefined();
    expect(cache.held()).toEqual({ entries: 0, bytes: 0 });
  });

  test('counts an entry that replaces another once', () => {
    const { cache, keep } = rig();
    keep('acme', 'a');
    const { bytes } = cache.held();
    keep('acme', 'a');
    expect(cache.held()).toEqual({ entries: 1, bytes });
  });

  test('an organisation at its share loses its own oldest entry', () => {
    const { map, keep } = rig();
    keep('globex', 'theirs');
    for (const name of ['a', 'b', 'c', 'd']) keep('acme', name);
    expect(map.find('a')).toBeUndefined();
    expect(['b', 'c', 'd', 'theirs'].every((name) => map.find(name) !== undefined)).toBe(true);
  });

  test('at the bound of all, the organisation that holds most loses its oldest entry', () => {
    const { cache, map, keep } = rig();
    keep('small', 'small');
    for (let turn = 0; turn < 50; turn++)
      for (const greedy of ['one', 'two', 'three', 'four']) keep(greedy, `${greedy} ${turn}`);
    expect(map.find('small')?.value).toBe('of small');
    expect(cache.held().bytes).toBeLessThanOrEqual(100 * kilobyte);
    expect(cache.held().entries).toBe(9);
  });

  test('an entry larger than a share is not kept, and pushes nothing out', () => {
    const { map, keep } = rig();
    keep('acme', 'a');
    keep('acme', 'huge', 50 * kilobyte);
    expect(map.find('huge')).toBeUndefined();
    expect(map.find('a')).toBeDefined();
  });

  test('counts the entries of all its maps together', () => {
    const { cache, keep } = rig();
    keep('acme', 'a');
    cache.map<number>().keep('a', { organization_id: 'acme', value: 1, since: performance.now(), bytes: kilobyte });
    expect(cache.held().entries).toBe(2);
  });

  test('an entry beyond its age is not found', () => {
    const { map, keep } = rig({ maximumAge: 1_000 });
    keep('acme', 'a', kilobyte, performance.now() - 1_000);
    expect(map.find('a')).toBeUndefined();
  });

  test('drops entries beyond their age without a request', async () => {
    const { cache, keep } = rig({ maximumAge: 200 });
    for (const organization of ['acme', 'globex']) keep(organization, organization);
    expect(cache.held().entries).toBe(2);
    const end = performance.now() + 30_000;
    while (cache.held().entries > 0 && performance.now() < end) await sleep(50);
    expect(cache.held()).toEqual({ entries: 0, bytes: 0 });
  });
});
