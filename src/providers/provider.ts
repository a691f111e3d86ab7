import type { z } from 'zod';
import type { Assertion, WorkloadClaims } from '../core/claims.ts';
import type { ArsiaError } from '../core/errors.ts';
import type { SubjectScope } from '../core/subject.ts';
import type { EndpointSetting } from './endpoints.ts';

declare const isRead: unique symbol;

/**
 * Settings in the form that the provider of this release takes: the schema parsed them, or `readSettings` read them from the
 * database. Stored settings are `unknown` and do not pass for these.
 */
export type ReadSettings = Record<string, unknown> & { readonly [isRead]: true };

/** Turns stored settings of one version into those of the next. Pure; the schema judges the result. */
export type SettingsUpgrade = (older: Readonly<Record<string, unknown>>) => Record<string, unknown>;

/**
 * A kind of target: one folder, and one line in `registry.ts`. It declares once, as schemas, what it needs from a person. Its
 * capabilities depend on the target.
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

/** Facts of a token: the identity, the subject and whom it names. Input of all pure functions of a provider. */
export interface TrustFacts {
  issuer: string;
  /** `single` or `multi`: in multi tenancy AWS's audience carries the organisation. */
  tenancy: 'single' | 'multi';
  organization_id: string;
  identity_id: string;
  /** The path of the identity, for names and descriptions in what is pasted. */
  identity: string;
  delivery: 'credentials' | 'token' | 'both';
  subject_scope: SubjectScope;
  /** The exact subject, or (for a user-scoped identity with no user named) the pattern that ends in `:usr_*`. */
  subject: string;
  /** True when `subject` ends in `*`. */
  is_subject_pattern: boolean;
  /** The session name, source identity and tags that a token would carry; absent when no user is named. */
  user?: { id: string; login: string } | undefined;
  workspace?: { id: string; path: string } | undefined;
  /** Launchers that could name a user, where tokens name a user and no workspace (docs/decisions/0017). */
  naming?: NamingFacts | undefined;
  /** Values of session tags: the name of the organisation, the group that holds the workspace, the stage of the job. */
  organization?: string | undefined;
  group?: string | undefined;
  stage?: string | undefined;
}

/** The launchers whose tokens could name the user (or, where none is named, some user): the first ones, and how many. */
export interface NamingFacts {
  /** The path of the group of the identity: rights to act that were granted there or above count. */
  granted_at: string;
  launchers: { path: string; granted_at: string }[];
  total: number;
}

/** A titled text to copy. */
export interface TrustDocument {
  /** Stable within the provider, e.g. `trust-policy`. */
  name: string;
  title: string;
  /**
   * The language of `text`, one lower-case word: `json`, `shell`, `hcl`, `yaml`, `bicep`, `ini`, or `fields` for values to type
   * into a form. The set is open: a client shows a form that it does not know as plain text.
   */
  form: string;
  text: string;
  /** With the form `fields`: the values in the order and with the labels of the cloud's own form. */
  fields?: { label: string; value: string }[];
  /** The page, field or command that takes the text. */
  paste_into: string;
}

export interface Trust {
  issuer: string;
  subject: string;
  audience: string;
  /** The first, where it is JSON, is the one that `evaluate` judges and that the cloud is to hold unchanged. */
  documents: TrustDocument[];
  /** Limits and dangers of this trust, in plain sentences. */
  warnings: string[];
}

export type Verdict =
  | { allow: true }
  | {
      allow: false;
      /** The condition that failed, in the document's own words: `StringEquals <issuer>:sub`, `subject`, `attributeCondition`. */
      condition: string;
      expected: string;
      actual: string;
    };

