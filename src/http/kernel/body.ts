import type { IncomingMessage } from 'node:http';
import readBody from 'raw-body';
import { ArsiaError } from '../../core/errors.ts';

/** Bytes: the largest request that the API has a use for is a pasted trust document. */
export const maximumBody = 64 * 1024;

/** RFC 9112 6.3: a request has a body when one of these says so. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/**
 * Returns true where the rest of a body is longer than anybody would read, or of unknown length: the answer then closes the
 * connection. Node would otherwise read it to its end.
 */
export function isLongUnread(request: IncomingMessage): boolean {
  return hasBody(request) && !request.complete && !(Number(request.headers['content-length']) <= maximumBody);
}

/** The JSON body of a request, or `fallback` where there is none. */
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
    // Decoded here: the reader would make a decoder for every request, which costs more than all else that it does.
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
