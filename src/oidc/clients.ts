import { timingSafeEqual } from 'node:crypto';
import type { AllClientMetadata, ClientMetadata, Provider } from 'oidc-provider';
import { parseClientKeys } from '../core/clientkeys.ts';
import type { Clock } from '../core/clock.ts';
import { isId } from '../core/ids.ts';
import { hashToken } from '../store/issuing/artifacts.ts';
import {
  commandLineClient,
  consoleClient,
  deviceCodeGrant,
  ownClient,
  tokenExchangeGrant,
  workloadClient,
} from './names.ts';
import type { ClientAccount, Clients } from './ports.ts';

const noFrontChannel = { response_types: [], redirect_uris: [] };

/** Clients without an account. */
export const builtInClients: readonly ClientMetadata[] = [
  {
    client_id: workloadClient,
    token_endpoint_auth_method: 'none',
    grant_types: [tokenExchangeGrant],
    ...noFrontChannel,
  },
  { client_id: ownClient, token_endpoint_auth_method: 'none', grant_types: [], ...noFrontChannel },
];

/** Creates the clients of people: the command line and the console, both public. `issuer` is the workload issuer. */
export function createPeopleClients(issuer: string): ClientMetadata[] {
  const common = {
    token_endpoint_auth_method: 'none',
    response_types: ['code'],
  } as const;
  return [
    {
      ...common,
      client_id: commandLineClient,
      client_name: 'The Arsia command line',
      // A native client may use any port on loopback (RFC 8252 7.3). The rest of the URL must be equal.
      application_type: 'native',
      redirect_uris: ['http://127.0.0.1/callback', 'http://[::1]/callback'],
      grant_types: ['authorization_code', 'refresh_token', deviceCodeGrant],
    },
    {
      ...common,
      client_id: consoleClient,
      client_name: 'The Arsia console',
      application_type: 'web',
      redirect_uris: [`${issuer}/console/callback`],
      post_logout_redirect_uris: [`${issuer}/console`, `${issuer}/console/`],
      grant_types: ['authorization_code', 'refresh_token'],
    },
  ];
}

/** Ids of clients that are not service accounts, which the audit may record. */
export const builtInClientIds: readonly string[] = [workloadClient, ownClient, commandLineClient, consoleClient];

/** Name of our own client metadata: the SHA-256 of each valid secret, hex. */
export const secretHashes = 'secret_hashes';

export type ClientLookup = (clientId: string) => Promise<AllClientMetadata | undefined>;

/** Creates the look-up of service accounts as client metadata. An inactive account looks like one that does not exist. */
export function createClientLookup(clients: Clients, clock: Clock): ClientLookup {
  // oidc-provider requires a secret for such clients, and only hashes are stored. If the comparison of hashes were bypassed,
  // this random secret could not be guessed.
  const placeholder = Buffer.from(clock.random(32)).toString('base64url');
  return async (clientId) => {
    if (!isId('service_account', clientId)) return undefined;
    const account = await clients.find(clientId);
    return account?.is_active ? createMetadata(account, placeholder) : undefined;
  };
}

function createMetadata(
  account: ClientAccount,
  placeholder: string,
): AllClientMetadata & { [secretHashes]?: string[] } {
  const common = {
    client_id: account.id,
    grant_types: ['client_credentials', tokenExchangeGrant],
    ...noFrontChannel,
  };
  if (account.jwks === null || account.jwks === undefined)
    return {
      ...common,
      // Allows `client_secret_post` too: oidc-provider accepts either method for a client that has one of them.
      token_endpoint_auth_method: 'client_secret_basic',
      client_secret: placeholder,
      [secretHashes]: account.secret_hashes.map((hash) => Buffer.from(hash).toString('hex')),
    };
  // A weak key in the database must not authenticate the account. Without a key no assertion verifies.
  const { keys } = parseClientKeys(account.jwks);
  return { ...common, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys } };
}

/**
 * Makes a provider compare client secrets by hash, all of them, in constant time. Secrets have 256 random bits, so that
 * SHA-256 is enough.
 */
export function compareSecretsByHash(provider: Provider): void {
  provider.Client.prototype.compareClientSecret = function compareClientSecret(actual: string) {
    const hash = hashToken(actual);
    const stored = this[secretHashes];
    let isMatch = false;
    if (Array.isArray(stored))
      for (const one of stored as string[]) isMatch = timingSafeEqual(hash, Buffer.from(one, 'hex')) || isMatch;
    return isMatch;
  };
}
