import type { Keyring } from './keyring.ts';

export interface KeyWatchLog {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/**
 * Returns the function that logs, for each keyring, when its keys begin to make the replica unready, and when they no longer
 * do.
 */
export function watchKeys(keyrings: readonly Keyring[], log: KeyWatchLog): () => void {
  const reported = new Map<Keyring, string>();
  return () => {
    for (const keyring of keyrings) {
      const fault = keyring.unreadiness();
      const key_set = keyring.keySet.name;
      if (fault !== undefined && !reported.has(keyring))
        log.error({ key_set, fault }, 'not ready: the keys cannot be read');
      if (fault === undefined && reported.has(keyring)) log.info({ key_set }, 'ready again: the keys were read');
      if (fault === undefined) reported.delete(keyring);
      else reported.set(keyring, fault);
    }
  };
}
