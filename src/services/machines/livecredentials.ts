import { hash } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { isId } from '../../core/ids.ts';
import type { Database } from '../../database/connections.ts';
import { type CredentialLookup, createLiveCredentials } from '../../store/machines/livecredentials.ts';
import { jobTokenPattern } from '../jobs/jobtokens.ts';
import { secretPattern } from './secrets.ts';

/** The credential that a request presents. */
export interface PresentedCredential {
  /** The token, code or secret; of a signed assertion, the id of the client that it claims. */
  text: string;
  isAssertion: boolean;
}

/**
 * Returns whether the credential exists and is valid. Returns undefined, without a lookup, for a text that has no form
 * of a credential.
 */
export type CheckCredential = (credential: PresentedCredential) => Promise<boolean> | undefined;

/**
 * The forms of the credentials that Arsia creates: 256 bits as 43 characters. Codes of oidc-provider have no prefix.
 */
const shapes: readonly (readonly [RegExp, CredentialLookup['kind']])[] = [
  [jobTokenPattern, 'job'],
  [secretPattern, 'secret'],
  [/^(?:arsia_[ar]t_)?[\w-]{43}$/, 'artifact'],
];

/**
 * Creates the check that distinguishes valid credentials from invented ones, for limits that must stop a flood of the
 * latter and none of the former (threats.md N76). The check throws `unavailable` while the database is away or too many
 * requests wait.
 */
export function createCredentialCheck({ database, clock }: { database: Database; clock: Clock }): CheckCredential {
  const isLive = createLiveCredentials(database, clock.now);
  return ({ text, isAssertion }) => {
    if (isAssertion) return isId('service_account', text) ? isLive({ kind: 'account', value: text }) : undefined;
    const kind = shapes.find(([shape]) => shape.test(text))?.[1];
    return kind && isLive({ kind, value: hash('sha256', text, 'hex') });
  };
}
