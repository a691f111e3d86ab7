import {
  awsRolesClaim,
  awsSourceIdentityClaim,
  awsTagsClaim,
  buildClaims,
  type WorkloadClaims,
} from '../../src/core/claims.ts';
import { type IdKind, makeId } from '../../src/core/ids.ts';
import { formatSubject, type SubjectScope } from '../../src/core/subject.ts';

export const goodIssuer = 'https://arsia.example.com';

/** Milliseconds since 1970 of every fixture. */
export const goodNow = Date.UTC(2026, 2, 1, 12, 0, 0);

/** An id that is the same in every run; `seed` tells apart those of one kind. */
export function fixedId(kind: IdKind, seed = 1): string {
  return makeId(kind, goodNow, (bytes) => new Uint8Array(bytes).fill(seed));
}

export const goodIds = {
  identity: fixedId('managed_identity'),
  workspace: fixedId('workspace'),
  group: fixedId('group', 2),
  organization: fixedId('group', 1),
  user: fixedId('user'),
  job: fixedId('job'),
  launcher: fixedId('service_account'),
  event: fixedId('event'),
};

/** The claims of a fit token of an aws identity with tags and source identity, for a user, started by a launcher. */
export function goodClaims(
  scope: SubjectScope = 'workspace',
  { now = goodNow, jti = goodIds.event, issuer = goodIssuer, lifetime = 600 } = {},
): WorkloadClaims {
  const { identity, workspace, user } = goodIds;
  return buildClaims(
    {
      issuer,
      subject: formatSubject(scope, { identity_id: identity, workspace_id: workspace, user_id: user }),
      identity: { id: identity, path: 'acme/research/deploy' },
      workspace: { id: workspace, path: 'acme/research/sim' },
      group: { id: goodIds.group, path: 'acme/research' },
      organization: { id: goodIds.organization, name: 'acme' },
      user: { id: user, login: 'ada@acme.example' },
      job: { id: goodIds.job, stage: 'apply' },
      launcher: { id: goodIds.launcher, name: 'pipelines' },
    },
    {
      audience: 'aws',
      claims: {
        [awsRolesClaim]: ['arn:aws:iam::123456789012:role/team/deploy'],
        [awsTagsClaim]: {
          principal_tags: { Project: ['sim'], 'cost-centre': ['4711'] },
          transitive_tag_keys: ['Project'],
        },
        [awsSourceIdentityClaim]: 'ada@acme.example',
      },
    },
    { jti, now: now / 1000, lifetime },
  );
}
