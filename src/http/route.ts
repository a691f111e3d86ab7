import type { z } from 'zod';
import { ArsiaError, type ErrorCode, type FieldFault } from '../core/errors.ts';
import { describeIssue } from '../core/issuetexts.ts';
import type { LoggedFacts } from '../core/loggedfacts.ts';
import type { ActionTable } from '../services/actions.ts';
import type { Exchange } from '../services/issuing/exchange.ts';
import type { Mint } from '../services/issuing/mint.ts';
import type { Operators } from '../services/people/operators.ts';
import type { Call } from '../services/pipeline/action.ts';
import type { Pipeline } from '../services/pipeline/pipeline.ts';

/** The services that routes may call. */
export interface Api {
  pipeline: Pipeline;
  actions: ActionTable;
  mint: Mint;
  exchange: Exchange;
  operators: Operators;
}

export interface RouteRequest<Body, Query> {
  api: Api;
  call: Call;
  /** Ids or paths, decoded. */
  params: Record<string, string>;
  body: Body;
  query: Query;
  /** The bearer token as presented, for routes that authenticate by themselves. */
  bearer: string | undefined;
  /** For services that authenticate by themselves: they set the caller. */
  logged: LoggedFacts;
}

/** A route of the API: the schemas that validate a request, and the function that answers it. `api/routes.ts` lists all routes. */
export interface Route<Body = unknown, Query = unknown, Answer = unknown> {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below `/api/v1`, with `:name` for parameters. */
  path: string;
  /** The whole path, for the log. */
  template: string;
  summary: string;
  /** What it does and what it changes, for the OpenAPI document, which adds who may call it and its errors. */
  description: string;
  /** Name of the action in the audit, for requests that are refused before it starts. */
  action: string;
  /** Who may call it, where `needs` of the action does not say it all. */
  who?: string;
  /** The codes of its refusals, beyond those that `api/prose.ts` derives. */
  errors?: readonly ErrorCode[];
  /**
   * `access`: the pipeline decides. `job`: the mint reads the job token itself, with the facts it decides on. `none`: the
   * caller proves itself by what it sends.
   */
  bearer: 'access' | 'job' | 'none';
  status: 200 | 201 | 204;
  /** Content type of an answer that is streamed text: `handle` then returns an async iterable of its parts. */
  media_type?: string;
  body?: z.ZodType<Body>;
  query?: z.ZodType<Query>;
  /** Schema of the answer, for the OpenAPI document. It marks the members that only the first answer has. */
  response?: z.ZodType<Answer>;
  handle(request: RouteRequest<Body, Query>): Promise<NoInfer<Answer>>;
}

/** Path of the API below that of the issuer. */
const prefix = '/api/v1';

const statusOf = { GET: 200, POST: 201, PATCH: 200, DELETE: 204 } as const;

/** Returns a route with defaults: an access token, and the status of its method. `handle` gets the types of the schemas. */
export function route<Body = undefined, Query = undefined, Answer = unknown>(
  row: Omit<Route<Body, Query, Answer>, 'bearer' | 'status' | 'template'> & Partial<Pick<Route, 'bearer' | 'status'>>,
): Route {
  return {
    bearer: 'access',
    status: statusOf[row.method],
    template: `${prefix}${row.path}`,
    ...row,
  } as unknown as Route;
}

/** Maximum number of faults in an answer. */
const maximumFaults = 32;

/** `place` is `/` for a JSON body (RFC 6901 pointers), empty for the query (parameter names). */
export function parseWith<Value>(schema: z.ZodType<Value>, value: unknown, place: '/' | ''): Value {
  const parsed = schema.safeParse(value, { error: describeIssue });
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.flatMap((issue) => faultsOf(issue, place)).slice(0, maximumFaults);
  const known = parsed.error.issues.flatMap(({ code, path }) => (code === 'unrecognized_keys' ? [] : path.slice(0, 1)));
  const members = [...new Set(known.map(String))];
  throw new ArsiaError('invalid_request', `${place === '/' ? 'The body' : 'The query'} is not valid.`, {
    fields,
    ...(members.length > 0 && { members }),
  });
}

function faultsOf(issue: z.core.$ZodIssue, place: '/' | ''): FieldFault[] {
  const at = issue.path.map((part) => escapePointer(String(part)));
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      pointer: place + [...at, escapePointer(key)].join('/'),
      detail: 'is not a member of this request',
    }));
  return [{ pointer: at.length === 0 && place === '/' ? '' : place + at.join('/'), detail: issue.message }];
}

function escapePointer(part: string): string {
  return part.replaceAll('~', '~0').replaceAll('/', '~1').slice(0, 80);
}
