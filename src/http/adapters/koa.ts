import type { RequestListener } from 'node:http';
import Koa from 'koa';
import { answerRequest, type KernelParts } from '../kernel/answerrequest.ts';
import type { Handler, Reply } from '../kernel/request.ts';

/**
 * Answers every request by `handle`. Koa parses the target, and writes what the kernel returns: no body for HEAD, 204 and
 * 304, and streams only as fast as the client reads them, and not after it has closed the connection.
 */
export function createKoaAdapter(parts: KernelParts, handle: Handler): RequestListener {
  const app = new Koa();
  app.use(async (ctx) => {
    const { req: message, res: response, path, querystring } = ctx;
    writeReply(ctx, await answerRequest(parts, { message, response, path, querystring }, handle));
  });
  app.on('error', (error: unknown) => parts.log.error({ err: error }, 'an answer broke off'));
  const listener = app.callback();
  return (message, response) => void listener(message, response);
}

function writeReply(ctx: Koa.Context, { status, headers, body }: Reply): void {
  // The authorization server has answered by itself.
  if (ctx.res.writableEnded || ctx.headerSent) ctx.respond = false;
  else {
    ctx.status = status;
    ctx.set(headers);
    ctx.body = body;
  }
}
