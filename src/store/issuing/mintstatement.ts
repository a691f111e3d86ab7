import type { AccessRule } from '../../core/accessrules.ts';
import { isId } from '../../core/ids.ts';
import type { Choice } from '../../core/inheritance.ts';
import type { IdentityFacts, MintFacts, SubjectGrant } from '../../core/mintfacts.ts';
import { leafName, parentPath, rootName } from '../../core/namespace.ts';
import type { Membership } from '../../core/permissions.ts';
import { coalesce } from '../../database/coalesce.ts';
import type { Database } from '../../database/connections.ts';
import { mintedColumns } from '../../entities/jobs.ts';
import { type JobFacts, selectJobFacts } from '../jobs/currentjobs.ts';
import { factsCost } from './mintcost.ts';

/** Facts of a mint, with the versions that show later whether they still hold. */
export interface DatedFacts {
  facts: MintFacts;
  /** The version of the key set, read in the same statement. */
  key_set_version: number;
  /** The oldest running transaction. All earlier ones had ended, and the facts include their changes. */
  oldest_transaction: number;
}

/**
 * Returns the function that reads all facts of a mint in one statement, so that they are of one moment; null where no job
 * has this token. Requests share reads. Organisations take turns, and the cost of their facts limits how many of their
 * requests join one read (mintcost.ts).
 */
export function createMintFactsStatement(
  database: Database,
  { keySet, ...options }: { keySet: string; maximumBatch: number; concurrency: number },
): (key: MintFactsKey) => Promise<DatedFacts | null> {
  return coalesce<MintFactsKey, DatedFacts | null>(
    async (keys) => {
      const references = keys.map((key) => parseReference(key.identity));
      const [answer] = await database.statement<{ rows: Row[] | null }>('mint-facts', text, [
        keys.map((key) => Buffer.from(key.token_hash).toString('hex')),
        references.map((reference) => reference.id),
        references.map((reference) => reference.group),
        references.map((reference) => reference.name),
        references.map((reference) => reference.type),
        keys.map((key) => key.profile ?? ''),
        keySet,
      ]);
      const answers: (DatedFacts | null)[] = keys.map(() => null);
      for (const row of answer?.rows ?? []) answers[row.n - 1] = asDatedFacts(row);
      return answers;
    },
    { ...options, pace: 4, tenantOf: (key) => key.organization_id ?? '', cost: factsCost, maximumWaiting: 10_000 },
  );
}

/**
 * All rows are one JSON value: parsing it costs a third of parsing 30 columns a row, on the thread that all requests share.
 * The arrays are in subqueries, so that the planner does not see their length: it would plan anew for every length, which
 * takes ten times as long as the read. The paths of the groups above a workspace are derived from its own path, not joined.
 *
 * The amount of data that is read must not grow with the size of the organisation. Of roles, rights, aliases, masks and
 * choices it reads those along the lineage and of this runner. Of rights it also reads those that may let a token name its
 * user (core/subjectgrants.ts). Of choices it reads only those in the profiles in which the runner has this identity.
 * OFFSET 0 and the subqueries in coalesce make the planner use the index with both columns: by averages it would read all
 * members of the root group, or all identities of a group, and discard them.
 */
