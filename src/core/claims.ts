import { isId } from './ids.ts';
import { isIssuer } from './issuerurl.ts';
import { isObject } from './json.ts';
import { issuedAtBackdate, tokenLifetime } from './lifetimes.ts';
import { isLogin, isName } from './names.ts';
import { parsePath } from './namespace.ts';
import { maximumSubjectBytes, parseSubject } from './subject.ts';

/** Claims that AWS STS reads (cloud-facts.md 1.4). */
export const awsRolesClaim = 'https://aws.amazon.com/roles';

export const awsTagsClaim = 'https://aws.amazon.com/tags';

export const awsSourceIdentityClaim = 'https://aws.amazon.com/source_identity';

export interface AwsTags {
  principal_tags: Record<string, [string]>;
  transitive_tag_keys?: string[];
}

/**
 * The payload of a workload token. It is flat because Ceph RGW flattens nested claims by leaf name: `act.sub` would pass for
 * `sub`.
 */
export interface WorkloadClaims {
  iss: string;
  sub: string;
  aud: string;
  iat: number;
  nbf: number;
  exp: number;
  jti: string;
  identity_id: string;
  identity: string;
  workspace_id: string;
  workspace: string;
  group_id: string;
  group: string;
  organization_id: string;
  organization: string;
  user_id?: string;
  user?: string;
  job_id: string;
  stage: string;
  launcher_id?: string;
  launcher?: string;
  [awsRolesClaim]?: string[];
  [awsTagsClaim]?: AwsTags;
  [awsSourceIdentityClaim]?: string;
}

export type ClaimName = keyof WorkloadClaims;

interface ClaimRow {
  required: boolean;
  /** The meaning of the value, for the preview and the docs. */
  meaning: string;
  /** Returns the fault of a value as the end of a sentence that begins with the claim, or undefined. */
  fault: (value: unknown) => string | undefined;
}

/** One row per claim. The linter refuses a claim without a row. */
export const claimRegistry: Readonly<Record<ClaimName, ClaimRow>> = {
  iss: text(true, 'the workload issuer', isIssuer),
  sub: { required: true, meaning: "the subject, by the identity's subject_scope", fault: subjectFault },
  aud: text(true, 'the one audience', (value) => /^[\x21-\x7e]{1,256}$/.test(value)),
  iat: seconds('issued at, 5 s in the past'),
  nbf: seconds('not before, equal to iat'),
  exp: seconds('expiry'),
  jti: text(true, 'the id of this token and of its audit record', (value) => isId('event', value)),
  identity_id: id(true, 'managed_identity'),
  identity: text(true, 'the path of the managed identity', isPath),
  workspace_id: id(true, 'workspace'),
  workspace: text(true, 'the path of the workspace', isPath),
  group_id: id(true, 'group'),
  group: text(true, 'the path of the group that holds the workspace', (value) => parsePath(value) !== undefined),
  organization_id: text(true, 'the id of the organisation', (value) => isId('group', value)),
  organization: text(true, 'the name of the organisation, its root group', isName),
  user_id: id(false, 'user'),
  user: text(false, 'the login of the person the job runs for', isLogin),
  job_id: id(true, 'job'),
  stage: text(true, 'the phase of the job', isName),
  launcher_id: id(false, 'service_account'),
  launcher: text(false, 'the name of the service account that started the job', isName),
  [awsRolesClaim]: { required: false, meaning: 'the one role that AWS lets this token assume', fault: rolesFault },
  [awsTagsClaim]: { required: false, meaning: 'session tags at AWS', fault: tagsFault },
  [awsSourceIdentityClaim]: text(false, 'source identity at AWS', (value) => sourceIdentityPattern.test(value)),
};

export const claimNames = Object.keys(claimRegistry) as ClaimName[];

/**
 * Role ARNs of every AWS partition, of Ceph RGW (the account part is empty, an account id of its own or a tenant), of MinIO
 * and of RustFS (both may have a region). Source: cloud-facts.md 0, 1.7 and 1.12. Digits that are not 12 are no tenant: they
 * are a mistyped account of AWS. The path is one character class, because a repeated group would backtrack: 50 characters of
 * `/a` would block a replica.
 */