export interface Federated<Settings = ReadSettings> {
  /**
   * The audiences that the cloud takes for its own. No identity of a kind with a free audience may have one: its tokens would
   * pass at this cloud without the claims and limits of this kind.
   */
  ownAudiences?: readonly RegExp[];
  /** Returns the audience that the admin chose, for kinds without an audience of their own. It belongs to one organisation. */
  freeAudience?(settings: Settings): string;
  /**
   * Returns whether the provider's own claims name the user of the job, so that the cloud can decide by them. Absent: never.
   */
  namesUser?(settings: Settings): boolean;
  /** Returns the audience of a token and the claims of the provider's own. Pure. */
  assertion(settings: Settings, facts: TrustFacts): Assertion;
  /** Returns the documents that the admin copies. Pure; the only place that composes trust text of this kind. */
  trust(settings: Settings, facts: TrustFacts): Trust;
  /**
   * Returns whether the document (text as pasted at the cloud) accepts the claims. Pure. Throws `not_supported`, which names
   * the member or function that `evaluate` does not know, and `invalid_request` for a text that is no such document.
   * `request` has the parameters of the request to the cloud beside the token.
   */
  evaluate(document: string, claims: Readonly<Record<string, unknown>>, request?: EvaluateRequest): Verdict;
}

/**
 * Facts that a verdict needs beside the claims: role and session name (AWS), the public JWK that signs the tokens (Google).
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

/** The endpoints to which the operator lets Arsia send tokens, by the names of the endpoint settings of all kinds. */
export interface CloudEndpoints {
  /** PEM of further certificate authorities, for the operator-listed endpoints. */
  extra_ca: string | undefined;
  readonly [name: string]: string | readonly string[] | undefined;
}

export interface ExchangeContext<Request = CredentialsRequest, Endpoints = CloudEndpoints> {
  claims: WorkloadClaims;
  request: Request;
  endpoints: Endpoints;
  /** The user of the job, for the session name. */
  user?: { id: string; login: string } | undefined;
  /** The service account of a job without a user. */
  launcher?: { id: string; name: string } | undefined;
  /** Ends at the deadline of the exchange. */
  signal: AbortSignal;
}

/** The answer of the cloud, in snake_case as on the wire, `type` first. Dropped after the answer to the job. */
export interface CloudCredentials {
  type: string;
  /** RFC 3339, UTC. */
  expires_at: string;
  [member: string]: string | undefined;
}

export interface Exchanging<Settings = ReadSettings> {
  /** The options of this kind in `POST /api/v1/credentials`, sent as the member that has the name of the type. */
  request: z.ZodObject;
  /** The operator's settings for the endpoints of this kind, by their names in `CloudEndpoints`. */
  endpoints: Readonly<Record<string, EndpointSetting>>;
  /** Loads the SDK, which takes up to a second. A server loads it at start, so that its first exchange does not wait. */
  load(): Promise<unknown>;
  /**
   * Throws `invalid_request`, which names the fields, for a request that the cloud would refuse, before anything is signed;
   * with `endpoints` also for an identity whose endpoint the operator does not list (`exchange` checks that again). Pure.
   */
  check(settings: Settings, request: CredentialsRequest, endpoints?: CloudEndpoints): void;
  /** Returns the URL at which the credentials are fetched, for the places of the exchange. Pure. */
  endpointOf(settings: Settings, endpoints: CloudEndpoints): string;
  /**
   * Trades the token at the cloud, in one try. Throws what the SDK throws. The only impure function. Each call makes an SDK
   * client of its own: their caches are not keyed by the token.
   */
  exchange(token: string, settings: Settings, context: ExchangeContext): Promise<CloudCredentials>;
  /** Returns whether another try is worthwhile. Retries of the SDKs are off: `calls.ts` alone retries. Pure. */
  isTransient(thrown: unknown): boolean;
  /** Turns the error of the cloud into an ArsiaError with advice: keeps its code, removes tokens from its text. Pure. */
  explain(thrown: unknown, facts: TrustFacts, settings: Settings): ArsiaError;
  /** Returns the owner of the credentials, for the audit record. No secrets. Pure. */
  describe(credentials: CloudCredentials): Record<string, string>;
}
