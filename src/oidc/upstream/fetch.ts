import type { CustomFetch } from 'openid-client';

/** Bytes. A JWK Set of a hundred keys has a third of this. */
const maximumAnswer = 256 * 1024;

/** Statuses without a body (Fetch standard, 2.2.3). */
const bodiless = [204, 205, 304];

/**
 * Sends a request to the identity provider. openid-client disables redirects and sets the deadline; the limit of
 * `maximumAnswer` bytes, after decompression, is enforced here. Throws a TypeError when it is exceeded.
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
    // Leaving the loop cancels the download.
    if (size > maximumAnswer) throw new TypeError(`the response has more than ${maximumAnswer} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
