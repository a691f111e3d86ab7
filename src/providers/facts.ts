import { ArsiaError } from '../core/errors.ts';
import { isId } from '../core/ids.ts';
import { isIssuer } from '../core/issuerurl.ts';
import { parseSubject } from '../core/subject.ts';
import type { ShownPath, TrustFacts } from './provider.ts';

/**
 * Throws `claims_refused` for facts that no trust document may contain: a subject or issuer with characters that have a
 * meaning in a policy (`*`, `${…}`, quotes). Only a defect in Arsia could cause them, and they would weaken the trust of a
 * cloud.
 */
export function checkTrustFacts(facts: TrustFacts): void {
  const { issuer, subject, is_subject_pattern, identity_id, organization_id } = facts;
  const sample = is_subject_pattern ? subject.replace(/:usr_\*$/, `:usr_${'0'.repeat(26)}`) : subject;
  const parts = parseSubject(sample);
  if (is_subject_pattern !== (sample !== subject) || parts === undefined || parts.identity_id !== identity_id)
    throw new ArsiaError(
      'claims_refused',
      `${JSON.stringify(subject)} is not a subject of ${JSON.stringify(identity_id)}.`,
    );
  if (!isId('group', organization_id))
    throw new ArsiaError('claims_refused', `${JSON.stringify(organization_id)} is not an organisation id.`);
  if (!isIssuer(issuer)) throw new ArsiaError('claims_refused', `${JSON.stringify(issuer)} is not an issuer.`);
}

/** Returns the beginning of a subject that names any user: `mi_…:ws_…:usr_`. */
export function subjectPrefix({ subject }: TrustFacts): string {
  return subject.slice(0, -1);
}

/** Returns the route of the trust documents, for advice. */
export function trustRoute(facts: Pick<TrustFacts, 'identity_id'>): string {
  return `GET /api/v1/managed-identities/${facts.identity_id}/trust`;
}

/** Returns warnings about an issuer that the cloud may not accept or reach. `needs` are requirements of the cloud. */
export function issuerWarnings(issuer: string, cloud: string, needs: { port: boolean }): string[] {
  const url = new URL(issuer);
  const warnings: string[] = [];
  if (url.protocol !== 'https:')
    warnings.push(`${cloud} accepts only https issuers; ${issuer} works with a sandbox or your own STS.`);
  else if (isPrivateHost(url.hostname))
    warnings.push(
      `${cloud} fetches ${issuer}/.well-known/openid-configuration over the internet; ${url.hostname} looks private.`,
    );
  if (needs.port && url.port !== '')
    warnings.push(`${cloud} accepts only issuers without a port; ${issuer} has the port ${url.port}.`);
  return warnings;
}

/** Returns a warning for identities that deliver the token: its holder makes a choice that Arsia would make. */
export function deliveryWarnings({ delivery }: TrustFacts, choice: string): string[] {
  return delivery === 'credentials'
    ? []
    : [`With delivery ${delivery} jobs have the token itself, and its holder chooses ${choice}.`];
}

/** Returns a warning for subjects that name a workspace or user: the documents are for that one only. */
export function scopeWarnings(facts: TrustFacts): string[] {
  const { subject_scope: scope, workspace, user } = facts;
  const whom: string[] = [];
  if (scope === 'workspace' || scope === 'workspace_user')
    whom.push(`the workspace ${workspace?.path ?? 'named in it'}`);
  if ((scope === 'user' || scope === 'workspace_user') && !facts.is_subject_pattern)
    whom.push(`the user ${user?.login ?? 'named in it'}`);
  const own =
    whom.length === 0
      ? []
      : [`The subject names ${whom.join(' and ')}: others that use this identity need trust for their own subject.`];
  return [...own, ...namingWarnings(facts)];
}

/** Returns warnings that list who could get a token that names a user and no workspace. */
export function namingWarnings({ naming, user }: TrustFacts): string[] {
  if (naming === undefined) return [];
  const { granted_at: group, launchers, total } = naming;
  const whom = user?.login ?? 'a user';
  const named = launchers.map((launcher) => `${launcher.path} (right to act granted at ${launcher.granted_at})`);
  if (total > launchers.length) named.push(`and ${total - launchers.length} more`);
  const now = total === 0 ? 'No service account can now.' : `Service accounts that can now: ${named.join(', ')}.`;
  return [
    `Tokens can name ${whom} in every workspace that has this identity: in jobs that ${user === undefined ? 'the user starts' : 'they start'}, and in jobs of service accounts whose right to act for ${user === undefined ? 'the user' : 'them'} was granted at ${group} or above, or by a subject grant of the identity. ${now}`,
  ];
}

/**
 * Returns a warning for relying parties that can match any claim: the owners of the workspace decide about the user claims,
 * not those of the identity.
 */
export function userClaimWarnings({ subject_scope }: TrustFacts): string[] {
  return subject_scope === 'identity'
    ? [
        'The claims `user` and `user_id` say whom a job runs for, as the owners of its workspace decide: a relying party that decides by them must compare `workspace_id` as well.',
      ]
    : [];
}

function isPrivateHost(hostname: string): boolean {
  return (
    /^(?:localhost|127\.|10\.|192\.168\.|169\.254\.|172\.(?:1[6-9]|2\d|3[01])\.|\[)/.test(hostname) ||
    /\.(?:local|localhost|internal|lan|home\.arpa)$/.test(hostname) ||
    !hostname.includes('.')
  );
}

/** Returns where a cloud sees the paths of a token, which can compare any claim. */
export function listClaimPaths(): ShownPath[] {
  return (['identity', 'workspace', 'group'] as const).map((fact) => ({ fact, where: `the claim \`${fact}\`` }));
}

/** Quotes a word for a POSIX shell, in which no character within single quotes is special. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** Returns a shell command with one option a line. A value with a dash before it would be read as an option. */
export function shellCommand(command: string, options: readonly (readonly [string, string])[]): string {
  const words = options.map(([name, value]) => `  ${name}${value.startsWith('-') ? '=' : ' '}${shellWord(value)}`);
  return [command, ...words].join(' \\\n');
}

/** Returns the text of a document of the form `fields`: one label and value a line. */
export function formatFields(fields: readonly { label: string; value: string }[]): string {
  return fields.map(({ label, value }) => `${label}: ${value}`).join('\n');
}
