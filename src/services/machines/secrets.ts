import { ArsiaError } from '../../core/errors.ts';
import { day } from '../../core/lifetimes.ts';
import type { Page } from '../../database/page.ts';
import { hashToken } from '../../store/issuing/artifacts.ts';
import { deleteSecret, insertSecret, listSecrets, type SecretRow } from '../../store/machines/serviceaccounts.ts';
import type { Action } from '../pipeline/action.ts';
import { buildNotFoundError } from '../pipeline/rights.ts';
import { type FoundAccount, resolveServiceAccount } from './serviceaccounts.ts';

/** A secret of a service account: 256 bits as 43 characters of base64url. */
export const secretPattern = /^arsia_secret_[\w-]{43}$/;

const secretLifetime = 90 * day;

export interface NewSecret {
  id: string;
  client_id: string;
  /** Returned once; stored as a hash. */
  client_secret: string;
  expires_at: Date;
}

export const createSecret: Action<{ ref: string }, FoundAccount, NewSecret> = {
  name: 'service_account_secret.create',
  needs: 'service_account.manage',
  changes: true,
  // The quota is two by default, so that a secret can be rotated without a gap.
  adds: ['secrets_per_service_account'],
  find: (context, input) => resolveServiceAccount(context, input.ref),
  async run(context, _input, { account }) {
    const now = new Date(context.now);
    if (account.jwks !== null)
      throw new ArsiaError('conflict', `${account.name} authenticates only by its registered keys.`, {
        advice: 'Remove its keys (PATCH with `"jwks": null`) before you create a secret.',
      });
    await context.admit('secrets_per_service_account', account.organization_id, account);
    const client_secret = `arsia_secret_${Buffer.from(context.random(32)).toString('base64url')}`;
    const row = {
      id: context.newId('secret'),
      service_account_id: account.id,
      secret_hash: hashToken(client_secret),
      expires_at: new Date(context.now + secretLifetime * 1000),
      created_at: now,
    };
    await insertSecret(context.db, row);
    return { id: row.id, client_id: account.id, client_secret, expires_at: row.expires_at };
  },
  describe: (_input, _found, secret) => ({ detail: { secret_id: secret.id, expires_at: secret.expires_at } }),
};

export const listSecretsOfAccount: Action<{ ref: string; page: Page }, FoundAccount, SecretRow[]> = {
  name: 'service_account_secret.list',
  needs: 'service_account.manage',
  changes: false,
  find: (context, input) => resolveServiceAccount(context, input.ref),
  run: (context, { page }, { account }) => listSecrets(context.db, account.id, page),
};

export const removeSecret: Action<{ ref: string; secret: string }, FoundAccount, void> = {
  name: 'service_account_secret.delete',
  needs: 'service_account.manage',
  changes: true,
  find: (context, input) => resolveServiceAccount(context, input.ref),
  async run(context, input, { account }) {
    if (!(await deleteSecret(context.db, account.id, input.secret))) throw buildNotFoundError('secret', input.secret);
  },
  describe: (input) => ({ detail: { secret_id: input.secret } }),
};
