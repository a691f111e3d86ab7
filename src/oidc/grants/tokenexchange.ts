import { errors, type TokenEndpointGrantContext } from 'oidc-provider';
import { noScope } from '../errors.ts';
import { tokenTypes } from '../names.ts';
import type { Exchange } from '../ports.ts';

/** RFC 8693 2.1. What is not listed here, oidc-provider drops; what is sent twice, it refuses. */
export const exchangeParameters = [
  'subject_token',
  'subject_token_type',
  'audience',
  'resource',
  'scope',
  'requested_token_type',
  'actor_token',
  'actor_token_type',
] as const;

export type ExchangeParameters = Partial<Record<(typeof exchangeParameters)[number], string>>;
type GrantContext = TokenEndpointGrantContext<ExchangeParameters>;

/** A job token, and the name of a managed identity as the audience, for a workload token. */
export function createTokenExchange(exchange: Exchange, requestIdOf: (ctx: GrantContext) => string) {
  return async (ctx: GrantContext): Promise<void> => {
    const { subject_token, audience } = checked(ctx.oidc.params);
    const { token, expires_in } = await exchange({
      subject_token,
      audience,
      client_id: ctx.oidc.client.clientId,
      request_id: requestIdOf(ctx),
    });
    ctx.body = {
      access_token: token,
      issued_token_type: tokenTypes.jwt,
      // RFC 8693 2.2.1: it is no access token of this server, and no API of ours takes it as a bearer.
      token_type: 'N_A',
      expires_in,
    };
  };
}

function checked(params: ExchangeParameters): { subject_token: string; audience: string } {
  const { subject_token, subject_token_type, audience, requested_token_type } = params;
  if (subject_token === undefined)
    throw new errors.InvalidRequest('subject_token is missing: send the token of the job');
  if (audience === undefined)
    throw new errors.InvalidRequest('audience is missing: send the id or the path of a managed identity');
  if (subject_token_type !== tokenTypes.access_token)
    throw new errors.InvalidRequest(`subject_token_type must be ${tokenTypes.access_token}: a job token is opaque`);
  if (requested_token_type !== undefined && requested_token_type !== tokenTypes.jwt)
    throw new errors.InvalidRequest(`requested_token_type must be ${tokenTypes.jwt}, or be left out`);
  for (const name of ['actor_token', 'actor_token_type', 'resource'] as const)
    if (params[name] !== undefined) throw new errors.InvalidRequest(`${name} is not supported: leave it out`);
  if (params.scope !== undefined) throw noScope();
  return { subject_token, audience };
}