export const roleArnPattern =
  /^arn:(?:(?:aws|aws-cn|aws-us-gov|aws-eusc|aws-iso(?:-[bef])?):iam::(?:\d{12})?|aws:iam::(?:RGW\d{17}|(?!(?:RGW)?\d+:)\w{1,64})|(?:minio|rustfs):iam:[a-z0-9-]{0,32}:):role\/(?:[\x21-\x7e]{1,511}\/)?[\w+=,.@-]{1,64}$/;

const sourceIdentityPattern = /^(?!aws:)[\w+=,.@-]{2,64}$/;

const tagKeyPattern = /^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/iu;

const tagValuePattern = /^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+\-@*]{0,256}$/iu;

const maximumTags = 50;

const textEncoder = new TextEncoder();

/** The names of claims. Ceph RGW and MinIO read the last four from a token as if they were `aud`. */
const reservedTagKeys: ReadonlySet<string> = new Set(
  [...claimNames, 'client_id', 'clientId', 'azp', 'app_id'].map((name) => name.toLowerCase()),
);

/** Returns whether a relying party could read a tag key as a claim. Ignores case (contract.md, Workload tokens). */
export function isReservedTagKey(key: string): boolean {
  return reservedTagKeys.has(key.toLowerCase());
}

export function findTagKeyFault(key: string): string | undefined {
  if (!tagKeyPattern.test(key))
    return `tag key ${JSON.stringify(key)} is not 1 to 128 of letters, digits, spaces and _.:/=+-@`;
  return isReservedTagKey(key) ? `tag key ${JSON.stringify(key)} is the name of a claim; choose another` : undefined;
}

export function findTagValueFault(value: string): string | undefined {
  return tagValuePattern.test(value)
    ? undefined
    : `tag value ${JSON.stringify(value)} is not up to 256 of letters, digits, spaces and _.:/=+-@*`;
}

/**
 * Returns every fault for which a cloud would refuse or misread the claims; empty when they may be signed. `issuer` is the
 * issuer of the identity.
 */
export function lintClaims(claims: Readonly<Record<string, unknown>>, issuer: string): string[] {
  const faults: string[] = [];
  for (const name of Object.keys(claims)) {
    if (!Object.hasOwn(claimRegistry, name)) faults.push(`${name} is not a claim of a workload token`);
  }
  for (const name of claimNames) {
    const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
    const row = claimRegistry[name];
    if (value === undefined) {
      if (row.required) faults.push(`${name} is missing`);
      continue;
    }
    const fault = row.fault(value);
    if (fault !== undefined) faults.push(`${name} ${fault}`);
  }
  return faults.length > 0 ? faults : findRelationFaults(claims as unknown as WorkloadClaims, issuer);
}

/** Returns the faults between claims that are each well-formed. */
function findRelationFaults(claims: WorkloadClaims, issuer: string): string[] {
  const faults: string[] = [];
  if (claims.iss !== issuer) faults.push('iss is not the issuer of this identity');
  if (claims.nbf !== claims.iat) faults.push('nbf differs from iat');
  const life = claims.exp - claims.iat;
  if (life < tokenLifetime.minimum || life > tokenLifetime.maximum)
    faults.push(`exp is ${life} s after iat, not ${tokenLifetime.minimum} to ${tokenLifetime.maximum}`);
  const subject = parseSubject(claims.sub);
  if (subject?.identity_id !== claims.identity_id) faults.push('sub names another identity than identity_id');
  if (subject?.workspace_id !== undefined && subject.workspace_id !== claims.workspace_id)
    faults.push('sub names another workspace than workspace_id');
  if (subject?.user_id !== undefined && subject.user_id !== claims.user_id)
    faults.push('sub names another user than user_id');
  for (const name of ['user', 'launcher'] as const) {
    if ((claims[name] === undefined) !== (claims[`${name}_id`] === undefined))
      faults.push(`${name} and ${name}_id belong together`);
  }
  if (claims.organization !== claims.workspace.split('/')[0]) faults.push('organization is not the root of workspace');
  if (claims.group !== claims.workspace.slice(0, claims.workspace.lastIndexOf('/')))
    faults.push('group does not hold workspace');
  if (claims[awsTagsClaim] !== undefined && claims[awsRolesClaim] === undefined)
    faults.push('AWS tags are present without the AWS role');
  return faults;
}

