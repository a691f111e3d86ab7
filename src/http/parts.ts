import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestOrigin } from '../core/origin.ts';
import type { CheckCredential } from '../services/machines/livecredentials.ts';
import type { Callers } from '../services/pipeline/callers.ts';
import type { Idempotency } from '../services/pipeline/idempotency.ts';
import type { Pipeline } from '../services/pipeline/pipeline.ts';
import type { TrustedProxies } from './address.ts';
import type { Cursors } from './api/cursors.ts';
import type { ProvedBy } from './credential.ts';
import type { Api } from './route.ts';

export interface RequestState {
  origin: RequestOrigin;
}

export interface AppLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What speaks OAuth below `/oauth2` and at its well-known places. */
export interface AuthorizationEndpoint {
  owns(path: string): boolean;
  /** Is it one that everybody reads: metadata, keys? */
  isDocument(path: string): boolean;
  /** What does it look at to know who asks? */
  provedBy(path: string): ProvedBy;
  handle(request: IncomingMessage, response: ServerResponse, context: { origin: RequestOrigin }): Promise<void>;
}

export interface AppParts {
  issuer: string;
  log: AppLog;
  api: Api;
  pipeline: Pipeline;
  callers: Callers;
  cursors: Cursors;
  idempotency: Idempotency;
  authorization: AuthorizationEndpoint;
  limits: LimitSettings;
  /** Tells the limits which credentials exist. */
  checkCredential: CheckCredential;
  discovery: StaticDocument;
  jwks(): StaticDocument;
  /** May this replica take traffic? A sentence when it may not. */
  readiness(): Promise<string | undefined>;
}

/** A document that is served from memory, with or without the database. */
export interface StaticDocument {
  body: string;
  etag: string;
  type: string;
  /** Seconds for which a cache may keep it (default 300). */
  maximum_age?: number;
}

export interface LimitSettings {
  /** Requests in a second that one caller may send, twice as many now and then; 0: any number. */
  rate: number;
  trustedProxies: TrustedProxies;
}
