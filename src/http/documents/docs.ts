import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { issuerPath } from '../../core/issuerurl.ts';
import { htmlType, inlineSource, jsonType, pagePolicy } from '../../web/securityheaders.ts';
import { openApiDocument } from '../api/openapi.ts';
import type { Handler } from '../kernel/request.ts';
import { answerDocument, type Readables, type StaticDocument, staticDocument } from './document.ts';

/** Content types of the files that the page takes from swagger-ui-dist, by their names there. */
const assets: Record<string, string> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
};

/**
 * The OpenAPI document at `/api/v1/openapi.json` and a page that shows it at `/api/docs`. Neither needs authentication, since
 * they are the same in every installation. The page loads nothing from other hosts and sends nothing to them.
 */
export function docsPages(issuer: string): Readables {
  const prefix = issuerPath(issuer);
  const script = startScript(prefix);
  const page = staticDocument(pageOf(prefix, script), htmlType);
  const policy = pagePolicy(
    [`script-src 'self' ${inlineSource(script)}`, "style-src 'self'", "img-src 'self' data:", "connect-src 'self'"],
    ['form-action'],
  );
  const openApi = once(() => staticDocument(JSON.stringify(openApiDocument(`${issuer}/api/v1`)), jsonType));
  return {
    '/api/v1/openapi.json': revalidated(openApi),
    '/api/docs': async (request) => {
      request.headers['content-security-policy'] = policy;
      return await revalidated(() => page)(request);
    },
    ...Object.fromEntries(
      Object.entries(assets).map(([name, type]) => [
        `/api/docs/${name}`,
        revalidated(once(() => readAsset(name, type))),
      ]),
    ),
  };
}

/** Returns a document that clients revalidate each time, so that a new release is visible at once. */
function revalidated(read: () => StaticDocument | Promise<StaticDocument>): Handler {
  return async (request) => {
    request.headers['cache-control'] = 'no-cache';
    return answerDocument(request, await read());
  };
}

/** Makes a value at the first call and keeps it. */
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

/** Turns off the validator badge, which would send the address of the document to another host. */
function startScript(prefix: string): string {
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
