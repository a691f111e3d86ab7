import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { Principals } from './ports.ts';
import type { RequestContexts } from './requestcontext.ts';

interface TokenClient {
  clientId: string;
  clientAuthMethod?: unknown;
}

interface StoredToken {
  clientId?: string | undefined;
  accountId?: string | undefined;
}

/** Creates the policies that decide who may introspect and who may revoke a token (RFC 7662 2.1, RFC 7009 2.1). */
export function createPolicies({
  principals,
  requestContexts,
}: {
  principals: Principals;
  requestContexts: RequestContexts;
}) {
  return {
    /** Allows every authenticated client, since it has the token already. Tokens of an inactive principal are inactive. */
    async mayIntrospect(ctx: KoaContextWithOIDC, client: TokenClient, token: StoredToken): Promise<boolean> {
      if (client.clientAuthMethod === 'none') {
        requestContexts.get(ctx).denied = 'A public client may not introspect.';
        return false;
      }
      return await principals.isActive(token.accountId ?? token.clientId ?? '');
    },

    /** Allows the client that the token was issued to. Throws InvalidRequest for another authenticated client. */
    async mayRevoke(ctx: KoaContextWithOIDC, client: TokenClient, token: StoredToken): Promise<boolean> {
      if (token.clientId === client.clientId) return true;
      // An unauthenticated client must not learn from the response whether the token is valid.
      if (client.clientAuthMethod !== 'none') throw new errors.InvalidRequest('the token was issued to another client');
      requestContexts.get(ctx).denied = 'The token was issued to another client.';
      return false;
    },
  };
}
