import { isObject } from '../core/json.ts';
import type { Provider, ReadSettings } from './provider.ts';

/** Member of stored settings that holds their version. Settings of version 1 are stored without it. */
const versionMember = '$version';

/** Returns the settings as they are stored, with the version of their form. */
export function settingsToStore(provider: Provider, settings: ReadSettings): Record<string, unknown> {
  const version = currentVersion(provider);
  return version === 1 ? settings : { ...settings, [versionMember]: version };
}

/**
 * Returns stored settings of any version in the form of this release, with the defaults of members that are newer than the
 * row; or the reason why they cannot be read. Pure.
 */
export function readSettings(provider: Provider, stored: unknown): { settings: ReadSettings } | { fault: string } {
  if (!isObject(stored)) return { fault: 'they are not a JSON object' };
  const { [versionMember]: version = 1, ...members } = stored;
  const current = currentVersion(provider);
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 1)
    return { fault: `their version is ${JSON.stringify(version)}, not a whole number from 1` };
  if (version > current) return { fault: `their version is ${version}, and this release reads up to ${current}` };
  const upgrades = (provider.upgrades ?? []).slice(version - 1);
  const parsed = provider.settings.safeParse(upgrades.reduce((older, upgrade) => upgrade(older), members));
  if (parsed.success) return { settings: parsed.data };
  return { fault: parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`.trim()).join('; ') };
}

function currentVersion({ upgrades = [] }: Provider): number {
  return upgrades.length + 1;
}
