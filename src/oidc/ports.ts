import type { Clock } from '../core/clock.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { Origin } from '../core/origin.ts';
import type { OutsideExchange } from '../services/issuing/outsidetokens.ts';
import type { SignIn } from '../services/people/signin.ts';
import type { ArtifactStore } from '../store/issuing/artifacts.ts';
import type { Upstream } from './upstream/upstream.ts';

/** What the authorization server needs of the rest of Arsia; compose.ts fills it in. */
export interface AuthorizationServerParts {
  /** The workload issuer, `ARSIA_ISSUER`; the authorization server is `<issuer>/oauth2`. */
  issuer: string;
  clock: Clock;
  log: Log;
  artifacts: ArtifactStore;
  keys: AuthorizationKeys;
  clients: Clients;
  principals: Principals;
  exchange: Exchange;
  /** As `exchange`, for tokens of outside issuers: it records its own outcomes. */
  outside: OutsideExchange;
  /**
   * Commits one audit event before the answer leaves; when it throws, the answer is 503 and the token is told to nobody.
   * What `exchange` and `outside` do is not recorded here.
   */
  record(event: EndpointEvent): Promise<void>;
  /** How people come in. Absent: nobody does by this server, and nothing for them is offered. */
  signIn?: SignInParts | undefined;
}

export interface SignInParts {
  upstream: Upstream;
  people: SignIn;
  /** Opens the link of an operator or an owner; throws ArsiaError `unauthenticated`. Records itself. */
  openLink(token: string, origin: Origin): Promise<OpenedLink>;
  /** Sign the cookies; the newest first, the same on every replica. Throws ArsiaError `unavailable` while not loaded. */
  cookieKeys(): readonly string[];
}

export interface OpenedLink {
  user_id: string;
  login: string;
  /** The name of the organisation; only for the link of an owner. */
  organization?: string;
  access_token: string;
  /** RFC 3339. */
  expires_at: string;
}

/** As pino has it. No field ever holds a secret or a token. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** The key set `authorization`, as a keyring has it. It signs ID tokens and nothing else. */
export interface AuthorizationKeys {
  /** `jwks` is the published JWK Set as text. Throws ArsiaError `unavailable` while there is none. */
  current(): { jwks: string };
  /** Seconds for which a cache may keep them. Throws ArsiaError `unavailable` while a key of them may have been revoked. */
  publication(): { maximum_age: number };
  /** Throws ArsiaError `unavailable` while no key may sign. */
  signer(): IdTokenSigner;
  /** Calls back after every change. */
  onChange(listener: () => void): unknown;
}

export interface IdTokenSigner {
  kid: string;
  alg: 'RS256' | 'ES256';
  /** The raw JWS signature (RFC 7518 3.3, 3.4). */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

/** One state of the key set. */
export interface PublishedKeys {
  /** Public JWKs with `kid` and `alg`. */
  published: readonly Readonly<Record<string, unknown>>[];
  signer: IdTokenSigner;
}

/** A service account as an OAuth client; its id is the client_id. */
export interface ClientAccount {
  id: string;
  is_active: boolean;
  /** Public keys for private_key_jwt; an account with keys authenticates by them alone. */
  jwks: unknown;
  /** SHA-256 of each secret that is alive. */
  secret_hashes: readonly Uint8Array[];
}

export interface Clients {
  /** Reads what is committed now; called with ids of service accounts only. */
  find(clientId: string): Promise<ClientAccount | undefined>;
}

export interface Principals {
  /** Does the user or service account exist, and is it active now? */
  isActive(principalId: string): Promise<boolean>;
  /** The login of a user who exists and is active now. */
  login(userId: string): Promise<string | undefined>;
  /** The name of an active user for pages, with the organisation, since logins are unique only there. */
  nameOf(userId: string): Promise<string | undefined>;
}

export interface ExchangeRequest {
  /** As it was sent: any text. */
  subject_token: string;
  /** Id or path of a managed identity, as it was sent. */
  audience: string;
  client_id: string;
  origin: Origin;
}

/**
 * A job token for a workload token. Decides, records and signs; throws ArsiaError for what it refuses, and has recorded it
 * by then. `expires_in` in seconds.
 */
export type Exchange = (request: ExchangeRequest) => Promise<{ token: string; expires_in: number }>;

/** One audit event of the endpoints. */
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
  /** The OAuth error that was answered; null on success. */
  error: string | null;
  /** The client that the request names; proven on success, a mere claim otherwise. Null when it names none that could exist. */
  client_id: string | null;
  /** Whom it is about: the principal of the token that was issued, revoked or misused, the user of the session. */
  target_id: string | null;
  origin: Origin;
  /** Why, for people; never a token. */
  reason: string | null;
}
