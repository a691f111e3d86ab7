import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { LoggedFacts } from '../../core/loggedfacts.ts';
import type { RequestOrigin } from '../../core/origin.ts';

/** A request as an adapter hands it to the kernel. */
export interface Arrival {
  message: IncomingMessage;
  /** Only the authorization server writes to it; every other answer is a `Reply`, which the adapter writes. */
  response: ServerResponse;
  /** As sent, without the query. */
  path: string;
  /** Without the question mark; empty where there is none. */
  querystring: string;
}

/** A request that is being answered. */
export interface HttpRequest extends Arrival {
  origin: RequestOrigin;
  /** Parameters of the path that its route matched, decoded. */
  params: Record<string, string>;
  /** Headers of the answer so far, by their names in lower case. An error keeps them and adds its own. */
  headers: Record<string, string>;
  /** One object for all copies of the request. */
  logged: LoggedFacts;
}

/** Returned by a handler, which sets headers on its request. */
export interface Answer {
  status: number;
  body?: string | Readable | undefined;
}

export interface Reply extends Answer {
  headers: Record<string, string>;
}

/** Answers a request, or throws ArsiaError. */
export type Handler = (request: HttpRequest) => Promise<Answer>;
