import type { z } from 'zod';
import type { Assertion, WorkloadClaims } from '../core/claims.ts';
import type { ArsiaError } from '../core/errors.ts';
import type { SubjectScope } from '../core/subject.ts';
import type { Position } from '../iampolicy/json.ts';
import type { Outbound } from '../outbound/outbound.ts';
import type { EndpointSetting } from './endpoints.ts';

declare const isRead: unique symbol;

/**
 * Settings in the form of this release: the schema parsed them, or `readSettings` read them from the database. Stored
 * settings are `unknown`, and are not assignable to this type.
 */
export type ReadSettings = Record<string, unknown> & { readonly [isRead]: true };

/** Converts stored settings of one version to the next. Pure. The schema validates the result. */
export type SettingsUpgrade = (older: Readonly<Record<string, unknown>>) => Record<string, unknown>;

/**
 * A kind of identity: one folder, and one line in `registry.ts`. It declares the inputs that it needs as schemas. Which
 * capabilities it has depends on the target.
 */
export interface Provider<Settings = ReadSettings> {
  /** Wire name of the kind, `[a-z][a-z_]{0,31}`. */
  type: string;
  title: string;
  /** Strict object. Every member has `.meta({title, description, examples})` and messages that show a valid value. */
  settings: z.ZodType<Settings>;
  /**
   * Upgrades of stored settings: the first turns version 1 into version 2. A new optional member, or one with a default,
   * needs no upgrade. A renamed or removed member and a stricter rule do.
   */
  upgrades?: readonly SettingsUpgrade[];
  /**
   * Members of the answer of `POST /api/v1/credentials`, in addition to `type`, `expires_at` and `jti`, which every kind
   * has.
   */
  answer: z.ZodRawShape;
  federated?: Federated<Settings>;
  exchanging?: Exchanging<Settings>;
}

/** Facts of a token: the identity, the subject and the user or workspace in it. Input of all pure functions of a provider. */
export interface TrustFacts {
  issuer: string;
  /** In multi tenancy the audience for AWS contains the organisation. */
  tenancy: 'single' | 'multi';
  organization_id: string;
  identity_id: string;
  /** The path of the identity, for names and descriptions in trust documents. */
  identity: string;
  delivery: 'credentials' | 'token' | 'both';
  subject_scope: SubjectScope;
  /** The exact subject, or, for a user-scoped identity without a given user, the pattern that ends in `:usr_*`. */
  subject: string;
  /** True when `subject` ends in `*`. */
  is_subject_pattern: boolean;
  /** The user for session name, source identity and tags; absent where none is given. */
  user?: { id: string; login: string } | undefined;
  workspace?: { id: string; path: string } | undefined;
  /** Launchers that could name a user in tokens, where tokens name a user and no workspace (docs/decisions/0017). */
  naming?: NamingFacts | undefined;
  /** Values of session tags: the name of the organisation, the group of the workspace, the stage of the job. */
  organization?: string | undefined;
  group?: string | undefined;
  stage?: string | undefined;
}

/** The launchers whose tokens could name the given user, or any user where none is given: the first ones, and the total. */
export interface NamingFacts {
  /** The path of the identity's group: rights to act that were granted there or above apply. */
  granted_at: string;
  launchers: { path: string; granted_at: string }[];
  total: number;
}

/** A titled text to copy. */
export interface TrustDocument {
  /** Stable within the provider, such as `trust-policy`. */
  name: string;
  title: string;
  /**
   * The language of `text`, one lower-case word: `json`, `shell`, `hcl`, `yaml`, `bicep`, `ini`, or `fields` for values to
   * enter in a form. The set is open: clients show an unknown form as plain text.
   */
  form: string;
  text: string;
  /** For the form `fields`: the values, in the order and with the labels of the cloud's own form. */
  fields?: { label: string; value: string }[];
  /** The page, field or command for the text. */
  paste_into: string;
}

export interface Trust {
  issuer: string;
  subject: string;
  audience: string;
  /** The first, if it is JSON, is the one that `evaluate` accepts, and that the cloud must have unchanged. */
  documents: TrustDocument[];
  /** Limits and dangers of this trust, in plain sentences. */
  warnings: string[];
}

/** An identity at a target, with the workspace or the user that its subject names. */
export interface TrustMember<Settings = ReadSettings> {
  settings: Settings;
  facts: TrustFacts;
}

/** The documents that make one target trust several members, and no others. */
export type MergedTrust = Pick<Trust, 'documents' | 'warnings'>;

export type Verdict =
  | { allow: true }
  | {
      allow: false;
      /** The failed condition as in the document: `StringEquals <issuer>:sub`, `subject`, `attributeCondition`. */
      condition: string;
      expected: string;
      actual: string;
    };

/** A part of a pasted document that lets in more than is needed, or that cannot work. */
export interface Finding {
  /** Stable, one word such as `no_subject`. */
  code: string;
  severity: 'high' | 'medium' | 'low';
  message: string;
  /** What to write instead. */
  safe: string;
  /** The id or the number, from 1, of the statement. */
  statement?: string;
  position: Position;
}

/** A verdict, with what an admin needs to change the document. */
export interface Review {
  verdict: Verdict;
  /** The id or the number, from 1, of the statement that decides, or of the one that comes closest to allowing. */
  statement?: string;
  /** The operator and the key of the failed condition. */
  operator?: string;
  key?: string;
  /** The place of what denies, in the pasted text. */
  position?: Position;
  findings: Finding[];
  /** The document with the smallest change that allows this token. */
  corrected?: string;
}

/** The answer about a pasted document: the verdict, and the rest of a review where the kind has one. */
export type ReviewedVerdict = Verdict & Partial<Omit<Review, 'verdict'>>;

