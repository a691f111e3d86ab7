/** Who asks. `id` is what the audit records; `job` callers may only reach their own job and mint from it. */
export type Caller =
  | { kind: 'user'; id: string; name: string; organization_id: string | null; is_operator: boolean }
  | { kind: 'service_account'; id: string; name: string; organization_id: string }
  | { kind: 'job'; id: string; organization_id: string; workspace_id: string; user_id: string | null }
  | { kind: 'system'; id: 'system' }
  | { kind: 'anonymous'; id: null };

export const anonymous: Caller = { kind: 'anonymous', id: null };

/** The server itself: its timers, and a person at its terminal (`arsia server bootstrap`, `arsia server keys`). */
export const system: Caller = { kind: 'system', id: 'system' };
