import { ArsiaError } from '../../core/errors.ts';
import { hasWorkspaceId } from '../../core/subject.ts';
import type { Page } from '../../database/page.ts';
import { subjectGrants } from '../../entities/subjectgrants.ts';
import {
  deleteSubjectGrant,
  insertSubjectGrant,
  listSubjectGrants,
  type SubjectGrantRow,
} from '../../store/identities/subjectgrants.ts';
import { resolveNamespace } from '../namespaces/namespaces.ts';
import { findVisibleAccount } from '../people/principalrefs.ts';
import type { Action, Context } from '../pipeline/action.ts';
import { buildNotFoundError } from '../pipeline/rights.ts';
import { type FoundIdentity, identityPath, resolveIdentity, resolveIdentityToList, toQuotaHolder } from './lookup.ts';

interface NewSubjectGrant {
  ref: string;
  launcher?: string | undefined;
  namespace?: string | undefined;
}

/**
 * Grants on an identity: rights to act that owners of other groups granted may put a user into its tokens
 * (docs/decisions/0017).
 */
export const createSubjectGrant: Action<NewSubjectGrant, FoundIdentity, SubjectGrantRow> = {
  name: 'subject_grant.create',
  needs: 'managed_identity.grant',
  changes: true,
  adds: ['subject_grants_per_identity'],
  find: (context, input) => resolveIdentity(context, input.ref),
  authorise: async (context, input, { organization_id }) => void (await resolveGrant(context, organization_id!, input)),
  async run(context, input, { identity }) {
    if (hasWorkspaceId(identity.subject_scope))
      throw new ArsiaError(
        'conflict',
        `The subject of ${identityPath(identity)} names the workspace (subject_scope ${identity.subject_scope}): every right to act counts there.`,
        { advice: 'No grant is needed: grants apply to identities with the subject_scope `user` or `identity`.' },
      );
    const wanted = await resolveGrant(context, identity.organization_id, input);
    const grants = await listSubjectGrants(context.db, identity.id);
    const existing = grants.find(
      (grant) => grant.launcher_id === wanted.launcher_id && grant.namespace_id === wanted.namespace_id,
    );
    if (existing !== undefined) return existing;
    await context.admit('subject_grants_per_identity', identity.organization_id, toQuotaHolder(identity));
    const row: SubjectGrantRow = {
      id: context.newId('subject_grant'),
      identity_id: identity.id,
      organization_id: identity.organization_id,
      ...wanted,
      created_at: new Date(context.now),
    };
    await insertSubjectGrant(context.db, row);
    return row;
  },
  describe: (_input, { identity }, row) => ({
    detail: {
      path: identityPath(identity),
      subject_grant_id: row.id,
      ...subjectGrants.recorded(row),
    },
  }),
};

export const listIdentitySubjectGrants: Action<{ ref: string; page: Page }, FoundIdentity, SubjectGrantRow[]> = {
  name: 'subject_grant.list',
  needs: 'managed_identity.view',
  changes: false,
  find: (context, input) => resolveIdentityToList(context, input.ref),
  run: (context, input, { identity }) => listSubjectGrants(context.db, identity.id, input.page),
};

export const removeSubjectGrant: Action<{ ref: string; id: string }, FoundIdentity, void> = {
  name: 'subject_grant.delete',
  needs: 'managed_identity.grant',
  changes: true,
  find: (context, input) => resolveIdentity(context, input.ref),
  async run(context, input, { identity }) {
    if (!(await deleteSubjectGrant(context.db, identity.id, input.id)))
      throw buildNotFoundError('subject grant', input.id);
  },
  describe: (input) => ({ detail: { subject_grant_id: input.id } }),
};

/**
 * Returns the ids of the launcher and the namespace, both of the organisation. The caller must see the namespace, and a
 * service account that it names by path. Throws `not_found` or `invalid_request`.
 */
async function resolveGrant(context: Context, organization_id: string, { launcher, namespace }: NewSubjectGrant) {
  if (launcher === undefined && namespace === undefined)
    throw new ArsiaError('invalid_request', 'A subject grant needs a launcher, a namespace, or both.', {
      advice: 'Send `launcher` (a service account) or `namespace` (where rights to act must be granted).',
      fields: [{ pointer: '/launcher', detail: 'is needed unless `namespace` is given' }],
    });
  const found = { launcher_id: null as string | null, namespace_id: null as string | null };
  if (launcher !== undefined) {
    const account = await findVisibleAccount(context, organization_id, launcher);
    if (account === undefined) throw buildNotFoundError('service account', launcher);
    found.launcher_id = account.id;
  }
  if (namespace !== undefined) {
    const place = await resolveNamespace(context, 'any', namespace);
    await context.demand('namespace.view', place);
    if (place.organization_id !== organization_id) throw buildNotFoundError('namespace', namespace);
    found.namespace_id = place.namespace.id;
  }
  return found;
}
