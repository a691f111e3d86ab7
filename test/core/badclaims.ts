import type { ClaimName } from '../../src/core/claims.ts';
import { awsRolesClaim, awsSourceIdentityClaim, awsTagsClaim } from '../../src/core/claims.ts';
import { fixedId, goodClaims, goodIds } from './goodclaims.ts';

const good = goodClaims();
const text = (value: string) => [
  `${value} `,
  ` ${value}`,
  `${value}\n`,
  `${value}*`,
  [value],
  [value, value],
  { value },
];
const idsOfOthers = [goodIds.user, goodIds.job, goodIds.workspace, 'acme', `${goodIds.user}:${goodIds.user}`];
const times = (value: number) => [
  String(value),
  value + 0.5,
  value * 1000 + 0.1,
  -value,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  [value],
];
const role = 'arn:aws:iam::123456789012:role/deploy';

/** For each claim, values of a type that could be taken for right, and that clouds would refuse or misread. */
export const badClaims: Readonly<Record<ClaimName, readonly unknown[]>> = {
  iss: [...text(good.iss), `${good.iss}/`, good.iss.toUpperCase(), 'http://arsia.example.com', 'arsia.example.com'],
  sub: [
    ...text(good.sub),
    good.sub.toUpperCase(),
    `${good.sub}:usr_*`,
    `${goodIds.identity}:${goodIds.user}:${goodIds.workspace}`,
    `${good.sub}:${'a'.repeat(128)}`,
    'a'.repeat(256),
    'a'.repeat(601),
  ],
  aud: [['aws'], ['aws', 'sts.amazonaws.com'], 'aws ', 'a w s', 'a\nb', 'é', 'a'.repeat(257)],
  iat: [...times(good.iat), good.iat - 1],
  nbf: [...times(good.nbf), good.nbf + 1],
  exp: [...times(good.exp), good.iat, good.exp * 1000],
  jti: [...text(good.jti), ...idsOfOthers, 'abcdefghijklmnopqrstuv'],
  identity_id: [...text(good.identity_id), ...idsOfOthers, fixedId('managed_identity', 9)],
  identity: [...text(good.identity), 'acme', '/acme/x', 'acme//x', 'acme/X', 'acme/../x'],
  workspace_id: [...text(good.workspace_id), goodIds.user, fixedId('workspace', 9)],
  workspace: [...text(good.workspace), 'acme', 'acme/ops/sim', 'globex/research/sim'],
  group_id: [...text(good.group_id), ...idsOfOthers],
  group: [...text(good.group), 'acme', 'acme/ops', 'acme/research/sim'],
  organization_id: [...text(good.organization_id), ...idsOfOthers],
  organization: [...text(good.organization), 'globex', 'acme/research', 'a:b'],
  user_id: [...text(goodIds.user), goodIds.job, 'ada', undefined],
  user: [...text('ada@acme.example'), 'Ada', 'ada:root', undefined],
  job_id: [...text(good.job_id), goodIds.user, goodIds.workspace],
  stage: [...text(good.stage), 'Apply', 'a:b', 'a'.repeat(65)],
  launcher_id: [...text(goodIds.launcher), goodIds.user, undefined],
  launcher: [...text('pipelines'), 'Pipelines', 'a:b', undefined],
  [awsRolesClaim]: [
    role,
    [role, role],
    [[role]],
    [null],
    [1],
    ['*'],
    ['arn:aws:iam::123456789012:role/*'],
    ['arn:aws:iam::123456789012:user/ada'],
    ['arn:aws:iam::12345678901:role/deploy'],
    ['arn:aws:sts::123456789012:assumed-role/deploy/x'],
    ['arn:evil:iam::123456789012:role/deploy'],
    [`${role}\n`],
    ['arn:aws:iam::123456789012:role/'],
    ['arn:aws:iam::123456789012:role//x'],
    [`arn:aws:iam::123456789012:role/${'p'.repeat(512)}/x`],
    ['arn:aws-iso-x:iam::123456789012:role/x'],
    ['arn:minio:iam::123456789012:role/x'],
    [`${role}/`],
    [`${role}${'x'.repeat(64)}`],
    undefined,
  ],
  [awsTagsClaim]: [
    [{ principal_tags: {} }],
    { principal_tags: [] },
    { principal_tags: null },
    { transitive_tag_keys: [] },
    { principal_tags: { a: ['b'] }, transitive_tag_keys: ['b'] },
  ],
  [awsSourceIdentityClaim]: [
    ...text('ada@acme.example'),
    'a',
    'a'.repeat(65),
    'aws:ada',
    'ada lovelace',
    'ada/root',
    '$' + '{aws:username}',
  ],
};
