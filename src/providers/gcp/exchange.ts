import { type gaxios, IdentityPoolClient } from 'google-auth-library';
import type { CloudCredentials, ExchangeContext } from '../provider.ts';
import type { GcpRequest } from './credentials.ts';
import type { GcpEndpoints } from './endpoints.ts';
import { providerName } from './names.ts';
import { type GcpSettings, tokenDuration } from './settings.ts';

const jwtType = 'urn:ietf:params:oauth:token-type:jwt';

type GcpContext = ExchangeContext<GcpRequest, GcpEndpoints>;

/** The client of the library. Its STS part would otherwise use its own transport, without our agent, deadline and retries. */
class PoolClient extends IdentityPoolClient {
  constructor(options: ConstructorParameters<typeof IdentityPoolClient>[0]) {
    super(options);
    // Bracketed: the library declares the member protected, and has no option for it.
    // biome-ignore lint/complexity/useLiteralKeys: the brackets are what lets a subclass reach it
    this.stsCredential['transporter'] = this.transporter;
  }
}

/**
 * Exchanges the token at Google's STS, and then impersonates the service account, if any. Each exchange has its own client.
 */
export async function exchange(token: string, settings: GcpSettings, context: GcpContext): Promise<CloudCredentials> {
  const { request, endpoints } = context;
  const { service_account: account } = settings;
  const client = new PoolClient({
    type: 'external_account',
    audience: providerName(settings),
    subject_token_type: jwtType,
    subject_token_supplier: { getSubjectToken: async () => token },
    // Only the operator sets URLs (N29). The address of the account has no character that could change the host or path.
    token_url: `${endpoints.google_sts}/v1/token`,
    ...(account !== undefined && {
      service_account_impersonation_url: `${endpoints.google_iam}/v1/projects/-/serviceAccounts/${account}:generateAccessToken`,
      service_account_impersonation: {
        token_lifetime_seconds: request.duration ?? Math.min(tokenDuration.default, settings.max_duration),
      },
    }),
    scopes: request.gcp?.scopes ?? settings.scopes,
    transporterOptions: transportOf(context),
  });
  const { token: accessToken } = await client.getAccessToken();
  const { expiry_date: expiry } = client.credentials;
  if (!accessToken || typeof expiry !== 'number' || Number.isNaN(expiry))
    throw new Error('The answer of Google has no access token with an expiry');
  return {
    type: 'gcp',
    access_token: accessToken,
    expires_at: new Date(expiry).toISOString(),
    ...(account !== undefined && { service_account: account }),
  };
}

function transportOf({ endpoints, signal }: GcpContext): gaxios.GaxiosOptions {
  return {
    agent: (url: URL) => endpoints.outbound.agentFor(url),
    signal,
    // A redirect would send the token to a host that the operator has not listed.
    redirect: 'error',
    // Only calls.ts retries.
    retryConfig: { retry: 0, noResponseRetries: 0 },
  };
}
