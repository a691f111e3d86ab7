import type { ErrorCode } from '../../core/errors.ts';
import type { Origin } from '../../core/origin.ts';

/** The audit event of a request to an endpoint of the authorization server. */
export interface EndpointEvent {
  action:
    | 'access_token.issue'
    | 'access_token.introspect'
    | 'access_token.revoke'
    | 'token.mint'
    | 'outside_token.exchange'
    | 'user.sign_in'
    | 'authorization.request'
    | 'device.request'
    | 'device.approve'
    | 'session.end'
    | 'userinfo.read'
    | 'metadata.read';
  outcome: 'success' | 'refused' | 'failed';
  code: ErrorCode | null;
  /** The OAuth error of the response; null on success. */
  error: string | null;
  /**
   * The client that the request names: authenticated on success, only claimed otherwise. Null if it cannot be a client
   * id.
   */
  client_id: string | null;
  /** The principal of the token that was issued, revoked or misused, or the user of the session. */
  target_id: string | null;
  origin: Origin;
  /** The reason, for people. Never contains a token. */
  reason: string | null;
}
