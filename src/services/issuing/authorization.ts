import type { Clock } from '../../core/clock.ts';
import { isId } from '../../core/ids.ts';
import type { LoggedFacts } from '../../core/loggedfacts.ts';
import type { Origin } from '../../core/origin.ts';
import { accountCaller, anonymous, userCaller } from '../../core/principals.ts';
import type { Database } from '../../database/connections.ts';
import { findServiceAccount, listLiveSecretHashes } from '../../store/machines/serviceaccounts.ts';
import { findNamespace } from '../../store/namespaces/namespaces.ts';
import { findUserById } from '../../store/people/users.ts';
import { findPrincipal } from '../pipeline/principals.ts';
import { buildEvent } from '../pipeline/records.ts';
import type { Audit } from '../pipeline/refusals.ts';
import type { EndpointEvent } from './endpointevent.ts';
import type { Mint } from './mint.ts';

/**
 * Creates what the authorization server needs from the services: clients, principals, the exchange of job tokens, and
 * audit records.
 */
export function createAuthorizationPorts(parts: { database: Database; audit: Audit; mint: Mint; clock: Clock }) {
  const { database, audit, mint, clock } = parts;
  const db = database.query;
  return {
    clients: {
      async find(id: string) {
        // Always both reads: the time of a refusal must not tell which accounts exist (N18).
        const [account, secret_hashes] = await Promise.all([
          findServiceAccount(db, id),
          listLiveSecretHashes(db, id, new Date(clock.now())),
        ]);
        return account && { id, is_active: account.is_active, jwks: account.jwks, secret_hashes };
      },
    },
    principals: {
      async isActive(id: string) {
        return (await findPrincipal(db, id))?.is_active === true;
      },
      async login(id: string) {
        const user = await findUserById(db, id);
        return user?.is_active === true ? user.login : undefined;
      },
      async findDisplayName(id: string) {
        const user = await findUserById(db, id);
        if (user?.is_active !== true) return undefined;
        const { login, organization_id } = user;
        const organization = organization_id === null ? undefined : await findNamespace(db, 'group', organization_id);
        return organization === undefined ? login : `${login} in ${organization.path}`;
      },
    },
    async exchange(request: { subject_token: string; audience: string; origin: Origin; logged: LoggedFacts }) {
      const { subject_token: token, audience: managed_identity, origin, logged } = request;
      const minted = await mint.mint({ token, managed_identity, origin, logged }, 'token');
      return { token: minted.token, expires_in: minted.expires_at - Math.floor(clock.now() / 1000) };
    },
    async record(event: EndpointEvent) {
      const { action, outcome, code, client_id, target_id, origin, error, reason } = event;
      const account = await findClientAccount(client_id);
      const user = await findTargetUser(target_id);
      // A refused client only claims to be this account: the record is in its organisation, but names no actor.
      const proven = account ? accountCaller(account) : user ? userCaller(user) : anonymous;
      const caller = outcome === 'success' ? proven : anonymous;
      await audit[outcome === 'success' ? 'record' : 'refuse'](
        buildEvent(clock, { caller, origin }, action, undefined, {
          outcome,
          code,
          organization_id: (account ?? user)?.organization_id ?? null,
          user_id: user?.id ?? null,
          target_id,
          detail: {
            ...(client_id !== null && { client_id }),
            ...(error !== null && { error }),
            ...(reason !== null && { reason }),
          },
        }),
      );
    },
  };

  async function findTargetUser(target_id: string | null) {
    return target_id !== null && isId('user', target_id) ? await findUserById(db, target_id) : undefined;
  }

  async function findClientAccount(client_id: string | null) {
    if (client_id === null || !isId('service_account', client_id)) return undefined;
    return await findServiceAccount(db, client_id);
  }
}
