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
