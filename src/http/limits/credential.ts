import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { PresentedCredential } from '../../services/machines/livecredentials.ts';
import { hasBody } from '../kernel/body.ts';

/**
 * The credential that an endpoint of the authorization server verifies: a client's secret or assertion, that or the proof of
 * its grant, or a bearer token. Others do not count: a client that made them up would be a new caller with each request.
 */
export type ProvedBy = 'client' | 'grant' | 'bearer' | 'nothing';

/** The parameter that proves a grant (RFC 6749, 8628, 8693): only its holder can use up its limit. */
const proofs: Readonly<Record<string, string>> = {
  authorization_code: 'code',
  refresh_token: 'refresh_token',
  'urn:ietf:params:oauth:grant-type:device_code': 'device_code',
  'urn:ietf:params:oauth:grant-type:token-exchange': 'subject_token',
};

/** Reads the credential of a request to the authorization server, for its limit. A credential has one text, however it is sent. */
export async function readFormCredential(
  request: IncomingMessage,
  provedBy: ProvedBy,
): Promise<PresentedCredential | undefined> {
  const { authorization } = request.headers;
  if (provedBy === 'nothing') return undefined;
  if (provedBy === 'bearer') return presented(authorization?.replace(/^Bearer +/i, ''));
  if (authorization !== undefined) return presented(secretOf(authorization));
  if (request.method !== 'POST' || !hasBody(request)) return undefined;
  const form = new URLSearchParams(await peek(request));
  const secret = form.get('client_secret');
  if (secret) return presented(secret);
  const assertion = form.get('client_assertion');
  if (assertion) {
    const issuer = issuerOf(assertion);
    return issuer === undefined ? undefined : { text: issuer, isAssertion: true };
  }
  const grant = form.get('grant_type') ?? '';
  const proof = provedBy === 'grant' && Object.hasOwn(proofs, grant) ? form.get(proofs[grant]!) : null;
  return presented(proof || undefined);
}

/** An opaque credential as it was sent. */
export function presented(text: string | undefined): PresentedCredential | undefined {
  return text === undefined ? undefined : { text, isAssertion: false };
}

/** Returns the secret of a client (RFC 6749 2.3.1), which a header can spell in several ways. */
function secretOf(authorization: string): string | undefined {
  const encoded = /^basic (\S+)$/i.exec(authorization)?.[1] ?? '';
  const pair = Buffer.from(encoded, 'base64').toString();
  try {
    return decodeURIComponent(pair.slice(pair.indexOf(':') + 1).replaceAll('+', '%20')) || undefined;
  } catch {
    return undefined;
  }
}

function issuerOf(assertion: string): string | undefined {
  try {
    const { iss } = JSON.parse(Buffer.from(assertion.split('.')[1] ?? '', 'base64url').toString()) as { iss?: unknown };
    return typeof iss === 'string' ? iss : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Returns the parameters in the first part of the body, and puts it back for oidc-provider. A parameter that may continue in
 * the next part is left out: one credential would otherwise count as several, one for each place where it is cut.
 */
async function peek(request: IncomingMessage): Promise<string> {
  let part: Buffer | null = request.read();
  while (part === null && !request.readableEnded && !request.destroyed) {
    await once(request, 'readable').catch(() => {});
    part = request.read();
  }
  if (part === null) return '';
  request.unshift(part);
  const text = part.toString('latin1');
  const isWhole = Number(request.headers['content-length']) === part.length;
  return isWhole ? text : text.slice(0, Math.max(0, text.lastIndexOf('&')));
}
