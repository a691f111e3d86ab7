import { type AuthenticationResult, ConfidentialClientApplication } from '@azure/msal-node';
import { isObject } from '../../core/json.ts';
import type { CloudCredentials, ExchangeContext } from '../provider.ts';
import { clouds } from './clouds.ts';
import type { AzureRequest } from './credentials.ts';
import { type AzureEndpoints, chooseAuthority } from './endpoints.ts';
import { createNetwork, type WireRecord } from './network.ts';
import type { AzureSettings } from './settings.ts';

type AzureContext = ExchangeContext<AzureRequest, AzureEndpoints>;

/**
 * Sends a client-credentials request with the workload token as the client assertion. Each exchange has its own client: the
 * cache of a client is not keyed by the assertion, so a shared one would answer a second user with the first user's token
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
      // Otherwise MSAL would use the region of MSAL_FORCE_REGION, and with it another host.
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
  const authority = chooseAuthority(settings, context.endpoints);
  return new ConfidentialClientApplication({
    auth: {
      clientId: settings.client_id,
      authority: `${authority}/${settings.tenant_id}`,
      clientAssertion: async () => token,
      ...ownAuthority(authority, settings),
    },
    system: {
      networkClient: createNetwork(context.endpoints, context.signal, record),
      // Only calls.ts retries.
      disableInternalRetries: true,
      loggerOptions: { loggerCallback: () => {}, piiLoggingEnabled: false },
    },
  });
}

/**
 * Returns the metadata of a host that is not Microsoft's, so that MSAL requests it neither from the host nor from Microsoft.
 */
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

/** Returns the failure of the connection itself, or MSAL's error with the status and headers that it lacks. */
function withWire(thrown: unknown, { failure, response }: WireRecord): unknown {
  if (failure !== undefined) return failure;
  return isObject(thrown) ? Object.assign(thrown, { response }) : thrown;
}