const text = `
SELECT json_agg(facts) AS rows FROM (
SELECT asked.n,
  job.id AS job_id, ${selectJobFacts('job')},
  workspace.id AS workspace_id, workspace.path AS workspace_path, workspace.lineage,
  workspace.parent_id AS group_id, workspace.organization_id,
  person.login, person.is_active AS user_is_active,
  CASE WHEN job.ended_at = person.deleted_at THEN person.merged_into IS NOT NULL END AS ended_by_merge, coalesce(person_roles.list, '[]') AS user_memberships,
  launcher.id AS launcher_id, launcher.name AS launcher_name, launcher.is_active AS launcher_is_active,
  coalesce(launcher_roles.list, '[]') AS launcher_memberships, coalesce(rights.list, '[]') AS may_act,
  coalesce(ruled.list, '[]') AS rules,
  identity.id AS identity_id, home.path AS identity_group_path, identity.name AS identity_name,
  identity.group_id AS identity_group_id, identity.type, identity.settings, identity.subject_scope, identity.delivery,
  identity.token_lifetime, home.lineage AS identity_lineage,
  coalesce((SELECT json_agg(json_build_object('launcher_id', launcher_id, 'lineage', place.lineage))
    FROM subject_grants LEFT JOIN namespaces AS place ON place.id = namespace_id
    WHERE identity_id = identity.id AND (launcher_id IS NULL OR launcher_id = job.launcher_id)), '[]') AS subject_grants,
  crew.teams AS user_teams, coalesce(organization.identities_without_rules, 'open') AS identities_without_rules,
  coalesce((SELECT json_agg(group_id) FROM identity_aliases
    WHERE identity_id = identity.id AND group_id = ANY (workspace.lineage)), '[]') AS alias_groups,
  coalesce((SELECT json_agg(namespace_id) FROM identity_masks
    WHERE identity_id = identity.id AND namespace_id = ANY (workspace.lineage)), '[]') AS masked_in,
  coalesce((SELECT json_agg(json_build_object('identity_id', choice.identity_id, 'type', choice.type,
      'profile', choice.profile, 'principal_id', choice.principal_id,
      'assigned_at', extract(epoch FROM choice.created_at) * 1000))
    FROM (
      SELECT identity_id, type, profile, principal_id, created_at FROM assignments
      WHERE workspace_id = workspace.id AND type = identity.type
        AND principal_id = ANY (crew.teams || ARRAY['', job.user_id, job.launcher_id])
        AND profile = ANY (ARRAY(
          SELECT profile FROM assignments WHERE workspace_id = workspace.id AND identity_id = identity.id
            AND principal_id = ANY (crew.teams || ARRAY['', job.user_id, job.launcher_id])))
      UNION (
        SELECT identity_id, type, profile, principal_id, created_at FROM assignments
        WHERE workspace_id = workspace.id AND identity_id = identity.id LIMIT 1
      )
    ) AS choice), '[]') AS choices,
  (SELECT version FROM key_sets WHERE name = $7) AS key_set_version,
  pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest_transaction
FROM unnest((SELECT $1::text[]), (SELECT $2::text[]), (SELECT $3::text[]), (SELECT $4::text[]), (SELECT $5::text[]),
  (SELECT $6::text[]))
  WITH ORDINALITY AS asked (token_hash, identity_id, identity_group, identity_name, identity_type, profile, n)
JOIN jobs AS job ON job.token_hash = decode(asked.token_hash, 'hex')
JOIN namespaces AS workspace ON workspace.id = job.workspace_id
LEFT JOIN organization_settings AS organization ON organization.organization_id = workspace.organization_id
LEFT JOIN users AS person ON person.id = job.user_id
LEFT JOIN LATERAL (
  SELECT coalesce(array_agg(team_id), '{}') AS teams FROM team_members WHERE user_id = job.user_id
) AS crew ON true
LEFT JOIN service_accounts AS launcher ON launcher.id = job.launcher_id
LEFT JOIN LATERAL (
  SELECT json_agg(json_build_object('namespace_id', namespace_id, 'role', role)) AS list
  FROM unnest(crew.teams || job.user_id) AS member (id), LATERAL (
    SELECT namespace_id, role FROM memberships
    WHERE principal_id = member.id AND namespace_id = ANY (workspace.lineage) OFFSET 0
  ) AS held
) AS person_roles ON true
LEFT JOIN LATERAL (
  SELECT json_agg(json_build_object('namespace_id', namespace_id, 'role', role)) AS list
  FROM memberships WHERE principal_id = job.launcher_id AND namespace_id = ANY (workspace.lineage)
) AS launcher_roles ON true
LEFT JOIN namespaces AS place ON place.path = asked.identity_group
LEFT JOIN managed_identities AS identity ON identity.id = coalesce(asked.identity_id, (
  SELECT id FROM managed_identities WHERE group_id = place.id AND name = asked.identity_name
), (
  SELECT identity_id FROM identity_aliases WHERE group_id = place.id AND name = asked.identity_name
), (
  SELECT choice.identity_id FROM assignments AS choice
  WHERE choice.workspace_id = workspace.id AND choice.type = asked.identity_type AND choice.profile = asked.profile
    AND choice.principal_id = ANY (crew.teams || ARRAY['', job.user_id, job.launcher_id])
  ORDER BY choice.principal_id = job.user_id DESC NULLS LAST, choice.principal_id = ANY (crew.teams) DESC,
    choice.principal_id = job.launcher_id DESC NULLS LAST, choice.created_at, choice.identity_id
  LIMIT 1
))
LEFT JOIN namespaces AS home ON home.id = identity.group_id
LEFT JOIN LATERAL (
  SELECT json_agg(json_build_object(
    'namespace_id', namespace_id, 'users', users, 'stages', stages, 'labels', labels)) AS list
  FROM may_act WHERE service_account_id = job.launcher_id AND namespace_id = ANY (workspace.lineage || CASE
    WHEN identity.subject_scope IN ('user', 'identity') THEN home.lineage || ARRAY(
      SELECT unnest(place.lineage) FROM subject_grants JOIN namespaces AS place ON place.id = namespace_id
      WHERE identity_id = identity.id AND (launcher_id IS NULL OR launcher_id = job.launcher_id)
    ) END)
) AS rights ON true
LEFT JOIN LATERAL (
  SELECT json_agg(json_build_object('id', id, 'kind', kind, 'values', values)) AS list
  FROM access_rules WHERE identity_id = identity.id
) AS ruled ON true
) AS facts`;

