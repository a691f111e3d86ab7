import { ArsiaError } from '../../core/errors.ts';
import { signInLifetimes } from '../../core/lifetimes.ts';
import type { Page } from '../../database/page.ts';
import type { Created } from '../../entities/entity.ts';
import type { invitations } from '../../entities/invitations.ts';
import { findNamespace } from '../../store/namespaces/namespaces.ts';
import {
  deleteInvitation,
  findInvitation,
  findOpenInvitation,
  type Invitation,
  insertInvitation,
  listInvitations,
} from '../../store/people/invitations.ts';
import { listUsersByAddress } from '../../store/people/useridentities.ts';
import type { Action, Context, Place } from '../pipeline/action.ts';
import { findOwnOrganization } from '../pipeline/places.ts';
import { buildNotFoundError } from '../pipeline/rights.ts';
import { requireSignIn, type SignInPlace } from './signinplace.ts';

/** Without `namespace`, the role is one in the organisation; without `role`, it is `viewer`. */
type NewInvitation = Created<typeof invitations>;

interface FoundInvitation extends Place {
  invitation: Invitation;
}

/**
 * Creates the action that invites an e-mail address. Whoever signs in with it can become a user of the organisation,
 * or get the role as the user that they are, once, within two weeks.
 */
export function createInvitationAction(signIn: SignInPlace): Action<NewInvitation, Place, Invitation> {
  return {
    name: 'invitation.create',
    needs: 'user.manage',
    changes: true,
    adds: ['invitations'],
    find: findOwnOrganization,
    async run(context, input, { organization_id }) {
      const organization = organization_id!;
      requireSignIn(signIn, 'Nobody can accept an invitation');
      await refuseKnownAddress(context, organization, input);
      const open = await findOpenInvitation(context.db, organization, input.email);
      if (open !== undefined && open.expires_at.getTime() > context.now)
        throw new ArsiaError('conflict', `${input.email} is already invited.`, {
          advice: `Delete the invitation ${open.id} first, to invite again with another role.`,
        });
      if (open !== undefined) await deleteInvitation(context.db, open.id);
      else await context.admit('invitations', organization);
      const row: Invitation = {
        id: context.newId('invitation'),
        organization_id: organization,
        email: input.email,
        ...(await resolveInvitedRole(context, organization, input)),
        invited_by: context.caller.id ?? 'system',
        created_at: new Date(context.now),
        expires_at: new Date(context.now + signInLifetimes.invitation * 1000),
        accepted_at: null,
        user_id: null,
      };
      await insertInvitation(context.db, row);
      return row;
    },
    describe: (_input, _place, { id, email, role, namespace_id }) => ({
      target_id: id,
      detail: { email, ...(role !== null && { role, namespace_id }) },
    }),
  };
}

/**
 * Throws `conflict` where the address is that of a user who would get nothing by the invitation: an active one where it
 * has no role, and a deactivated one.
 */
async function refuseKnownAddress(
  { db }: Context,
  organization_id: string,
  { email, role, namespace }: NewInvitation,
): Promise<void> {
  const known = await listUsersByAddress(db, organization_id, email);
  const active = known.find((user) => user.is_active);
  if (active === undefined && known[0] !== undefined)
    throw new ArsiaError('conflict', `${email} is the address of ${known[0].login}, who is deactivated.`, {
      advice: `If this is the same person, activate the user: PATCH /api/v1/users/${known[0].id} {"is_active": true}. If another person has the address now, delete the user first: DELETE /api/v1/users/${known[0].id}.`,
    });
  if (active !== undefined && role === undefined && namespace === undefined)
    throw new ArsiaError('conflict', `${email} signs in as ${active.login} already.`, {
      advice: `Give the user a role: POST /api/v1/memberships with "principal": "${active.id}". Or invite with a role, which the person gets at the next sign-in.`,
    });
}

export const listAllInvitations: Action<{ page: Page }, Place, Invitation[]> = {
  name: 'invitation.list',
  needs: 'user.manage',
  changes: false,
  find: findOwnOrganization,
  run: (context, { page }, { organization_id }) => listInvitations(context.db, organization_id!, page),
};

export const removeInvitation: Action<{ id: string }, FoundInvitation, void> = {
  name: 'invitation.delete',
  needs: 'user.manage',
  changes: true,
  async find(context, { id }) {
    const invitation = await findInvitation(context.db, id);
    if (invitation === undefined) throw buildNotFoundError('invitation', id);
    const { organization_id } = invitation;
    return {
      invitation,
      organization_id,
      lineage: [organization_id],
      named: { noun: 'invitation', ref: id },
      audit: { target_id: id },
    };
  },
  async run(context, _input, { invitation }) {
    if (invitation.accepted_at !== null)
      throw new ArsiaError('conflict', `${invitation.email} has accepted this invitation.`, {
        advice: 'Deactivate the user instead.',
      });
    await deleteInvitation(context.db, invitation.id);
  },
  describe: (_input, { invitation }) => ({ detail: { email: invitation.email } }),
};

async function resolveInvitedRole(
  context: Context,
  organization_id: string,
  { role, namespace }: NewInvitation,
): Promise<Pick<Invitation, 'namespace_id' | 'role'>> {
  if (role === undefined && namespace === undefined) return { namespace_id: null, role: null };
  const found = await findNamespace(context.db, 'any', namespace ?? organization_id);
  if (found?.organization_id !== organization_id)
    throw new ArsiaError('invalid_request', `There is no group or workspace ${JSON.stringify(namespace)} here.`, {
      fields: [{ pointer: '/namespace', detail: 'is unknown in this organisation' }],
    });
  return { namespace_id: found.id, role: role ?? 'viewer' };
}
