import pg from 'pg';
import type { RunningArsia } from '../support/arsia.ts';
import type { Body } from '../support/client.ts';
import {
  createAccount,
  createIdentity,
  createOrganization,
  type Organization,
  startJob,
} from '../support/organization.ts';
import type { Attack } from './attack.ts';

/** The number of resources that the hostile organisation has. */
export interface Amounts {
  /** Groups to delete, each with five workspaces of twenty ended jobs. */
  trees: number;
  events: number;
  /** Rights to act, assignments and masked identities. */
  rows: number;
  jobs: number;
}

/** An organisation that causes as much load as its limits permit. */
export interface Hostile {
  organization: Organization;
  attacks: Record<'deletions' | 'lists' | 'searches' | 'mints' | 'exchanges', Attack[]>;
}

/** Creates the resources through the API, and large numbers of them by SQL. */
export async function createHostile(
  seed: RunningArsia,
  { amounts, origins, hangingSts }: { amounts: Amounts; origins: string[]; hangingSts: string },
): Promise<Hostile> {
  const organization = await createOrganization(seed, 'evil');
  const { owner, group, workspace, workspaceId, launcherId } = organization;
  const heavy = await createIdentity(organization, { ...freeIdentity, name: 'heavy' });
  const cloud = await createIdentity(organization, {
    name: 'cloud',
    type: 'aws',
    settings: { role_arn: 'arn:aws:iam::111122223333:role/evil', sts_endpoint: hangingSts },
  });
  const tokens = [owner.token!];
  for (const name of ['a', 'b', 'c', 'd'])
    tokens.push((await createAccount(owner, group, name, { namespace: organization.id, role: 'owner' })).client.token!);
  const jobs = [];
  for (let count = 0; count < amounts.jobs; count++) jobs.push((await startJob(organization)).token);
  const rule = await owner.send('POST', `/managed-identities/${heavy.id}/access-rules`, {
    kind: 'stage',
    values: ['nothing', 'run'],
  });
  const client = new pg.Client({ connectionString: seed.home.urls!.admin });
  await client.connect();
  await client.query(fill(organization, heavy.id, amounts));
  await client.end();

  /** Builds the same request for every origin and every token. */
  const everywhere = (method: string, paths: string[], body?: Body, as: string[] = tokens) =>
    paths.flatMap((path) =>
      as.flatMap((token) =>
        origins.map((origin) => ({ url: `${origin}/api/v1${path}`, method, token, ...(body && { body }) })),
      ),
    );
  const at = `/workspaces/${encodeURIComponent(workspace)}`;
  const trees = Array.from({ length: amounts.trees }, (_, n) => ({
    url: `${origins[n % origins.length]}/api/v1/groups/evil%2Ftree${n + 1}?force=true`,
    method: 'DELETE',
    token: tokens[n % tokens.length]!,
  }));
  return {
    organization,
    attacks: {
      deletions: [{ lanes: 30, requests: trees, isOnce: true }],
      lists: [
        {
          lanes: 30,
          requests: everywhere('GET', [
            `/service-accounts/${launcherId}/may-act?limit=1`,
            `${at}/managed-identities?limit=1`,
            `${at}/effective-identities?limit=200&user=${organization.userId}`,
            `${at}/usable-identities?limit=1`,
            '/managed-identities?limit=200',
            `/managed-identities/${heavy.id}/access-rules?limit=200`,
          ]),
        },
      ],
      searches: [
        {
          lanes: 30,
          requests: everywhere('GET', [
            '/audit-events?action=organization.recover&limit=200',
            '/audit-events?outcome=failed&limit=1',
          ]),
        },
        { lanes: 4, requests: everywhere('GET', ['/audit-events/export?action=organization.recover']) },
      ],
      mints: [
        { lanes: amounts.jobs, requests: everywhere('POST', ['/tokens'], { managed_identity: heavy.id }, jobs) },
        // Each change invalidates the cached facts.
        {
          lanes: 1,
          requests: everywhere('PATCH', [`/managed-identities/${heavy.id}/access-rules/${rule.id}`], {
            values: ['nothing', 'run'],
          }),
        },
      ],
      exchanges: [{ lanes: 190, requests: everywhere('POST', ['/credentials'], { managed_identity: cloud.id }, jobs) }],
    },
  };

  function fill(
    { id: root, groupId, userId }: Organization,
    identity: string,
    { trees, events, rows }: Amounts,
  ): string {
    const space = `'${root}', now()`;
    const make = (table: string, columns: string, values: string, count: number) =>
      `INSERT INTO ${table} (organization_id, created_at, ${columns}) SELECT ${space}, ${values}
        FROM generate_series(1, ${count}) AS n`;
    const key = (prefix: string, n = 'n') => `'${prefix}_09' || lpad((${n})::text, 24, '0')`;
    const tree = key('grp', '(n - 1) / 5 + 1');
    return [
      'SET session_replication_role = replica',
      make(
        'namespaces',
        'id, kind, parent_id, name, path, lineage',
        `${key('grp')}, 'group', '${root}', 'tree' || n, 'evil/tree' || n, ARRAY['${root}', ${key('grp')}]`,
        trees,
      ),
      make(
        'namespaces',
        'id, kind, parent_id, name, path, lineage',
        `${key('ws')}, 'workspace', ${tree}, 'w' || n, 'evil/tree' || (n - 1) / 5 + 1 || '/w' || n,
          ARRAY['${root}', ${tree}, ${key('ws')}]`,
        trees * 5,
      ),
      make(
        'jobs',
        'id, workspace_id, user_id, started_by, stage, labels, token_hash, deadline, ended_at',
        `${key('job')}, ${key('ws', '(n - 1) / 20 + 1')}, '${userId}', 'x', 'run', '{}', sha256(n::text::bytea), now(), now()`,
        trees * 100,
      ),
      make(
        'may_act',
        'id, service_account_id, namespace_id, users, stages, labels',
        `${key('act')}, '${launcherId}', ${key('ws')}, '{*}', '{*}', '{}'`,
        Math.min(rows, trees * 5),
      ),
      make(
        'managed_identities',
        'id, group_id, name, type, settings, subject_scope, delivery, token_lifetime',
        `${key('mi')}, '${groupId}', 'i' || n, 'oidc', '{"audience":"https://api.evil.example"}', 'workspace', 'both', 600`,
        rows,
      ),
      make(
        'assignments',
        'id, workspace_id, identity_id, type, profile',
        `${key('asg')}, '${workspaceId}', ${key('mi')}, 'oidc', 'p' || n`,
        rows,
      ),
      make('identity_masks', 'identity_id, namespace_id', `${key('mi')}, '${workspaceId}'`, Math.floor(rows / 2)),
      make(
        'access_rules',
        'id, identity_id, kind, values',
        `${key('rul')}, '${identity}', 'stage', ARRAY(SELECT 'pattern-of-nothing-' || n || '-*-' || m
          FROM generate_series(1, 100) AS m)`,
        49,
      ),
      `INSERT INTO audit_events (id, at, action, outcome, organization_id, actor_kind, detail, mac)
        SELECT ${key('evt')}, now(), 'token.mint', 'success', '${root}', 'job', '{"claims":{"sub":"somebody","aud":"somewhere"}}', ''
        FROM generate_series(1, ${events}) AS n`,
      'ANALYZE',
    ].join(';\n');
  }
}

export const freeIdentity = {
  name: 'api',
  type: 'oidc',
  settings: { audience: 'https://api.evil.example' },
  delivery: 'both',
};
