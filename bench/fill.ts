/** Rows of the large organisation, in addition to those that the benchmark creates over HTTP. */
export const filled = { groups: 10_000, workspaces: 100_000, identities: 100_000, users: 10_000 };

/** The login of the user that its jobs run for, and the name of the launcher that starts them. */
export interface Crew {
  user: string;
  launcher: string;
}

const topGroups = 100;
/** Number of workspaces and identities that share the first group: averages would hide what is slow there. */
const crowded = 5_000;
const at = `timestamptz '2026-01-01'`;

/** Returns the path of the n-th workspace (from 1), or that of the identity assigned to it. */
export function filledPath(organization: string, kind: 'workspace' | 'identity', n: number): string {
  const group = n <= crowded ? 1 : ((n - 1) % filled.groups) + 1;
  const groups = group <= topGroups ? [group] : [(group % topGroups) + 1, group];
  return [organization, ...groups.map((one) => named('g', one)), named(kind === 'workspace' ? 'w' : 'i', n)].join('/');
}

function named(letter: string, n: number): string {
  return `${letter}${String(n).padStart(6, '0')}`;
}

/** Returns the SQL of the id of the n-th row. Ids may consist of digits. */
const id = (prefix: string, n = 'n') => `'${prefix}_01' || lpad((${n})::text, 24, '0')`;
const name = (letter: string) => `'${letter}' || lpad(n::text, 6, '0')`;
const groupOf = id('grp', `CASE WHEN n <= ${crowded} THEN 1 ELSE (n - 1) % ${filled.groups} + 1 END`);

/**
 * Returns the SQL that fills the organisation: a hundred groups, the others below them, workspaces and identities in each,
 * and an identity assigned to each workspace. All users are viewers of the organisation. In each group a separate row makes
 * the user a deployer, and allows the launcher to act: the amount that a mint reads must not grow with rows of other groups.
 */
export function fill(organization: string, { user, launcher }: Crew): string {
  const root = `(SELECT id FROM namespaces WHERE path = '${organization}')`;
  const userId = `(SELECT id FROM users WHERE login = '${user}')`;
  const launcherId = `(SELECT id FROM service_accounts WHERE name = '${launcher}')`;
  const namespaces = (kind: string, own: string, parent: string, from: number, to: number) => `
    INSERT INTO namespaces (id, kind, parent_id, organization_id, name, path, lineage, created_at)
    SELECT made.id, '${kind}', parent.id, parent.organization_id, made.name, parent.path || '/' || made.name,
      parent.lineage || made.id, ${at}
    FROM (SELECT ${own} AS id, ${name(kind[0]!)} AS name, ${parent} AS parent_id FROM generate_series(${from}, ${to}) AS n) AS made
    JOIN namespaces AS parent ON parent.id = made.parent_id`;
  const statements = [
    // Foreign keys are correct by construction, and checking them would take most of the time.
    'SET session_replication_role = replica',
    namespaces('group', id('grp'), root, 1, topGroups),
    namespaces('group', id('grp'), id('grp', `n % ${topGroups} + 1`), topGroups + 1, filled.groups),
    namespaces('workspace', id('ws'), groupOf, 1, filled.workspaces),
    `INSERT INTO managed_identities (id, organization_id, group_id, name, type, settings, subject_scope, delivery,
      token_lifetime, created_at)
    SELECT ${id('mi')}, ${root}, ${groupOf}, ${name('i')}, 'aws', '{"role_arn": "arn:aws:iam::111122223333:role/simulation"}',
      'workspace', 'token', 600, ${at}
    FROM generate_series(1, ${filled.identities}) AS n`,
    `INSERT INTO assignments (id, workspace_id, identity_id, organization_id, type, created_at)
    SELECT ${id('asg')}, ${id('ws')}, ${id('mi')}, ${root}, 'aws', ${at} FROM generate_series(1, ${filled.workspaces}) AS n`,
    `INSERT INTO users (id, organization_id, login, created_at)
    SELECT ${id('usr')}, ${root}, ${name('u')}, ${at} FROM generate_series(1, ${filled.users}) AS n`,
    `INSERT INTO memberships (id, namespace_id, principal_id, role, organization_id, created_at)
    SELECT ${id('mem')}, ${root}, ${id('usr')}, 'viewer', ${root}, ${at} FROM generate_series(1, ${filled.users}) AS n`,
    `INSERT INTO memberships (id, namespace_id, principal_id, role, organization_id, created_at)
    SELECT ${id('mem', `n + ${filled.users}`)}, ${id('grp')}, ${userId}, 'deployer', ${root}, ${at}
    FROM generate_series(1, ${filled.groups}) AS n`,
    `INSERT INTO may_act (id, service_account_id, namespace_id, organization_id, users, stages, labels, created_at)
    SELECT ${id('act')}, ${launcherId}, ${id('grp')}, ${root}, '{*}', '{run}', '{}', ${at}
    FROM generate_series(1, ${filled.groups}) AS n`,
    // The default quotas are lower. An operator would raise them.
    `INSERT INTO organization_quotas (organization_id, name, value)
    SELECT ${root}, name, value FROM (VALUES ('groups', 100000), ('workspaces', 1000000), ('managed_identities', 500000),
      ('assignments', 1000000), ('memberships_per_principal', 20000), ('may_act', 100000),
      ('may_act_per_service_account', 20000)) AS raised (name, value)`,
    'ANALYZE',
  ];
  return statements.join(';\n');
}
