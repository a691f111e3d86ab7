import { coalesce } from '../../database/coalesce.ts';
import type { Database } from '../../database/connections.ts';
import { effectiveDeadline } from '../jobs/jobs.ts';

/** How a credential is looked up. */
export interface CredentialLookup {
  kind: keyof typeof joins;
  /** SHA-256 of the credential in hex; for `account` the id of the account. */
  value: string;
}

/** Look-ups that may wait for a statement. One more throws `unavailable`. */
const maximumWaiting = 4_096;

/**
 * Returns the function that answers whether a credential exists and has neither ended nor expired. Rate limits call it for
 * credentials that they have not seen, so unauthenticated clients decide how often: it runs one statement at a time, over
 * indexes, for up to 256 credentials, and unseals nothing. It does not decide whether the credential authorizes the request.
 */
export function createLiveCredentials(
  database: Database,
  now: () => number,
): (lookup: CredentialLookup) => Promise<boolean> {
  return coalesce<CredentialLookup, boolean>(
    async (lookups) => {
      const kinds = Object.keys(joins) as CredentialLookup['kind'][];
      const values = kinds.map((kind) => lookups.filter((one) => one.kind === kind).map(({ value }) => value));
      const rows = await database.statement<{ kind: string; value: string }>('live-credentials', text, [
        new Date(now()),
        ...values,
      ]);
      const live = new Set(rows.map(({ kind, value }) => `${kind} ${value}`));
      return lookups.map(({ kind, value }) => live.has(`${kind} ${value}`));
    },
    { maximumBatch: 256, concurrency: 1, maximumWaiting, pace: 10 },
  );
}

const ofHash = `= decode(asked.value, 'hex')`;

/** For each kind, the SQL that finds the values of live credentials. */
const joins = {
  job: `jobs AS job ON job.token_hash ${ofHash} AND job.ended_at IS NULL AND ${effectiveDeadline('job')} > $1`,
  artifact: `oidc_artifacts AS artifact ON artifact.id_hash ${ofHash} AND artifact.consumed_at IS NULL
    AND artifact.model IN ('AccessToken', 'ClientCredentials', 'RefreshToken', 'AuthorizationCode', 'DeviceCode')
    AND artifact.expires_at > $1`,
  secret: `service_account_secrets AS secret ON secret.secret_hash ${ofHash} AND secret.expires_at > $1`,
  account: `service_accounts AS account ON account.id = asked.value AND account.is_active AND account.jwks IS NOT NULL`,
} as const;

/** Hides the length of the array from the planner, so that one plan serves every batch. */
const text = Object.entries(joins)
  .map(
    ([kind, join], index) => `SELECT '${kind}' AS kind, asked.value
  FROM unnest((SELECT $${index + 2}::text[])) AS asked (value) JOIN ${join}`,
  )
  .join('\nUNION ALL\n');
