import { ArsiaError } from '../../core/errors.ts';
import type { Provider, ReadSettings } from '../../providers/provider.ts';
import { findProvider } from '../../providers/registry.ts';
import { readSettings } from '../../providers/storedsettings.ts';
import type { ManagedIdentity } from '../../store/identities/identities.ts';
import type { Scanned } from '../pipeline/scan.ts';
import { identityPath } from './lookup.ts';

/** An identity whose stored settings may be those of an older release. */
export interface StoredIdentity {
  id: string;
  path: string;
  type: string;
  settings: unknown;
}

/** A row of an identity whose settings have been read. */
export type WithSettings<Row> = Omit<Row, 'settings'> & { settings: ReadSettings };

/**
 * The parsed settings of each stored object. A mint needs them twice, facts of an identity are kept between mints, and
 * parsing the settings of AWS takes 3.7 us. An entry lives as long as its row is in memory.
 */
const parsed = new WeakMap<object, ReadSettings>();

/**
 * Returns the provider of an identity and its settings in the form of this release. No other code reads stored
 * settings. Throws `settings_unreadable`, which names the identity, where they cannot be upgraded.
 */
export function readStoredSettings(identity: StoredIdentity): { provider: Provider; settings: ReadSettings } {
  const provider = resolveProvider(identity);
  const { settings: stored } = identity;
  const known = typeof stored === 'object' && stored !== null ? parsed.get(stored) : undefined;
  if (known !== undefined) return { provider, settings: known };
  const read = readSettings(provider, stored);
  if ('fault' in read)
    throw buildUnreadableError(
      identity,
      read.fault,
      `If a newer release of Arsia wrote them, run that release. Otherwise set them again: PATCH /api/v1/managed-identities/${identity.id} with all \`settings\`.`,
    );
  parsed.set(stored as object, read.settings);
  return { provider, settings: read.settings };
}

/** Returns the provider of an identity. Throws `settings_unreadable` where this release has no provider of its type. */
export function resolveProvider(identity: StoredIdentity): Provider {
  const provider = findProvider(identity.type);
  if (provider !== undefined) return provider;
  throw buildUnreadableError(
    identity,
    `this release has no identities of type ${JSON.stringify(identity.type)}`,
    'Run a release that has this type, or delete the identity.',
  );
}

/** Returns a row in the form that `readStoredSettings` and `resolveProvider` accept. */
export function toStoredIdentity(row: ManagedIdentity): StoredIdentity {
  const { id, type, settings } = row;
  return { id, path: identityPath(row), type, settings };
}

/** Returns a row with its settings in the form of this release. Throws `settings_unreadable`. */
export function attachSettings<Row extends ManagedIdentity>(row: Row): WithSettings<Row> {
  return { ...row, settings: readStoredSettings(toStoredIdentity(row)).settings };
}

/** Returns a page of rows with their settings in the form of this release. Throws `settings_unreadable`. */
export function attachSettingsToPage<Row extends ManagedIdentity>(page: Scanned<Row>): Scanned<WithSettings<Row>> {
  return { ...page, rows: page.rows.map(attachSettings) };
}

function buildUnreadableError({ path }: StoredIdentity, fault: string, advice: string): ArsiaError {
  return new ArsiaError('settings_unreadable', `The stored settings of ${path} cannot be read: ${fault}.`, { advice });
}
