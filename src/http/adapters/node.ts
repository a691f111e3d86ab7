import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { answerRequest, type KernelParts } from '../kernel/answerrequest.ts';
import type { Handler, Reply } from '../kernel/request.ts';

/**
 * Answers the requests whose method and target are a key of `handlers` on node:http itself, and returns false for all
 * others. Only for JSON answers of POST routes, where the time of the event loop counts (docs/decisions/0010).
 */
export function createNodeAdapter(
  parts: KernelParts,
  handlers: ReadonlyMap<string, Handler>,
): (...args: Parameters<RequestListener>) => boolean {
  return (message, response) => {
    const path = message.url!;
    const handle = handlers.get(`${message.method} ${path}`);
    if (handle === undefined) return false;
    void answer(parts, handle, message, response, path);
    return true;
  };
}

async function answer(
  parts: KernelParts,
  handle: Handler,
  message: IncomingMessage,
  response: ServerResponse,
  path: string,
): Promise<void> {
  writeReply(response, await answerRequest(parts, { message, response, path, querystring: '' }, handle));
}

function writeReply(response: ServerResponse, { status, headers, body }: Reply): void {
  const text = body as string;
  headers['content-length'] = String(Buffer.byteLength(text));
  response.writeHead(status, headers).end(text);
}
