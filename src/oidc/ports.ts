import type { Clock } from '../core/clock.ts';
import type { LoggedFacts } from '../core/loggedfacts.ts';
import type { Origin } from '../core/origin.ts';
import type { EndpointEvent } from '../services/issuing/endpointevent.ts';
import type { OutsideExchange } from '../services/issuing/outsidetokens.ts';
import type { SignIn } from '../services/people/signin.ts';
import type { ArtifactStore } from '../store/issuing/artifacts.ts';
import type { Upstream } from './upstream/upstream.ts';

/** The parts that the authorization server needs. compose.ts builds them. */
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
  /** Exchanges tokens of outside issuers. Records its own outcomes. */
  outside: OutsideExchange;
  /**
   * Commits an audit event before the response is sent. When it throws, the response is 503 and contains no token. Not used
   * for `exchange` and `outside`, which record their own events.
   */
  record(event: EndpointEvent): Promise<void>;
  /** The sign-in of people. When absent, no endpoint for people is offered. */
  signIn?: SignInParts | undefined;
}

export interface SignInParts {
  upstream: Upstream;
  people: SignIn;
  /** Opens the link of an operator or an owner and records the event. Throws ArsiaError `unauthenticated`. */
  openLink(token: string, origin: Origin): Promise<OpenedLink>;
  /**
   * Returns the keys that sign cookies, newest first, equal on all replicas. Throws ArsiaError `unavailable` while not
   * loaded.
   */
  cookieKeys(): readonly string[];
}

export interface OpenedLink {
  user_id: string;
  login: string;
  /** The name of the organisation; present only for the link of an owner. */
  organization?: string;
  access_token: string;
  /** RFC 3339. */
  expires_at: string;
}

/** The log methods of pino. No field contains a secret or a token. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** The key set `authorization`. It signs ID tokens only. */
export interface AuthorizationKeys {
  /** Returns the published JWK Set as text. Throws ArsiaError `unavailable` while there is none. */
  current(): { jwks: string };
  /**
   * Returns the seconds for which caches may keep the keys. Throws ArsiaError `unavailable` while one may have been revoked.
   */
  publication(): { maximum_age: number };
  /** Returns the signing key. Throws ArsiaError `unavailable` while no key may sign. */
  signer(): IdTokenSigner;
  /** Calls `listener` after every change. */
  onChange(listener: () => void): unknown;
}

export interface IdTokenSigner {
  kid: string;
  alg: 'RS256' | 'ES256';
  /** Returns the raw JWS signature (RFC 7518 3.3, 3.4). */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

/** The key set at one point in time. */
export interface PublishedKeys {
  /** Public JWKs with `kid` and `alg`. */
  published: readonly Readonly<Record<string, unknown>>[];
  signer: IdTokenSigner;
}

/** A service account as an OAuth client; its id is the client_id. */
export interface ClientAccount {
  id: string;
  is_active: boolean;
  /** Public keys for `private_key_jwt`. An account with keys can authenticate only by them. */
  jwks: unknown;
  /** SHA-256 of each valid secret. */
  secret_hashes: readonly Uint8Array[];
}

export interface Clients {
  /** Reads the committed state. Called with ids of service accounts only. */
  find(clientId: string): Promise<ClientAccount | undefined>;
}

export interface Principals {
  /** Returns whether the user or service account exists and is active. */
  isActive(principalId: string): Promise<boolean>;
  /** Returns the login of an active user. */
  login(userId: string): Promise<string | undefined>;
  /** Returns the login of an active user with the organisation, for pages. Logins are unique only in an organisation. */
  findDisplayName(userId: string): Promise<string | undefined>;
}

export interface ExchangeRequest {
  /** Any text, as sent. */
  subject_token: string;
  /** Id or path of a managed identity, as sent. */
  audience: string;
  client_id: string;
  origin: Origin;
  /** Receives the caller. */
  logged: LoggedFacts;
}

/**
 * Exchanges a job token for a workload token: decides, records and signs. Throws ArsiaError for a refusal, after it has
 * recorded it. `expires_in` is in seconds.
 */
export type Exchange = (request: ExchangeRequest) => Promise<{ token: string; expires_in: number }>;