/** A path that tokens show: of the identity, of the workspace, or of the group of the workspace. */
export type PathFact = 'identity' | 'workspace' | 'group';

export interface ShownPath {
  fact: PathFact;
  /** Where the cloud sees it, in its own words. */
  where: string;
}

export interface Federated<Settings = ReadSettings> {
  /**
   * The audiences that the cloud reserves. No identity of a kind with a free audience may have one: this cloud would accept
   * its tokens without the claims and limits of this kind.
   */
  ownAudiences?: readonly RegExp[];
  /**
   * Returns the audience that the admin chose, for kinds without an audience of their own. It belongs to one organisation.
   */
  freeAudience?(settings: Settings): string;
  /**
   * Returns whether the provider's own claims name the user of the job, so that the cloud can decide by them. Absent: never.
   */
  namesUser?(settings: Settings): boolean;
  /**
   * Returns where tokens show a path, so that a condition at the cloud can compare it. Pure. Absent: the cloud can compare
   * none.
   */
  listShownPaths?(settings: Settings): ShownPath[];
  /** Returns the audience of a token and the provider's own claims. Pure. */
  assertion(settings: Settings, facts: TrustFacts): Assertion;
  /** Returns the documents that the admin copies. Pure. Trust text of this kind is composed only here. */
  trust(settings: Settings, facts: TrustFacts): Trust;
  /**
   * Returns the documents for several members at one target, such as a role, where the document of one would replace that of
   * another. Throws `invalid_request` where their targets differ. Pure. Absent where a target holds a document for each.
   */
  mergeTrust?(members: readonly TrustMember<Settings>[]): MergedTrust;
  /**
   * Returns whether the document (the text at the cloud) accepts the claims. Pure. Throws `not_supported`, which names the
   * unknown member or function, and `invalid_request` for a text that is not such a document. `request` has the parameters of
   * the request to the cloud other than the token.
   */
  evaluate(document: string, claims: Readonly<Record<string, unknown>>, request?: EvaluateRequest): Verdict;
  /** Returns the same verdict with its place, findings and a correction. Pure. Throws as `evaluate`. Absent where the kind has none. */
  review?(document: string, claims: Readonly<Record<string, unknown>>, request?: EvaluateRequest): Review;
}

/**
 * Facts that a verdict needs in addition to the claims: role and session name (AWS), the public JWK of the signing key
 * (Google).
 */
export interface EvaluateRequest {
  signing_key?: Readonly<Record<string, unknown>> | undefined;
  role_arn?: string;
  session_name?: string;
}

/** The parsed options of `POST /api/v1/credentials`: the duration in seconds, and the options of a kind under its type. */
export interface CredentialsRequest {
  duration?: number | undefined;
  [type: string]: unknown;
}

/** The endpoints to which the operator allows Arsia to send tokens, by the names of the endpoint settings of all kinds. */
export interface CloudEndpoints {
  /** The connections to them. */
  readonly outbound: Outbound;
  readonly [name: string]: string | readonly string[] | Outbound;
}

export interface ExchangeContext<Request = CredentialsRequest, Endpoints = CloudEndpoints> {
  claims: WorkloadClaims;
  request: Request;
  endpoints: Endpoints;
  /** The user of the job, for the session name. */
  user?: { id: string; login: string } | undefined;
  /** The service account of a job without a user. */
  launcher?: { id: string; name: string } | undefined;
  /** Aborted at the deadline of the exchange. */
  signal: AbortSignal;
}

/** The credentials of the cloud, in snake_case, `type` first. Not kept after the answer to the job. */
export interface CloudCredentials {
  type: string;
  /** RFC 3339, UTC. */
  expires_at: string;
  [member: string]: string | undefined;
}

export interface Exchanging<Settings = ReadSettings> {
  /** The options of this kind in `POST /api/v1/credentials`, in the member with the name of the type. */
  request: z.ZodObject;
  /** The operator's settings for the endpoints of this kind, by their names in `CloudEndpoints`. */
  endpoints: Readonly<Record<string, EndpointSetting>>;
  /** The cloud's own hosts, with all names below them. Their certificates are of public authorities (docs/decisions/0035). */
  ownHosts: readonly string[];
  /** Loads the SDK, which needs up to a second. A server loads it at start, so that its first exchange does not wait. */
  load(): Promise<unknown>;
  /**
   * Checks a request before anything is signed. Throws `invalid_request`, which names the fields, where the cloud would
   * refuse it; with `endpoints` also where the operator does not list the identity's endpoint (`exchange` checks that again).
   * Pure.
   */
  check(settings: Settings, request: CredentialsRequest, endpoints?: CloudEndpoints): void;
  /** Returns the URL whose places the exchange occupies (`calls.ts`). Pure. */
  chooseEndpoint(settings: Settings, endpoints: CloudEndpoints): string;
  /**
   * Exchanges the token at the cloud in one try. Throws what the SDK throws. The only impure function. Each call creates its
   * own SDK client, since the caches of clients are not keyed by the token.
   */
  exchange(token: string, settings: Settings, context: ExchangeContext): Promise<CloudCredentials>;
  /** Returns whether another try is worthwhile. Retries of the SDKs are off: `calls.ts` alone retries. Pure. */
  isTransient(thrown: unknown): boolean;
  /** Converts the error of the cloud to an ArsiaError with advice. Keeps its code, and removes tokens from its text. Pure. */
  explain(thrown: unknown, facts: TrustFacts, settings: Settings): ArsiaError;
  /** Returns facts about the credentials for the audit record, without secrets. Pure. */
  describe(credentials: CloudCredentials): Record<string, string>;
}
