import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { hasBody } from './body.ts';

/** Parameters that prove who asks (RFC 6749, 7521, 8628, 8693): who does not hold one cannot use up its holder's limit. */
const proofs = ['client_secret', 'subject_token', 'refresh_token', 'code', 'device_code'] as const;

/** What a request to the authorization server proves itself by, for its limit: the header, or a parameter of the form. */
export async function readFormCredential(request: IncomingMessage, address: string): Promise<string | undefined> {
  const { authorization } = request.headers;
  if (authorization !== undefined || request.method !== 'POST' || !hasBody(request)) return authorization;
  const form = new URLSearchParams(await peek(request));
  const proof = proofs.map((name) => form.get(name)).find((value) => value !== null && value !== '');
  if (typeof proof === 'string') return proof;
  const issuer = issuerOf(form.get('client_assertion') ?? '');
  // Every assertion is another one, and who it names is only a claim yet: it counts for that name from that address.
  return issuer === undefined ? undefined : `${address} ${issuer}`;
}

function issuerOf(assertion: string): string | undefined {
  try {
    const { iss } = JSON.parse(Buffer.from(assertion.split('.')[1] ?? '', 'base64url').toString()) as { iss?: unknown };
    return typeof iss === 'string' ? iss : undefined;
  } catch {
    return undefined;
  }
}

/** The first part of the body, which stays to be read: oidc-provider reads it itself. */
async function peek(request: IncomingMessage): Promise<string> {
  let part: Buffer | null = request.read();
  while (part === null && !request.readableEnded && !request.destroyed) {
    await once(request, 'readable').catch(() => {});
    part = request.read();
  }
  if (part === null) return '';
  request.unshift(part);
  return part.toString('latin1');
}
