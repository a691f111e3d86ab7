import { ArsiaError } from '../../core/errors.ts';
import { adminLinkLifetime } from '../../core/lifetimes.ts';
import { ownerLinkPrefix } from '../../core/links.ts';
import { hashToken } from '../../store/issuing/artifacts.ts';
import type { Namespace } from '../../store/namespaces/namespaces.ts';
import { insertAdminLink } from '../../store/people/adminlinks.ts';
import {
  findMembershipIn,
  insertMembership,
  listActiveOwners,
  updateMembership,
} from '../../store/people/memberships.ts';
import { findUser, findUserById, type User, updateUser } from '../../store/people/users.ts';
import type { Action, Context, Place } from '../pipeline/action.ts';
import { missing } from '../pipeline/rights.ts';
import { organizationMeant } from './namedusers.ts';

interface OwnerMeant {
  /** The id or the name of an organisation. */
  organization: string;
  /** The login or the id of an owner; not needed where there is one. */
  owner?: string | undefined;
}

export interface OwnerLink {
  token: string;
  expires_at: Date;
  user: User;
  organization: Namespace;
  /** True where the user was made an owner by this. */
  isAppointed: boolean;
}

/** The number of owners that a refusal names. */
const mostNamed = 20;

/** Makes a link that lets an active owner of an organisation in, once, within 15 minutes. It makes nobody an operator. */
export const createOwnerLink = ownerLinkAction('owner_link.create', async (_context, organization) => {
  throw new ArsiaError('conflict', `${organization.path} has no active owner.`, {
    advice: `Run \`arsia server admin recover --organization ${organization.path} --login <login or id>\` on the server: it makes a user of the organisation an owner.`,
  });
});

/** The same for the server's terminal, where a user of an organisation without an active owner becomes one. */
export const recoverOwner = ownerLinkAction('organization.recover', async (context, organization, ref) => {
  if (ref === undefined)
    throw new ArsiaError('conflict', `${organization.path} has no active owner.`, {
      advice: `Name a user of the organisation with --login: the user becomes an owner. Where it has no user, run \`arsia server bootstrap --organization ${organization.path}\`.`,
    });
  const user = await findUser(context.db, organization.id, ref);
  if (user === undefined) throw missing('user', ref);
  await makeOwner(context, organization, user.id);
  return user.is_active ? user : await updateUser(context.db, user.id, { is_active: true });
});

function ownerLinkAction(
  name: string,
  appoint: (context: Context, organization: Namespace, owner: string | undefined) => Promise<User>,
): Action<OwnerMeant, Place, OwnerLink> {
  return {
    name,
    needs: 'operator',
    changes: true,
    // The organisation is looked up in `run`, after authorisation: a caller who is no operator learns nothing about
    // organisations.
    find: async () => ({ organization_id: null, lineage: [] }),
    async run(context, input) {
      const organization = await organizationMeant(context, input.organization);
      const owners = await listActiveOwners(context.db, organization.id, mostNamed);
      const isAppointed = owners.length === 0;
      const user = isAppointed
        ? await appoint(context, organization, input.owner)
        : await ownerMeant(context, organization, owners, input.owner);
      const token = `${ownerLinkPrefix}${Buffer.from(context.random(32)).toString('base64url')}`;
      const expires_at = new Date(context.now + adminLinkLifetime * 1000);
      const token_hash = hashToken(token);
      const link = { token_hash, user_id: user.id, expires_at, used_at: null, makes_operator: false };
      await insertAdminLink(context.db, link);
      return { token, expires_at, user, organization, isAppointed };
    },
    // Recorded in the audit of the organisation, so that its owners see who was let in, and by whom.
    describe: (_input, _place, { user, organization, expires_at, isAppointed }) => ({
      organization_id: organization.id,
      user_id: user.id,
      target_id: user.id,
      detail: { organization: organization.path, login: user.login, expires_at, made_owner: isAppointed },
    }),
  };
}

async function ownerMeant(
  context: Context,
  organization: Namespace,
  owners: readonly string[],
  ref: string | undefined,
): Promise<User> {
  const named = ref === undefined ? undefined : await findUser(context.db, organization.id, ref);
  if (ref !== undefined && named === undefined) throw missing('user', ref);
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
  await insertMembership(context.db, {
    id: context.id('membership'),
    namespace_id: organization.id,
    principal_id: user_id,
    role: 'owner',
    organization_id: organization.id,
    created_at: new Date(context.now),
    version: 1,
  });
}
