import { createHash } from 'node:crypto';
import { methodNotAllowed } from '../kernel/notoffered.ts';
import type { Answer, Handler, HttpRequest } from '../kernel/request.ts';

/** A document that is served from memory, with or without the database. */
export interface StaticDocument {
  body: string;
  etag: string;
  /** As `Content-Type`. */
  type: string;
  /** Seconds for which a cache may keep it (default 300). */
  maximum_age?: number;
}

/** Handlers of GET and HEAD, by path below the issuer. */
export type Readables = Readonly<Record<string, Handler>>;

export function staticDocument(body: string, type: string): StaticDocument {
  return { body, type, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` };
}

/** Returns the answer with a document, or 304 where the client has it. */
export function answerDocument({ message, headers }: HttpRequest, { body, etag, type }: StaticDocument): Answer {
  headers.etag = etag;
  if (isKnown(message.headers['if-none-match'] ?? '', etag)) return { status: 304 };
  headers['content-type'] = type;
  return { status: 200, body };
}

/** Methods of a readable, and of one that pages of any origin may read. */
export const readMethods = ['GET', 'HEAD'] as const;
export const crossOriginMethods = [...readMethods, 'OPTIONS'] as const;

/** Answers the `offered` methods by `handle`; throws `method_not_allowed` for other methods (RFC 9110 15.5.6). */
export async function answerRead(
  request: HttpRequest,
  handle: Handler,
  offered: readonly string[] = readMethods,
): Promise<Answer> {
  if (offered.includes(request.message.method!)) return await handle(request);
  throw methodNotAllowed(request, offered);
}

/** Compares weakly (RFC 9110 13.1.2). Koa's `fresh` would also read `Cache-Control`, which fetch() sends by itself. */
function isKnown(ifNoneMatch: string, etag: string): boolean {
  const known = ifNoneMatch.split(',').map((one) => one.trim().replace(/^W\//, ''));
  return known.includes(etag) || known.includes('*');
}
