import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import type { Provider, ReadSettings } from '../../src/providers/provider.ts';
import { providers } from '../../src/providers/registry.ts';
import { readSettings, settingsToStore } from '../../src/providers/storedsettings.ts';
import { oldestSettings, sampleSettings } from './samples.ts';

/** A provider at version 3: `host` became `url`, then `url` became a list. */
const cloud = {
  type: 'cloud',
  title: 'Cloud',
  settings: z.strictObject({ urls: z.array(z.url('must be a URL')), depth: z.int().default(2) }),
  upgrades: [
    ({ host, ...rest }) => ({ ...rest, url: `https://${host}` }),
    ({ url, ...rest }) => ({ ...rest, urls: [url] }),
  ],
  answer: {},
} satisfies Provider<unknown> as Provider<unknown> as Provider;

describe.each(providers.map((provider) => [provider.type, provider] as const))('stored settings of %s', (type, one) => {
  test('of the oldest forms are read with the current defaults', () => {
    const forms = oldestSettings(type);
    expect(forms.length).toBeGreaterThan(0);
    for (const stored of forms) {
      const today = one.settings.safeParse(stored).data ?? expect.anything();
      expect(readSettings(one, stored)).toEqual({ settings: today });
    }
  });

  test('are read as they were written', () => {
    const settings = sampleSettings(one);
    expect(readSettings(one, JSON.parse(JSON.stringify(settingsToStore(one, settings))))).toEqual({ settings });
  });

  test('of a newer release are a fault', () => {
    const stored = { ...sampleSettings(one), $version: 1_000 };
    expect(readSettings(one, stored)).toEqual({ fault: expect.stringMatching(/version is 1000, .* reads up to \d+$/) });
  });
});

test('stored settings of each version are upgraded, and written with the current version', () => {
  const settings = { urls: ['https://a.example'], depth: 2 };
  for (const stored of [
    { host: 'a.example' },
    { $version: 1, host: 'a.example' },
    { $version: 2, url: 'https://a.example' },
    { $version: 3, urls: ['https://a.example'] },
  ])
    expect(readSettings(cloud, stored)).toEqual({ settings });
  expect(settingsToStore(cloud, settings as unknown as ReadSettings)).toEqual({ ...settings, $version: 3 });
});

test.each([
  [null, 'not a JSON object'],
  [[], 'not a JSON object'],
  ['{}', 'not a JSON object'],
  [{ $version: 0 }, 'version is 0'],
  [{ $version: '1' }, 'version is "1"'],
  [{ $version: 3, urls: ['x'] }, 'urls.0 must be a URL'],
  [{ $version: 3, urls: [], more: 1 }, 'more'],
])('stored settings %j are a fault', (stored, fault) => {
  expect(readSettings(cloud, stored)).toEqual({ fault: expect.stringContaining(fault) });
});

test('stored settings do not have the type of settings that were read', () => {
  const stored: unknown = {};
  // @ts-expect-error: what the database holds is unknown
  const use = () => providers[0]!.federated!.namesUser!(stored);
  expect(use).toBeInstanceOf(Function);
});
