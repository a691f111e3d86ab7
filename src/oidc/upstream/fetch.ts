import type { CustomFetch } from 'openid-client';

/** Bytes: a JWK Set of a hundred keys is a third of this. */
const maximumAnswer = 256 * 1024;

/** Statuses that have no body (Fetch standard, 2.2.3). */
const bodiless = [204, 205, 304];

/**
 * Requests to the identity provider: no redirects (openid-client asks for none), the deadline that openid-client sets for
 * each, and no more than `maximumAnswer` bytes, counted after decompression.
 */
export const limitedFetch: CustomFetch = async (url, options) => {
  const response = await fetch(url, options);
  const body = bodiless.includes(response.status) ? null : await readLimited(response);
  return new Response(body, { status: response.status, headers: response.headers });
};

async function readLimited(response: Response): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    // Leaving the loop cancels the rest.
    if (size > maximumAnswer) throw new TypeError(`the answer is over ${maximumAnswer} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
