import { ArsiaError } from '../../core/errors.ts';
import type { Namespace } from '../../store/namespaces/namespaces.ts';
import { findMembershipIn, listActiveOwners, updateMembership } from '../../store/people/memberships.ts';
import { findUser, findUserById, type User, updateUser } from '../../store/people/users.ts';
import type { Action, Context, Place } from '../pipeline/action.ts';
import { findInstallation } from '../pipeline/places.ts';
import { buildNotFoundError } from '../pipeline/rights.ts';
import { insertNewMembership } from './memberships.ts';
import { resolveOrganization } from './namedusers.ts';
import { createOneTimeLink, type OneTimeLink } from './onetimelinks.ts';

interface OwnerLinkRequest {
  /** The id or the name of an organisation. */
  organization: string;
  /** The login or the id of an owner; may be left out where there is exactly one. */
  owner?: string | undefined;
}

export interface OwnerLink extends OneTimeLink {
  user: User;
  organization: Namespace;
  /** True if this made the user an owner. */
  isAppointed: boolean;
}

/** Owners that a refusal lists at most. */
const mostNamed = 20;

/**
 * Creates a link that signs an active owner of an organisation in, once, within 15 minutes. It does not make the owner
 * an operator.
 */
export const createOwnerLink = buildOwnerLinkAction('owner_link.create', async (_context, organization) => {
  throw new ArsiaError('conflict', `${organization.path} has no active owner.`, {
    advice: `Run \`arsia server admin recover --organization ${organization.path} --login <login or id>\` on the server: it makes a user of the organisation an owner.`,
  });
});

/**
 * Creates the same link from the server's terminal. Where the organisation has no active owner, it makes the named user
 * an owner.
 */
export const recoverOwner = buildOwnerLinkAction('organization.recover', async (context, organization, ref) => {
  if (ref === undefined)
    throw new ArsiaError('conflict', `${organization.path} has no active owner.`, {
      advice: `Name a user of the organisation with --login: the user becomes an owner. Where it has no user, run \`arsia server bootstrap --organization ${organization.path}\`.`,
    });
  const user = await findUser(context.db, organization.id, ref);
  if (user === undefined) throw buildNotFoundError('user', ref);
  await makeOwner(context, organization, user.id);
  return user.is_active ? user : await updateUser(context.db, user.id, { is_active: true });
});

function buildOwnerLinkAction(
  name: string,
  appoint: (context: Context, organization: Namespace, owner: string | undefined) => Promise<User>,
): Action<OwnerLinkRequest, Place, OwnerLink> {
  return {
    name,
    needs: 'operator',
    changes: true,
    find: findInstallation,
    async run(context, input) {
      const organization = await resolveOrganization(context, input.organization);
      const owners = await listActiveOwners(context.db, organization.id, mostNamed);
      const isAppointed = owners.length === 0;
      const user = isAppointed
        ? await appoint(context, organization, input.owner)
        : await resolveOwner(context, organization, owners, input.owner);
      const link = await createOneTimeLink(context, user.id, { makes_operator: false });
      return { ...link, user, organization, isAppointed };
    },
    // Recorded in the audit of the organisation, so that its owners see who got a link, and from whom.
    describe: (_input, _place, { user, organization, expires_at, isAppointed }) => ({
      organization_id: organization.id,
      user_id: user.id,
      target_id: user.id,
      detail: { organization: organization.path, login: user.login, expires_at, made_owner: isAppointed },
    }),
  };
}

async function resolveOwner(
  context: Context,
  organization: Namespace,
  owners: readonly string[],
  ref: string | undefined,
): Promise<User> {
  const named = ref === undefined ? undefined : await findUser(context.db, organization.id, ref);
  if (ref !== undefined && named === undefined) throw buildNotFoundError('user', ref);
  if (named === undefined && owners.length === 1) return (await findUserById(context.db, owners[0]!))!;
  // Reads the membership of the named user: `owners` may be only the first of many.
  const role = named?.is_active && (await findMembershipIn(context.db, named.id, organization.id))?.role;
  if (named !== undefined && role === 'owner') return named;
  const known: string[] = [];
  for (const owner of owners) known.push(`${(await findUserById(context.db, owner))!.login} (${owner})`);
  throw new ArsiaError(
    'conflict',
    named === undefined
      ? `${organization.path} has several active owners.`
      : `${named.login} is no active owner of ${organization.path}.`,
    { advice: `Name one of its owners: ${known.join(', ')}${owners.length < mostNamed ? '' : ' ...'}.` },
  );
}

async function makeOwner(context: Context, organization: Namespace, user_id: string): Promise<void> {
  const existing = await findMembershipIn(context.db, user_id, organization.id);
  if (existing !== undefined) {
    await updateMembership(context.db, existing.id, 'owner');
    return;
  }
  await insertNewMembership(context, organization, { principal_id: user_id, role: 'owner' });
}
