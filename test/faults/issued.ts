import { createHash } from 'node:crypto';
import { expect } from '@jest/globals';
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify } from 'jose';
import type { Client } from '../support/client.ts';
import { ask, type Reply } from './wire.ts';

export interface MintRow {
  jti: string;
  signing_input_sha256: string;
}

/** Returns every mint in the audit, as an owner reads it through the API. */
export async function mintRows(owner: Client): Promise<MintRow[]> {
  const rows: MintRow[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page = `limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`;
    const answer = await owner.send('GET', `/audit-events?action=token.mint&outcome=success&${page}`);
    rows.push(...(answer.items as MintRow[]));
    cursor = answer.next_cursor as string | null;
  }
  return rows;
}

/** Expects after a crash that each returned token has exactly one audit row with its `jti` and the hash of its bytes. */
export function expectEveryRow(tokens: readonly string[], rows: readonly MintRow[]): void {
  const byJti = new Map(rows.map((row) => [row.jti, row.signing_input_sha256]));
  expect(byJti.size).toBe(rows.length);
  const unrecorded = tokens.filter((token) => byJti.get(String(decodeJwt(token).jti)) !== signingInputHash(token));
  expect(unrecorded).toEqual([]);
}

export function tokensOf(replies: readonly Reply[]): string[] {
  return replies.filter((reply) => reply.status === 200).map((reply) => String(reply.body.token));
}

export async function jwksOf(origin: string): Promise<JSONWebKeySet> {
  const { status, body } = await ask(`${origin}/.well-known/jwks.json`);
  expect(status).toBe(200);
  return body as JSONWebKeySet;
}

export async function expectAllVerify(tokens: readonly string[], jwks: JSONWebKeySet, now?: number): Promise<void> {
  const keys = createLocalJWKSet(jwks);
  for (const token of tokens)
    await jwtVerify(token, keys, { algorithms: ['RS256'], ...(now !== undefined && { currentDate: new Date(now) }) });
}

function signingInputHash(token: string): string {
  return createHash('sha256')
    .update(token.slice(0, token.lastIndexOf('.')))
    .digest('hex');
}