/** `never`, so that nothing compiles, where a column of the job has the name of another column: one would hide the other. */
type Row = keyof JobFacts & keyof OtherColumns extends never ? JobFacts & OtherColumns : never;

interface OtherColumns {
  n: number;
  job_id: string;
  workspace_id: string;
  workspace_path: string;
  lineage: string[];
  group_id: string;
  organization_id: string;
  login: string | null;
  user_is_active: boolean | null;
  /** Null unless the job ended because its user was deleted or merged. */
  ended_by_merge: boolean | null;
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
  identity_lineage: string[];
  subject_grants: SubjectGrant[];
  user_teams: string[];
  identities_without_rules: MintFacts['organization']['identities_without_rules'];
  alias_groups: string[];
  masked_in: string[];
  rules: AccessRule[];
  choices: Choice[];
  key_set_version: number;
  oldest_transaction: number;
}

function asDatedFacts(row: Row): DatedFacts {
  const facts: MintFacts = {
    job: toJob(row),
    workspace: { id: row.workspace_id, path: row.workspace_path, lineage: row.lineage },
    group: { id: row.group_id, path: parentPath(row.workspace_path)! },
    organization: {
      id: row.organization_id,
      name: rootName(row.workspace_path),
      identities_without_rules: row.identities_without_rules,
    },
    user: toUser(row),
    launcher: toLauncher(row),
    identity: toIdentity(row),
  };
  return { facts, key_set_version: row.key_set_version, oldest_transaction: row.oldest_transaction };
}

function toJob(row: Row): MintFacts['job'] {
  const minted = Object.fromEntries(mintedColumns.map((name) => [name, row[name]])) as unknown as JobFacts;
  return { ...minted, id: row.job_id, is_ended: row.is_ended, ended_by: row.ended_by, deadline: row.deadline };
}

function toUser(row: Row): MintFacts['user'] {
  if (row.user_id === null || row.login === null) return null;
  return {
    id: row.user_id,
    login: row.login,
    is_active: row.user_is_active === true,
    ...(row.ended_by_merge !== null && { ended_job: row.ended_by_merge ? ('merged' as const) : ('deleted' as const) }),
    memberships: row.user_memberships,
    team_ids: row.user_teams,
  };
}

function toLauncher(row: Row): MintFacts['launcher'] {
  if (row.launcher_id === null || row.launcher_name === null) return null;
  return {
    id: row.launcher_id,
    name: row.launcher_name,
    is_active: row.launcher_is_active === true,
    memberships: row.launcher_memberships,
    may_act: row.may_act,
  };
}

function toIdentity(row: Row): MintFacts['identity'] {
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
    reach: { group_ids: [row.identity_group_id, ...row.alias_groups], masked_in: row.masked_in },
    choices: row.choices,
    rules: row.rules,
    lineage: row.identity_lineage,
    subject_grants: row.subject_grants,
  };
}

interface Reference {
  id: string | null;
  group: string | null;
  name: string | null;
  type: string | null;
}

const nothing: Reference = { id: null, group: null, name: null, type: null };

/** Returns how an identity is looked up: by id, by group path and name, or by type for a name without a group. */
function parseReference(identity: string | null): Reference {
  if (identity === null) return nothing;
  if (isId('managed_identity', identity)) return { ...nothing, id: identity };
  const group = parentPath(identity);
  return group === undefined ? { ...nothing, type: identity } : { ...nothing, group, name: leafName(identity) };
}

export interface MintFactsKey {
  /** SHA-256 of the job token. */
  token_hash: Uint8Array;
  /** The id, path or type of the requested identity; null for a request that only authenticates the job. */
  identity: string | null;
  /** The profile, where the workspace has several identities of the type; absent for the unnamed one. */
  profile?: string | undefined;
  /** The organisation of the job, where it is known: organisations take turns in the reads. */
  organization_id?: string;
}