/** The facts that the mint passes to the claims builder. The provider adds the audience and its own claims. */
export interface ClaimFacts {
  issuer: string;
  subject: string;
  identity: { id: string; path: string };
  workspace: { id: string; path: string };
  group: { id: string; path: string };
  organization: { id: string; name: string };
  user?: { id: string; login: string } | null | undefined;
  /** A value that a job may lack is optional here, because a preview has no job. `MintFacts` has all of them. */
  job: { id: string; stage: string };
  launcher?: { id: string; name: string } | null | undefined;
}

export interface Assertion {
  audience: string;
  /** Claims that only this provider adds, by their wire names. */
  claims: Partial<WorkloadClaims>;
}

/** Builds the claims of one token. `now` and `lifetime` are in seconds. */
export function buildClaims(
  facts: ClaimFacts,
  assertion: Assertion,
  token: { jti: string; now: number; lifetime: number },
): WorkloadClaims {
  const issuedAt = Math.floor(token.now) - issuedAtBackdate;
  return {
    iss: facts.issuer,
    sub: facts.subject,
    aud: assertion.audience,
    iat: issuedAt,
    nbf: issuedAt,
    exp: issuedAt + token.lifetime,
    jti: token.jti,
    identity_id: facts.identity.id,
    identity: facts.identity.path,
    workspace_id: facts.workspace.id,
    workspace: facts.workspace.path,
    group_id: facts.group.id,
    group: facts.group.path,
    organization_id: facts.organization.id,
    organization: facts.organization.name,
    ...(facts.user && { user_id: facts.user.id, user: facts.user.login }),
    job_id: facts.job.id,
    stage: facts.job.stage,
    ...(facts.launcher && { launcher_id: facts.launcher.id, launcher: facts.launcher.name }),
    ...assertion.claims,
  };
}

function text(required: boolean, meaning: string, isValid: (value: string) => boolean): ClaimRow {
  return {
    required,
    meaning,
    fault: (value) => {
      if (typeof value !== 'string') return 'is not a string';
      return isValid(value) ? undefined : `is not ${meaning}`;
    },
  };
}

function id(required: boolean, kind: Parameters<typeof isId>[0]): ClaimRow {
  return text(required, `the id of the ${kind.replace('_', ' ')}`, (value) => isId(kind, value));
}

function seconds(meaning: string): ClaimRow {
  return {
    required: true,
    meaning,
    fault: (value) => (Number.isSafeInteger(value) && (value as number) > 0 ? undefined : 'is not in whole seconds'),
  };
}

function subjectFault(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'is not a string';
  // Google rejects `google.subject` over 127 bytes. The grammar already guarantees it; this check keeps it true if the
  // grammar changes.
  if (textEncoder.encode(value).length > maximumSubjectBytes) return `is longer than ${maximumSubjectBytes} bytes`;
  return parseSubject(value) === undefined ? 'is not a subject of Arsia' : undefined;
}

function rolesFault(value: unknown): string | undefined {
  if (!Array.isArray(value) || value.length !== 1) return 'is not an array of one role ARN';
  return typeof value[0] === 'string' && roleArnPattern.test(value[0]) ? undefined : 'does not hold a role ARN';
}

function tagsFault(value: unknown): string | undefined {
  if (!isObject(value)) return 'is not an object';
  const { principal_tags: tags, transitive_tag_keys: transitive, ...rest } = value;
  if (Object.keys(rest).length > 0) return 'has members other than principal_tags and transitive_tag_keys';
  if (!isObject(tags)) return 'has no principal_tags';
  const entries = Object.entries(tags);
  if (entries.length > maximumTags) return `has more than ${maximumTags} tags`;
  if (new Set(entries.map(([key]) => key.toLowerCase())).size !== entries.length)
    return 'has keys that differ by case only';
  for (const [key, values] of entries) {
    const keyFault = findTagKeyFault(key);
    if (keyFault !== undefined) return `has a bad key: ${keyFault}`;
    if (!Array.isArray(values) || values.length !== 1 || typeof values[0] !== 'string')
      return `has a value of ${JSON.stringify(key)} that is not an array of one string`;
    const valueFault = findTagValueFault(values[0]);
    if (valueFault !== undefined) return `has a bad value: ${valueFault}`;
  }
  if (transitive === undefined) return undefined;
  if (!Array.isArray(transitive) || !transitive.every((key) => typeof key === 'string' && Object.hasOwn(tags, key)))
    return 'has transitive_tag_keys that are not keys of principal_tags';
  return undefined;
}

function isPath(value: string): boolean {
  return value.includes('/') && parsePath(value) !== undefined;
}
