import { type AuthenticationResult, ConfidentialClientApplication } from '@azure/msal-node';
import { isObject } from '../../core/json.ts';
import type { CloudCredentials, ExchangeContext } from '../provider.ts';
import { clouds } from './clouds.ts';
import type { AzureRequest } from './credentials.ts';
import { type AzureEndpoints, authorityOf } from './endpoints.ts';
import { createNetwork, type WireRecord } from './network.ts';
import type { AzureSettings } from './settings.ts';

type AzureContext = ExchangeContext<AzureRequest, AzureEndpoints>;

/**
 * One client-credentials request with our token as the client assertion. The client and its cache live for this exchange
 * only: a shared one answers a second user with the first one's token, since its cache is not keyed by the assertion
 * (docs/architecture.md).
 */
export async function exchange(
  token: string,
  settings: AzureSettings,
  context: AzureContext,
): Promise<CloudCredentials> {
  const record: WireRecord = {};
  const scope = context.request.azure?.scope ?? settings.scope ?? clouds[settings.cloud].scope!;
  const client = createClient(token, settings, context, record);
  let result: AuthenticationResult | null;
  try {
    result = await client.acquireTokenByClientCredential({
      scopes: [scope],
      skipCache: true,
      // Or MSAL would take a region, and with it another host, from MSAL_FORCE_REGION.
      azureRegion: 'DisableMsalForceRegion',
    });
  } catch (thrown) {
    throw withWire(thrown, record);
  }
  if (!result?.accessToken || !result.expiresOn)
    throw withWire(new Error('The answer of Entra has no access token'), record);
  return {
    type: 'azure',
    access_token: result.accessToken,
    expires_at: result.expiresOn.toISOString(),
    scope,
    client_id: settings.client_id,
    tenant_id: settings.tenant_id,
  };
}

function createClient(token: string, settings: AzureSettings, context: AzureContext, record: WireRecord) {
  const authority = authorityOf(settings, context.endpoints);
  return new ConfidentialClientApplication({
    auth: {
      clientId: settings.client_id,
      authority: `${authority}/${settings.tenant_id}`,
      clientAssertion: async () => token,
      ...ownAuthority(authority, settings),
    },
    system: {
      networkClient: createNetwork(context.endpoints, context.signal, record),
      // Tries are counted in one place, calls.ts.
      disableInternalRetries: true,
      loggerOptions: { loggerCallback: () => {}, piiLoggingEnabled: false },
    },
  });
}

/** Returns the metadata of a host that is not Microsoft's, so that MSAL asks neither the host nor Microsoft for it. */
function ownAuthority(authority: string, { tenant_id }: AzureSettings) {
  if (Object.values(clouds).some((cloud) => cloud.authority === authority)) return {};
  const base = `${authority}/${tenant_id}`;
  return {
    knownAuthorities: [new URL(authority).host],
    authorityMetadata: JSON.stringify({
      issuer: `${base}/v2.0`,
      authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
      token_endpoint: `${base}/oauth2/v2.0/token`,
      jwks_uri: `${base}/discovery/v2.0/keys`,
    }),
  };
}

/** The failure of the connection itself, or MSAL's error with the status and headers that it left out. */
function withWire(thrown: unknown, { failure, response }: WireRecord): unknown {
  if (failure !== undefined) return failure;
  return isObject(thrown) ? Object.assign(thrown, { response }) : thrown;
}
