import { isId } from '../core/ids.ts';
import type { IdentityFacts, MintFacts } from '../core/mint.ts';
import { leafName, parentPath } from '../core/namespace.ts';
import type { Membership } from '../core/permissions.ts';
import { coalesce } from './coalesce.ts';
import type { Database } from './database.ts';

export interface MintFactsKey {
  /** SHA-256 of the job token. */
  token_hash: Uint8Array;
  /** The id or path of the identity that is asked for; null for a job that only shows itself. */
  identity: string | null;
}

export interface MintRead {
  facts: MintFacts;
  /** The version of the key set `workload` at the same moment. */
  keySetVersion: number;
}

export interface MintFactsReader {
  /** Everything that a mint is decided on, as committed after this call; null when no job has this token. */
  read(key: MintFactsKey): Promise<MintRead | null>;
}

/** A thousand requests at once cost a few reads (coalesce.ts), each one statement and so of one moment. */
export function createMintFactsReader(
  database: Database,
  { maximumBatch = 256, concurrency = 2 }: { maximumBatch?: number; concurrency?: number } = {},
): MintFactsReader {
  const read = coalesce<MintFactsKey, MintRead | null>(
    async (keys) => {
      const references = keys.map((key) => referenceOf(key.identity));
      const rows = await database.statement<Row>('mint-facts', text, [
        keys.map((key) => Buffer.from(key.token_hash).toString('hex')),
        references.map((reference) => reference.id),
        references.map((reference) => reference.group),
        references.map((reference) => reference.name),
      ]);
      const answers: (MintRead | null)[] = keys.map(() => null);
      for (const row of rows) answers[row.n - 1] = asRead(row);
      return answers;
    },
    { maximumBatch, concurrency },
  );
  return { read };
}

const text = `
SELECT asked.n,
  job.id AS job_id, job.user_id, job.stage, job.labels, job.deadline, job.ended_at IS NOT NULL AS is_ended,
  workspace.id AS workspace_id, workspace.path AS workspace_path, workspace.lineage,
  parent.id AS group_id, parent.path AS group_path,
  organization.id AS organization_id, organization.name AS organization_name,
  person.login, person.is_active AS user_is_active, coalesce(person_roles.list, '[]') AS user_memberships,
  launcher.id AS launcher_id, launcher.name AS launcher_name, launcher.is_active AS launcher_is_active,
  coalesce(launcher_roles.list, '[]') AS launcher_memberships, coalesce(rights.list, '[]') AS may_act,
  identity.id AS identity_id, home.path AS identity_group_path, identity.name AS identity_name,
  identity.group_id AS identity_group_id, identity.type, identity.settings, identity.subject_scope, identity.delivery,
  identity.token_lifetime, assignment.profile,
  (SELECT version FROM key_sets WHERE name = 'workload') AS key_set_version
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
  WITH ORDINALITY AS asked (token_hash, identity_id, identity_group, identity_name, n)
JOIN jobs AS job ON job.token_hash = decode(asked.token_hash, 'hex')
JOIN namespaces AS workspace ON workspace.id = job.workspace_id
JOIN namespaces AS parent ON parent.id = workspace.parent_id
JOIN namespaces AS organization ON organization.id = workspace.organization_id
LEFT JOIN users AS person ON person.id = job.user_id
LEFT JOIN service_accounts AS launcher ON launcher.id = job.launcher_id
LEFT JOIN LATERAL (
  SELECT json_agg(json_build_object('namespace_id', namespace_id, 'role', role)) AS list
  FROM memberships WHERE principal_id = job.user_id AND namespace_id = ANY (workspace.lineage)
) AS person_roles ON true
LEFT JOIN LATERAL (
  SELECT json_agg(json_build_object('namespace_id', namespace_id, 'role', role)) AS list
  FROM memberships WHERE principal_id = job.launcher_id AND namespace_id = ANY (workspace.lineage)
) AS launcher_roles ON true
LEFT JOIN LATERAL (
  SELECT json_agg(json_build_object(
    'namespace_id', namespace_id, 'users', users, 'stages', stages, 'labels', labels)) AS list
  FROM may_act WHERE service_account_id = job.launcher_id AND namespace_id = ANY (workspace.lineage)
) AS rights ON true
LEFT JOIN managed_identities AS identity ON identity.id = coalesce(asked.identity_id, (
  SELECT named.id
  FROM namespaces AS place JOIN managed_identities AS named ON named.group_id = place.id
  WHERE place.path = asked.identity_group AND named.name = asked.identity_name
))
LEFT JOIN namespaces AS home ON home.id = identity.group_id
LEFT JOIN assignments AS assignment
  ON assignment.workspace_id = workspace.id AND assignment.identity_id = identity.id`;

