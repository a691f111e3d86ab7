import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type Koa from 'koa';
import { openApiDocument } from './api/openapi.ts';
import { answerDocument, offerReads, staticDocument } from './discovery.ts';
import type { RequestState, StaticDocument } from './parts.ts';

/** What the page takes of swagger-ui-dist, by its name there. */
const assets: Record<string, string> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
};

/**
 * The OpenAPI document at `/api/v1/openapi.json` and a page to read it at `/api/docs`: without authentication, since they say
 * nothing about an installation. Nothing of the page comes from elsewhere, and it sends nothing elsewhere.
 */
export function serveDocs(issuer: string): Koa.Middleware<RequestState> {
  const prefix = new URL(issuer).pathname.replace(/\/$/, '');
  const script = startOf(prefix);
  const page = staticDocument(pageOf(prefix, script), 'text/html; charset=utf-8');
  const policy = [
    "default-src 'none'",
    `script-src 'self' 'sha256-${createHash('sha256').update(script).digest('base64')}'`,
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const documents: Record<string, () => StaticDocument | Promise<StaticDocument>> = {
    '/api/v1/openapi.json': once(() => staticDocument(openApiDocument(`${issuer}/api/v1`))),
    '/api/docs': () => page,
    ...Object.fromEntries(
      Object.entries(assets).map(([name, type]) => [`/api/docs/${name}`, once(() => readAsset(name, type))]),
    ),
  };
  return async (ctx, next) => {
    const read = Object.hasOwn(documents, ctx.path) ? documents[ctx.path] : undefined;
    if (read === undefined) return await next();
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') return offerReads(ctx);
    if (ctx.path === '/api/docs') ctx.set('content-security-policy', policy);
    // Asked again each time, and answered with 304: a new release shows at once.
    ctx.set('cache-control', 'no-cache');
    answerDocument(ctx, await read());
  };
}

/** Made when it is first asked for, and kept. */
function once<Value>(make: () => Value): () => Value {
  let made: { value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

async function readAsset(name: string, type: string): Promise<StaticDocument> {
  const path = createRequire(import.meta.url).resolve(`swagger-ui-dist/${name}`);
  return staticDocument(await readFile(path, 'utf8'), type);
}

/** No validator: it would send the address of the document to a stranger. */
function startOf(prefix: string): string {
  const options = { url: `${prefix}/api/v1/openapi.json`, dom_id: '#docs', deepLinking: true, validatorUrl: null };
  return `\nSwaggerUIBundle(${JSON.stringify(options)});\n`;
}

function pageOf(prefix: string, script: string): string {
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Arsia API</title><meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="${prefix}/api/docs/swagger-ui.css">
<div id="docs"></div>
<script src="${prefix}/api/docs/swagger-ui-bundle.js"></script>
<script>${script}</script></html>
`;
}
