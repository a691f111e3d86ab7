import { type ErrorCode, errorTable } from '../../core/errors.ts';
import { findLeastRole, type Permission, type Role } from '../../core/permissions.ts';
import type { ActionTraits } from '../../services/actions.ts';
import { isCreate } from '../kernel/parserequest.ts';
import type { Route } from '../route.ts';

type Noun = Permission extends `${infer Before}.${string}` ? Before : never;

/** The place on which the permissions of each noun are decided. */
const places: Readonly<Record<Noun, string>> = {
  namespace: 'on the group or workspace',
  group: 'on the group',
  workspace: 'on the workspace',
  membership: 'on the group or workspace',
  user: 'on the organisation',
  service_account: 'on the group of the service account',
  may_act: 'on the group or workspace of the right',
  team: 'on the organisation',
  organization: 'on the organisation',
  access_rule: 'on the group of the managed identity',
  managed_identity: 'on the group of the managed identity',
  identity_mask: 'on the group or workspace',
  assignment: 'on the workspace',
  job: 'on the workspace',
  audit: 'on the organisation',
};

const holders: Readonly<Record<Role, string>> = {
  viewer: 'viewers, deployers and owners',
  deployer: 'deployers and owners',
  owner: 'owners',
};

const refusalsOfJobs = ['job_ended', 'user_inactive', 'launcher_inactive', 'user_lacks_role', 'launcher_may_not_act'];

/** Returns the description of an operation: what it does, who may call it, and the error codes that it can give. */
export function describeOperation(route: Route, traits: ActionTraits | undefined): string {
  const who = route.who ?? describeCallers(traits);
  const errors = listErrors(route, traits).map((code) => `${errorTable[code].status} \`${code}\``);
  return [route.description, `**Who may:** ${who}.`, `**Errors:** ${errors.join(', ')}.`].join('\n\n');
}

function describeCallers(traits: ActionTraits | undefined): string {
  if (traits === undefined || traits.needs === 'anyone') return 'everyone';
  const { needs, opensToOperator, opensToJob } = traits;
  const also = [
    ...(opensToOperator ? ['operators of the installation'] : []),
    ...(opensToJob ? ['the job, with its token'] : []),
  ];
  return [describeNeed(needs), ...also].join('; ');
}

function describeNeed(needs: Exclude<ActionTraits['needs'], 'anyone'>): string {
  if (needs === 'operator') return 'operators of the installation';
  if (needs === 'job') return 'jobs, with their token';
  if (needs === 'member') return 'every member of the organisation';
  const noun = needs.split('.')[0] as Noun;
  const place = needs === 'workspace.create' ? places.group : places[noun];
  return `${holders[findLeastRole(needs)]} ${place} (permission \`${needs}\`)`;
}

/** Returns the codes that an operation can give, by status. `info.description` has those that every operation can give. */
function listErrors(route: Route, traits: ActionTraits | undefined): ErrorCode[] {
  const { bearer, method, path, body, errors = [] } = route;
  const needsRole = traits?.needs.includes('.') === true;
  const given: Partial<Record<ErrorCode, boolean>> = {
    invalid_request: true,
    body_too_large: body !== undefined,
    unsupported_media_type: body !== undefined,
    unauthenticated: bearer !== 'none',
    forbidden: bearer === 'access',
    not_found: needsRole || path.includes(':'),
    quota_exceeded: traits !== undefined && traits.adds.length > 0,
    request_in_progress: isCreate(route),
    idempotency_key_reused: isCreate(route),
    precondition_failed: method !== 'GET' && traits?.hasVersion === true,
  };
  const isGiven = (code: ErrorCode) =>
    given[code] === true || errors.includes(code) || (traits?.opensToJob === true && refusalsOfJobs.includes(code));
  return (Object.keys(errorTable) as ErrorCode[])
    .filter(isGiven)
    .sort((a, b) => errorTable[a].status - errorTable[b].status);
}
