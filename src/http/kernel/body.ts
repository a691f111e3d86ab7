import type { IncomingMessage } from 'node:http';
import readBody from 'raw-body';
import { ArsiaError } from '../../core/errors.ts';

/** Bytes. The largest request that the API needs to accept is a pasted trust document. */
export const maximumBody = 64 * 1024;

/** Returns whether a request has a body (RFC 9112 6.3). */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/**
 * Returns true where the rest of a body is longer than `maximumBody`, or of unknown length: the answer then closes the
 * connection. Node would otherwise read it to its end.
 */
export function isLongUnread(request: IncomingMessage): boolean {
  return hasBody(request) && !request.complete && !(Number(request.headers['content-length']) <= maximumBody);
}

/** Reads the JSON body of a request. Throws `unsupported_media_type`, `body_too_large` or `invalid_request`. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const text = await readText(request);
  const { 'content-type': type = '', 'content-encoding': encoding = 'identity' } = request.headers;
  if (encoding !== 'identity')
    throw new ArsiaError('unsupported_media_type', 'The body is compressed or encoded.', {
      advice: 'Send it without `Content-Encoding`.',
    });
  if (!/^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(type))
    throw new ArsiaError(
      'unsupported_media_type',
      `The body is ${type === '' ? 'of no type' : 'not application/json'}.`,
    );
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ArsiaError('invalid_request', 'The body is not JSON.', {
      fields: [{ pointer: '', detail: (cause as Error).message.replace(/,? (?:\.\.\.)?".*/s, '').slice(0, 120) }],
    });
  }
}

async function readText(request: IncomingMessage): Promise<string> {
  try {
    // Without `encoding`, for which raw-body would create a decoder for every request.
    const bytes = await readBody(request, { limit: maximumBody, length: request.headers['content-length'] ?? null });
    return bytes.toString();
  } catch (thrown) {
    const { type } = thrown as { type?: string };
    if (type === 'entity.too.large')
      throw new ArsiaError('body_too_large', `The body is over ${maximumBody} bytes.`, {
        fields: [{ pointer: '', detail: `at most ${maximumBody} bytes` }],
      });
    throw new ArsiaError('invalid_request', 'The body did not arrive whole.', { cause: thrown });
  }
}
