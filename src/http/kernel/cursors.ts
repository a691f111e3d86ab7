import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { canonicalJson } from '../../core/canonical.ts';
import type { Caller } from '../../core/principals.ts';

/** Seals the position where a page ended. A cursor opens for the same caller, route and filters only (threats.md N42). */
export interface Cursors {
  seal(id: string, scope: CursorScope): string;
  /** Returns undefined for a cursor of another scope. Throws ArsiaError `unavailable` while the secret is not loaded. */
  open(cursor: string, scope: CursorScope): string | undefined;
}

export interface CursorScope {
  caller: Caller;
  /** Method and path of the route. */
  route: string;
  params: Readonly<Record<string, string>>;
  /** The parsed query. `limit` may differ from page to page. */
  query: unknown;
}

/** Characters. An id, a salt and a tag need far fewer. */
export const maximumCursor = 512;

const saltLength = 16;
const tagLength = 16;

/** `secret` is shared by all replicas, since the next page may be requested from another one. */
export function createCursors(secret: () => Uint8Array): Cursors {
  /** Key and nonce of AES-256-GCM, both derived from the salt, so that no nonce repeats under one key. */
  function keysOf(salt: Uint8Array) {
    const bytes = Buffer.from(hkdfSync('sha256', secret(), salt, 'arsia cursor 1', 32 + 12));
    return [bytes.subarray(0, 32), bytes.subarray(32)] as const;
  }

  return {
    seal(id, scope) {
      const salt = randomBytes(saltLength);
      const cipher = createCipheriv('aes-256-gcm', ...keysOf(salt));
      cipher.setAAD(boundTo(scope));
      return Buffer.concat([salt, cipher.update(id), cipher.final(), cipher.getAuthTag()]).toString('base64url');
    },

    open(cursor, scope) {
      const bytes = Buffer.from(cursor, 'base64url');
      // A cursor has one spelling: the decoder skips characters that are not base64url.
      if (bytes.length <= saltLength + tagLength || bytes.toString('base64url') !== cursor) return undefined;
      const decipher = createDecipheriv('aes-256-gcm', ...keysOf(bytes.subarray(0, saltLength)));
      decipher.setAAD(boundTo(scope));
      decipher.setAuthTag(bytes.subarray(-tagLength));
      try {
        return Buffer.concat([decipher.update(bytes.subarray(saltLength, -tagLength)), decipher.final()]).toString();
      } catch {
        return undefined;
      }
    },
  };
}

function boundTo({ caller, route, params, query }: CursorScope): Uint8Array {
  const { limit: _limit, cursor: _cursor, ...filters } = query as { limit?: unknown; cursor?: unknown };
  return Buffer.from(canonicalJson([caller.kind, caller.id, route, { ...params }, filters]));
}
