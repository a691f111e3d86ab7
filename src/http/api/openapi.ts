import { z } from 'zod';
import { createDocument, type ZodOpenApiOperationObject } from 'zod-openapi';
import { type ActionTraits, listActionTraits } from '../../services/actions.ts';
import { isCreate } from '../kernel/parserequest.ts';
import type { Route } from '../route.ts';
import { settingsComponents, withSettings } from './identities/settingsforms.ts';
import { describeOAuth } from './oauth.ts';
import { describeParameter } from './parameters.ts';
import { problem } from './problem.ts';
import { describeOperation } from './prose.ts';
import { routes } from './routes.ts';

type Header = { description: string; schema: { type: 'string' } };

const header = (description: string): Header => ({ description, schema: { type: 'string' } });

/**
 * OpenAPI 3.1 of every route, from the schemas that validate requests and those that tests hold answers against. `server`
 * is where the routes are below.
 */
export function openApiDocument(server: string): object {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  const traits = listActionTraits();
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] ??= {};
    paths[path][route.method.toLowerCase()] = operationOf(route, traits.get(route.action));
  }
  return createDocument(
    {
      openapi: '3.1.1',
      info: {
        title: 'Arsia',
        version: '1',
        description:
          'Short-lived, named cloud credentials for jobs. `{id}` takes an id, or a path or login with `/` as `%2F`. Lists have `limit` and `cursor`. Errors are RFC 9457 problems. Each operation lists its error codes; every request can also be answered with 429 `too_many_requests`, 500 `internal` and 503 `unavailable`. A thing that the caller may not see is answered with 404, as one that does not exist.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: server }],
      paths: { ...paths, ...describeOAuth(server.replace(/\/api\/v1$/, '') || '/') },
      components: {
        schemas: settingsComponents(),
        securitySchemes: {
          accessToken: {
            type: 'http',
            scheme: 'bearer',
            description: 'An access token of a person or a service account, from `/oauth2`.',
          },
          jobToken: {
            type: 'http',
            scheme: 'bearer',
            description:
              'The token of a running job. It opens `tokens` and `credentials`, its own job and the identities of its workspace.',
          },
        },
        responses: {
          Problem: {
            description: 'Refused or failed: what happened, and what to change.',
            content: { 'application/problem+json': { schema: problem } },
          },
        },
      },
    },
    { override: withSettings },
  );
}

function operationOf(route: Route, traits: ActionTraits | undefined): ZodOpenApiOperationObject {
  const { method, path, summary, body, query, status } = route;
  const parameters = [...path.matchAll(/:(\w+)/g)].map(
    ([, name]) => [name, z.string().meta(describeParameter(path, name!))] as const,
  );
  const headers = {
    ...(isCreate(route) && {
      'Idempotency-Key': z
        .string()
        .max(255)
        .optional()
        .meta({
          description: 'The same request with the same key is done once in a day. Later ones return the first result.',
          examples: ['6f1c2d3e-4b5a-4978-8c6d-0e1f2a3b4c5d'],
        }),
    }),
    ...(method !== 'GET' &&
      traits?.hasVersion === true && {
        'If-Match': z
          .string()
          .optional()
          .meta({ description: 'The `ETag` that was read: 412 when it was changed since.', examples: ['"3"'] }),
      }),
  };
  return {
    operationId: operationIdOf(route),
    summary,
    description: describeOperation(route, traits),
    tags: [path.split('/')[1]!],
    security: securityOf(route, traits),
    requestParams: {
      ...(parameters.length > 0 && { path: z.object(Object.fromEntries(parameters)) }),
      ...(query && { query: query as z.ZodObject }),
      ...(Object.keys(headers).length > 0 && { header: z.object(headers) }),
    },
    ...(body && { requestBody: { required: true, content: { 'application/json': { schema: body } } } }),
    responses: {
      [status]: {
        description: summary,
        headers: responseHeaders(route),
        ...(status !== 204 && { content: contentOf(route) }),
      },
      '4XX': { $ref: '#/components/responses/Problem' },
      '5XX': { $ref: '#/components/responses/Problem' },
    },
  };
}

/** Authentication schemes, of which a request needs one. */
function securityOf({ bearer }: Route, traits: ActionTraits | undefined): Record<string, string[]>[] {
  if (bearer === 'none') return [];
  if (bearer === 'job' || traits?.needs === 'job') return [{ jobToken: [] }];
  return [{ accessToken: [] }, ...(traits?.opensToJob === true ? [{ jobToken: [] }] : [])];
}

function contentOf({ response, media_type }: Route) {
  if (media_type !== undefined) return { [media_type]: { schema: response ?? z.string() } };
  return { 'application/json': { schema: response ?? z.unknown() } };
}

/** Returns the operation id: the action, prefixed with the first noun of the path if several routes share it. */
function operationIdOf({ action, path }: Route): string {
  const name = action.replaceAll('.', '_');
  const isShared = routes.filter((one) => one.action === action).length > 1;
  return isShared ? `${path.split('/')[1]}_${name}` : name;
}

function responseHeaders(route: Route): Record<string, Header> {
  const members = route.response instanceof z.ZodObject ? Object.keys(route.response.shape) : [];
  return {
    ...(members.includes('version') && { ETag: header('The version, for `If-Match`.') }),
    ...(members.includes('next_cursor') && { Link: header('The next page, as `rel="next"` (RFC 8288).') }),
    ...(isCreate(route) && {
      'Idempotency-Replayed': header('`true` in the answer to a request that was done before.'),
    }),
  };
}
