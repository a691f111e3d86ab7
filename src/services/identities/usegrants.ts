import type { Page } from '../../database/page.ts';
import type { Created } from '../../entities/entity.ts';
import type { useGrants } from '../../entities/usegrants.ts';
import { deleteGrant, findGrant, insertGrant, listGrants, type UseGrant } from '../../store/identities/usegrants.ts';
import { resolvePrincipalId } from '../people/memberships.ts';
import type { Action } from '../pipeline/action.ts';
import { buildNotFoundError } from '../pipeline/rights.ts';
import { type FoundIdentity, identityPath, resolveIdentity, resolveIdentityToList, toQuotaHolder } from './lookup.ts';

export const createUseGrant: Action<Created<typeof useGrants> & { ref: string }, FoundIdentity, UseGrant> = {
  name: 'use_grant.create',
  needs: 'managed_identity.grant',
  changes: true,
  adds: ['use_grants_per_identity'],
  find: (context, input) => resolveIdentity(context, input.ref),
  async run(context, input, { identity }) {
    const principal_id =
      input.principal === '*' ? '*' : await resolvePrincipalId(context, identity.organization_id, input.principal);
    const existing = await findGrant(context.db, identity.id, principal_id);
    if (existing !== undefined) return existing;
    await context.admit('use_grants_per_identity', identity.organization_id, toQuotaHolder(identity));
    const row: UseGrant = {
      id: context.newId('grant'),
      identity_id: identity.id,
      principal_id,
      organization_id: identity.organization_id,
      created_at: new Date(context.now),
    };
    await insertGrant(context.db, row);
    return row;
  },
  describe: (_input, { identity }, row) => ({
    detail: { path: identityPath(identity), grant_id: row.id, principal: row.principal_id },
  }),
};

export const listUseGrants: Action<{ ref: string; page: Page }, FoundIdentity, UseGrant[]> = {
  name: 'use_grant.list',
  needs: 'managed_identity.view',
  changes: false,
  find: (context, input) => resolveIdentityToList(context, input.ref),
  run: (context, { page }, { identity }) => listGrants(context.db, identity.id, page),
};

export const removeUseGrant: Action<{ ref: string; id: string }, FoundIdentity, void> = {
  name: 'use_grant.delete',
  needs: 'managed_identity.grant',
  changes: true,
  find: (context, input) => resolveIdentity(context, input.ref),
  async run(context, input, { identity }) {
    if (!(await deleteGrant(context.db, identity.id, input.id))) throw buildNotFoundError('grant', input.id);
  },
  describe: (input) => ({ detail: { grant_id: input.id } }),
};
