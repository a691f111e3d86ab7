import type { ErrorCode } from './errors.ts';
import type { Caller } from './principals.ts';

/**
 * Facts of a request for its log line. The layer that learns a fact sets it: nothing is looked up for the log. No member may
 * hold a secret or text that the caller chose.
 */
export interface LoggedFacts {
  /** Template of the path, such as `/api/v1/groups/:id`; absent where no route has the path. */
  route?: string;
  /** Absent until the caller is known. The authorization server knows the organisation of no principal. */
  caller?: { kind: Caller['kind']; id: string | null; organization_id?: string | null };
  error_code?: ErrorCode;
}
