/** The caller of an action. The audit records `id`. A `job` caller reaches only its own job and mints only from it. */
export type Caller =
  | { kind: 'user'; id: string; name: string; organization_id: string | null; is_operator: boolean }
  | { kind: 'service_account'; id: string; name: string; organization_id: string }
  | { kind: 'job'; id: string; organization_id: string; workspace_id: string; user_id: string | null }
  | { kind: 'system'; id: 'system' }
  | { kind: 'anonymous'; id: null };

export const anonymous: Caller = { kind: 'anonymous', id: null };

/** The server: its timers, and commands run on it (`arsia bootstrap`, `arsia keys`). */
export const system: Caller = { kind: 'system', id: 'system' };

/** Returns the caller that a user is. */
export function userCaller(user: {
  id: string;
  login: string;
  organization_id: string | null;
  is_operator: boolean;
}): Caller {
  const { id, login, organization_id, is_operator } = user;
  return { kind: 'user', id, name: login, organization_id, is_operator };
}

/** Returns the caller that a service account is. */
export function accountCaller(account: { id: string; name: string; organization_id: string }): Caller {
  const { id, name, organization_id } = account;
  return { kind: 'service_account', id, name, organization_id };
}

/** Returns the caller that a job is, from the facts of a mint. */
export function jobCaller(facts: {
  job: { id: string; user_id: string | null };
  organization: { id: string };
  workspace: { id: string };
}): Caller {
  const { job, organization, workspace } = facts;
  return {
    kind: 'job',
    id: job.id,
    organization_id: organization.id,
    workspace_id: workspace.id,
    user_id: job.user_id,
  };
}
