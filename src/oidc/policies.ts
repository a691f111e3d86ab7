import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { Principals } from './ports.ts';
import type { Turns } from './requestcontext.ts';

interface TokenClient {
  clientId: string;
  clientAuthMethod?: unknown;
}

interface StoredToken {
  clientId?: string | undefined;
  accountId?: string | undefined;
}

/** Who may ask about a token and who may end it (RFC 7662 2.1, RFC 7009 2.1). */
export function createPolicies({ principals, turns }: { principals: Principals; turns: Turns }) {
  return {
    /** Any client that proves itself, since it holds the token already. A token of an inactive principal is inactive. */
    async mayIntrospect(ctx: KoaContextWithOIDC, client: TokenClient, token: StoredToken): Promise<boolean> {
      if (client.clientAuthMethod === 'none') {
        turns.of(ctx).denied = 'A public client may not introspect.';
        return false;
      }
      return await principals.isActive(token.accountId ?? token.clientId ?? '');
    },

    /** The client that the token was given to. */
    async mayRevoke(ctx: KoaContextWithOIDC, client: TokenClient, token: StoredToken): Promise<boolean> {
      if (token.clientId === client.clientId) return true;
      // A stranger that is told the difference would learn which tokens are alive.
      if (client.clientAuthMethod !== 'none') throw new errors.InvalidRequest('the token was given to another client');
      turns.of(ctx).denied = 'The token was given to another client.';
      return false;
    },
  };
}
