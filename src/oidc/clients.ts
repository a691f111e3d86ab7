import { createHash, timingSafeEqual } from 'node:crypto';
import type { AllClientMetadata, ClientMetadata, Provider } from 'oidc-provider';
import { parseClientKeys } from '../core/clientkeys.ts';
import type { Clock } from '../core/clock.ts';
import { isId } from '../core/ids.ts';
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

/** Clients that are nobody's account. */
export const builtInClients: readonly ClientMetadata[] = [
  {
    client_id: workloadClient,
    token_endpoint_auth_method: 'none',
    grant_types: [tokenExchangeGrant],
    ...noFrontChannel,
  },
  { client_id: ownClient, token_endpoint_auth_method: 'none', grant_types: [], ...noFrontChannel },
];

/** The clients of people: ours, public, and there only where people can sign in. `issuer` is the workload issuer. */
export function peopleClients(issuer: string): ClientMetadata[] {
  const common = {
    token_endpoint_auth_method: 'none',
    response_types: ['code'],
  } as const;
  return [
    {
      ...common,
      client_id: commandLineClient,
      client_name: 'The Arsia command line',
      // A native client's port on loopback is its own affair (RFC 8252 7.3); all else of the address must be equal.
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

/** Ids that could be a client's, for the audit. */
export const builtInClientIds: readonly string[] = [workloadClient, ownClient, commandLineClient, consoleClient];

/** Our own client metadata: SHA-256 of each live secret, hex. */
export const secretHashes = 'secret_hashes';

export type ClientLookup = (clientId: string) => Promise<AllClientMetadata | undefined>;

/** Service accounts as oidc-provider's client metadata. An inactive account is unknown, like one that never was. */
export function createClientLookup(clients: Clients, clock: Clock): ClientLookup {
  // oidc-provider demands a secret of such clients, and we have only hashes. Were our comparison ever bypassed, nobody
  // could guess this one.
  const placeholder = Buffer.from(clock.random(32)).toString('base64url');
  return async (clientId) => {
    if (!isId('service_account', clientId)) return undefined;
    const account = await clients.find(clientId);
    return account?.is_active ? metadataOf(account, placeholder) : undefined;
  };
}

function metadataOf(account: ClientAccount, placeholder: string): AllClientMetadata & { [secretHashes]?: string[] } {
  const common = {
    client_id: account.id,
    grant_types: ['client_credentials', tokenExchangeGrant],
    ...noFrontChannel,
  };
  if (account.jwks === null || account.jwks === undefined)
    return {
      ...common,
      // Stands for `client_secret_post` too: oidc-provider takes either from a client that has one of them.
      token_endpoint_auth_method: 'client_secret_basic',
      client_secret: placeholder,
      [secretHashes]: account.secret_hashes.map((hash) => Buffer.from(hash).toString('hex')),
    };
  // A weak key that was stored all the same must not open the account; with no key left, no assertion verifies.
  const { keys } = parseClientKeys(account.jwks);
  return { ...common, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys } };
}

/** Secrets are compared by hash, all of them, in constant time. They have 256 bits, so that SHA-256 is enough. */
export function compareSecretsByHash(provider: Provider): void {
  provider.Client.prototype.compareClientSecret = function compareClientSecret(actual: string) {
    const hash = createHash('sha256').update(actual).digest();
    const stored = this[secretHashes];
    let isMatch = false;
    if (Array.isArray(stored))
      for (const one of stored as string[]) isMatch = timingSafeEqual(hash, Buffer.from(one, 'hex')) || isMatch;
    return isMatch;
  };
}
