import { errors, type Provider, type TokenEndpointGrantContext } from 'oidc-provider';
import { ArsiaError } from '../../core/errors.ts';
import type { LoggedFacts } from '../../core/loggedfacts.ts';
import type { Origin } from '../../core/origin.ts';
import type { OutsideAdmission, OutsideExchange } from '../../services/issuing/outsidetokens.ts';
import { createScopeError } from '../errors.ts';
import { tokenTypes, trustRuleClaim } from '../names.ts';
import type { Exchange } from '../ports.ts';

/** Parameters of RFC 8693 2.1. oidc-provider drops other parameters and refuses repeated ones. */
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

interface ExchangeParts {
  exchange: Exchange;
  outside: OutsideExchange;
  origin: Origin;
  logged: LoggedFacts;
}

/** The two kinds of exchanges, by the type of the subject token. */
const kinds = {
  job: {
    types: [tokenTypes.access_token],
    issued: tokenTypes.jwt,
    token: 'the token of the job',
    audience: 'the id or the path of a managed identity',
  },
  outside: {
    types: [tokenTypes.jwt, tokenTypes.id_token],
    issued: tokenTypes.access_token,
    token: 'the token of the outside issuer',
    audience: 'the id or the path of the service account that trusts it',
  },
} as const;

type Kind = (typeof kinds)[keyof typeof kinds];

/**
 * Creates the handler of token exchange. A job token, with a managed identity as the audience, is exchanged for a workload
 * token. A JWT of an outside issuer, with a service account as the audience, is exchanged for an access token. Throws
 * InvalidRequest and ArsiaError.
 */
export function createTokenExchange({ exchange, outside, origin, logged }: ExchangeParts) {
  return async (ctx: GrantContext): Promise<void> => {
    const { params, client, provider } = ctx.oidc;
    const kind = isOutsideTokenType(params.subject_token_type) ? kinds.outside : kinds.job;
    const request = { ...checkParameters(params, kind), client_id: client.clientId, origin };
    const { issued: issued_token_type } = kind;
    if (kind === kinds.outside) {
      const { access_token, expires_in } = await outside(request, (admission) => issueFor(provider, admission));
      ctx.body = { access_token, issued_token_type, token_type: 'Bearer', expires_in };
      return;
    }
    const { token, expires_in } = await exchange({ ...request, logged });
    // `N_A` (RFC 8693 2.2.1): it is not an access token of this server, and our APIs do not accept it as a bearer token.
    ctx.body = { access_token: token, issued_token_type, token_type: 'N_A', expires_in };
  };
}

/** Returns whether this is the type of a token of an outside issuer. */
export function isOutsideTokenType(subject_token_type: unknown): boolean {
  return kinds.outside.types.some((type) => type === subject_token_type);
}

async function issueFor(
  provider: Provider,
  { service_account_id, trust_rule_id, lifetime }: OutsideAdmission,
): Promise<string> {
  const client = await provider.Client.find(service_account_id);
  if (client === undefined)
    throw new ArsiaError('outside_token_untrusted', 'The service account was deactivated during the exchange.');
  const extra = { [trustRuleClaim]: trust_rule_id };
  return await new provider.ClientCredentials({ client, expiresIn: lifetime, extra }).save();
}

function checkParameters(params: ExchangeParameters, kind: Kind): { subject_token: string; audience: string } {
  const { subject_token, subject_token_type, audience, requested_token_type } = params;
  if (subject_token === undefined) throw new errors.InvalidRequest(`subject_token is missing: send ${kind.token}`);
  if (audience === undefined) throw new errors.InvalidRequest(`audience is missing: send ${kind.audience}`);
  if (!kind.types.some((type) => type === subject_token_type))
    throw new errors.InvalidRequest(
      `subject_token_type must be ${tokenTypes.access_token} for the token of a job, which is opaque, or ${tokenTypes.jwt} for one of an outside issuer`,
    );
  if (requested_token_type !== undefined && requested_token_type !== kind.issued)
    throw new errors.InvalidRequest(`requested_token_type must be ${kind.issued} or omitted`);
  for (const name of ['actor_token', 'actor_token_type', 'resource'] as const)
    if (params[name] !== undefined) throw new errors.InvalidRequest(`${name} is not supported: omit it`);
  if (params.scope !== undefined) throw createScopeError();
  return { subject_token, audience };
}