interface Row {
  n: number;
  job_id: string;
  user_id: string | null;
  stage: string;
  labels: Record<string, string>;
  deadline: Date;
  is_ended: boolean;
  workspace_id: string;
  workspace_path: string;
  lineage: string[];
  group_id: string;
  group_path: string;
  organization_id: string;
  organization_name: string;
  login: string | null;
  user_is_active: boolean | null;
  user_memberships: Membership[];
  launcher_id: string | null;
  launcher_name: string | null;
  launcher_is_active: boolean | null;
  launcher_memberships: Membership[];
  may_act: NonNullable<MintFacts['launcher']>['may_act'];
  identity_id: string | null;
  identity_group_path: string;
  identity_name: string;
  identity_group_id: string;
  type: string;
  settings: unknown;
  subject_scope: IdentityFacts['subject_scope'];
  delivery: IdentityFacts['delivery'];
  token_lifetime: number;
  profile: string | null;
  key_set_version: number;
}

function asRead(row: Row): MintRead {
  const facts: MintFacts = {
    job: {
      id: row.job_id,
      user_id: row.user_id,
      stage: row.stage,
      labels: row.labels,
      is_ended: row.is_ended,
      deadline: row.deadline.getTime(),
    },
    workspace: { id: row.workspace_id, path: row.workspace_path, lineage: row.lineage },
    group: { id: row.group_id, path: row.group_path },
    organization: { id: row.organization_id, name: row.organization_name },
    user: userOf(row),
    launcher: launcherOf(row),
    identity: identityOf(row),
  };
  return { facts, keySetVersion: row.key_set_version };
}

function userOf(row: Row): MintFacts['user'] {
  if (row.user_id === null || row.login === null) return null;
  return {
    id: row.user_id,
    login: row.login,
    is_active: row.user_is_active === true,
    memberships: row.user_memberships,
  };
}

function launcherOf(row: Row): MintFacts['launcher'] {
  if (row.launcher_id === null || row.launcher_name === null) return null;
  return {
    id: row.launcher_id,
    name: row.launcher_name,
    is_active: row.launcher_is_active === true,
    memberships: row.launcher_memberships,
    may_act: row.may_act,
  };
}

function identityOf(row: Row): MintFacts['identity'] {
  if (row.identity_id === null) return null;
  return {
    id: row.identity_id,
    path: `${row.identity_group_path}/${row.identity_name}`,
    group_id: row.identity_group_id,
    type: row.type,
    settings: row.settings,
    subject_scope: row.subject_scope,
    delivery: row.delivery,
    token_lifetime: row.token_lifetime,
    profile: row.profile ?? '',
    is_assigned: row.profile !== null,
  };
}

/** An identity is named by its id, or by the path of its group and its name. */
function referenceOf(identity: string | null): { id: string | null; group: string | null; name: string | null } {
  if (identity === null) return { id: null, group: null, name: null };
  if (isId('managed_identity', identity)) return { id: identity, group: null, name: null };
  return { id: null, group: parentPath(identity) ?? null, name: leafName(identity) };
}
