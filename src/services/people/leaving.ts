import { ArsiaError } from '../../core/errors.ts';
import { findNamespace } from '../../store/namespaces/namespaces.ts';
import { deleteOpenLinks } from '../../store/people/adminlinks.ts';
import { deleteMembershipsOf } from '../../store/people/memberships.ts';
import { deleteMembershipsInTeams } from '../../store/people/teams.ts';
import { deleteUserIdentities, endSignIns } from '../../store/people/useridentities.ts';
import { deactivateUser } from '../../store/people/users.ts';
import { deleteUserTieOf } from '../../store/people/userties.ts';
import type { Action, Place } from '../pipeline/action.ts';
import { refuseLastOwner } from './users.ts';

interface FoundSelf extends Place {
  organization_id: string;
  user_id: string;
}

/**
 * Removes the caller from their organisation: deactivates their user there and deletes its roles, teams, sessions,
 * tokens and its link to the identity provider. Their users in other organisations do not change. A later invitation
 * creates a new user.
 */
export const leaveOrganization: Action<{ organization: string }, FoundSelf, void> = {
  name: 'user.leave',
  needs: 'member',
  changes: true,
  async find({ caller }) {
    if (caller.kind !== 'user')
      throw new ArsiaError('forbidden', 'Only people can leave an organisation.', {
        advice: 'An owner deactivates a service account (PATCH /api/v1/service-accounts/{id}).',
      });
    const { id, organization_id } = caller;
    if (organization_id === null)
      throw new ArsiaError('not_found', 'Your user belongs to no organisation.', {
        advice: 'An operator is dismissed with `arsia server admin dismiss` on the server.',
      });
    return { user_id: id, organization_id, lineage: [organization_id], audit: { user_id: id, target_id: id } };
  },
  async run(context, input, { user_id, organization_id }) {
    const { db } = context;
    // The organisation is required in the request, because one person may be signed in to several.
    const organization = await findNamespace(db, 'group', organization_id);
    if (input.organization !== organization_id && input.organization !== organization?.path)
      throw new ArsiaError('invalid_request', 'This token belongs to a user of another organisation.', {
        advice: `Send \`{"organization": "${organization?.path}"}\` if you mean to leave it.`,
        fields: [{ pointer: '/organization', detail: 'must be the id or the name of your organisation' }],
      });
    await refuseLastOwner(context, organization_id, user_id);
    await deleteMembershipsOf(db, user_id);
    await deleteMembershipsInTeams(db, user_id);
    await deleteUserIdentities(db, user_id);
    await deleteOpenLinks(db, user_id);
    await deleteUserTieOf(db, user_id);
    await endSignIns(db, user_id);
    await deactivateUser(db, user_id);
  },
};
