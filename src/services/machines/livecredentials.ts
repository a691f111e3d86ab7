import { hash } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { isId } from '../../core/ids.ts';
import type { Database } from '../../database/connections.ts';
import { type CredentialLookup, createLiveCredentials } from '../../store/machines/livecredentials.ts';

/** The credential that a request presents. */
export interface PresentedCredential {
  /** The token, code or secret; of a signed assertion, whom it claims to be from. */
  text: string;
  isAssertion: boolean;
}

/**
 * Resolves with whether the credential exists and is alive. Undefined, without a look-up, for a text that cannot be a
 * credential.
 */
export type CheckCredential = (credential: PresentedCredential) => Promise<boolean> | undefined;

/** The credentials that Arsia makes: 256 bits as 43 characters. Codes of oidc-provider have no prefix. */
const shapes: readonly (readonly [RegExp, CredentialLookup['kind']])[] = [
  [/^arsia_job_[\w-]{43}$/, 'job'],
  [/^arsia_secret_[\w-]{43}$/, 'secret'],
  [/^(?:arsia_[ar]t_)?[\w-]{43}$/, 'artifact'],
];

/**
 * Tells credentials that exist from made-up ones, for limits that must keep out a flood of the latter and none of the former
 * (threats.md N76). Throws `unavailable` while the database is away or too many wait.
 */
export function createCredentialCheck({ database, clock }: { database: Database; clock: Clock }): CheckCredential {
  const isLive = createLiveCredentials(database, clock.now);
  return ({ text, isAssertion }) => {
    if (isAssertion) return isId('service_account', text) ? isLive({ kind: 'account', value: text }) : undefined;
    const kind = shapes.find(([shape]) => shape.test(text))?.[1];
    return kind && isLive({ kind, value: hash('sha256', text, 'hex') });
  };
}
