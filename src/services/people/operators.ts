import { ArsiaError } from '../../core/errors.ts';
import { isId } from '../../core/ids.ts';
import { accessTokenLifetime } from '../../core/lifetimes.ts';
import { hashToken } from '../../store/issuing/artifacts.ts';
import { findNamespace, type Namespace } from '../../store/namespaces/namespaces.ts';
import { deleteOpenLinks, useAdminLink } from '../../store/people/adminlinks.ts';
import { listActiveOwners } from '../../store/people/memberships.ts';
import { endSignIns } from '../../store/people/useridentities.ts';
import { findUserById, listOperators, setOperator, type User } from '../../store/people/users.ts';
import { createOrganization } from '../namespaces/namespaces.ts';
import type { Action, Call, Context, Place } from '../pipeline/action.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { findInstallation } from '../pipeline/places.ts';
import { systemCall } from '../pipeline/records.ts';
import { buildNotFoundError } from '../pipeline/rights.ts';
import { type Detached, type DetachInput, detachPerson } from './detach.ts';
import { claimLogin } from './logins.ts';
import { insertNewMembership } from './memberships.ts';
import { findNamedUser, type NamedUser } from './namedusers.ts';
import { createOneTimeLink, type OneTimeLink } from './onetimelinks.ts';
import { type OwnerLink, recoverOwner } from './ownerlinks.ts';
import { insertNewUser } from './users.ts';

export interface AccessToken {
  access_token: string;
  expires_at: Date;
}

/** The commands of `arsia server admin` and `arsia server bootstrap`, and the request that redeems their links. */
export interface Operators {
  /**
   * Creates an organisation with its first owner and an access token for that owner. Throws `conflict` where the
   * organisation has an active owner.
   */
  bootstrap(input: { organization: string; login: string }): Promise<BootstrapResult>;
  /**
   * Creates a one-time link (15 minutes, single use, stored as a hash) that makes its user an operator. A `login`
   * without `organization` names a user of no organisation and creates one where there is none. A user of an
   * organisation is named by id, or with the organisation.
   */
  link(login: string, organization?: string): Promise<OneTimeLink & { user: User }>;
  /**
   * Removes the operator right of a user and ends their sessions, tokens and links. A user of an organisation keeps
   * their roles there.
   */
  dismiss(login: string, organization?: string): Promise<User>;
  /** Creates a one-time link for an active owner of the organisation. Where no owner is active, `owner` becomes one. */
  recover(input: { organization: string; owner?: string | undefined }): Promise<OwnerLink>;
  /** Removes the links between people of the identity provider and users. */
  detach(input: DetachInput): Promise<Detached[]>;
  redeem(call: Call, token: string): Promise<Redeemed & { token: AccessToken }>;
}

export interface Redeemed {
  user: User;
  /** The name of the organisation, for an owner's link; null for an operator's link. */
  organization: string | null;
}

export interface BootstrapResult {
  organization: Namespace;
  owner: User;
  token: AccessToken;
}

export function createOperators(parts: {
  pipeline: Pipeline;
  tenancy: 'single' | 'multi';
  now(): number;
  issueAccessToken(request: { principal_id: string; lifetime: number }): Promise<string>;
}): Operators {
  const { pipeline, tenancy, now, issueAccessToken } = parts;
  const bootstrap = buildBootstrapAction(tenancy);

  async function issueToken(user: User): Promise<AccessToken> {
    return {
      expires_at: new Date(now() + accessTokenLifetime * 1000),
      access_token: await issueAccessToken({ principal_id: user.id, lifetime: accessTokenLifetime }),
    };
  }

  return {
    async bootstrap(input) {
      const made = await pipeline.perform(bootstrap, systemCall, input);
      return { ...made, token: await issueToken(made.owner) };
    },
    link: (login, organization) => pipeline.perform(makeLink, systemCall, { login, organization }),
    dismiss: (login, organization) => pipeline.perform(dismissOperator, systemCall, { login, organization }),
    recover: (input) => pipeline.perform(recoverOwner, systemCall, input),
    detach: (input) => detachPerson(pipeline, systemCall, input),
    async redeem(call, token) {
      const redeemed = await pipeline.perform(redeemLink, call, { token });
      return { ...redeemed, token: await issueToken(redeemed.user) };
    },
  };
}

function buildBootstrapAction(
  tenancy: 'single' | 'multi',
): Action<{ organization: string; login: string }, Place, { organization: Namespace; owner: User }> {
  return {
    name: 'organization.bootstrap',
    needs: 'operator',
    changes: true,
    find: findInstallation,
    async run(context, input) {
      const existing = await findNamespace(context.db, 'group', input.organization);
      if (existing !== undefined && (await listActiveOwners(context.db, existing.id)).length > 0)
        throw new ArsiaError('conflict', `The organisation ${input.organization} already has an owner.`, {
          advice: `Ask an owner for a membership. To get an owner back in, run \`arsia server admin recover --organization ${input.organization}\`.`,
        });
      const organization =
        existing ??
        (await createOrganization(tenancy).run(
          context,
          { name: input.organization, description: '' },
          await findInstallation(),
        ));
      const owner = await addUser(context, organization.id, input.login);
      await insertNewMembership(context, organization, { principal_id: owner.id, role: 'owner' });
      return { organization, owner };
    },
    describe: (_input, _place, { organization, owner }) => ({
      organization_id: organization.id,
      target_id: organization.id,
      user_id: owner.id,
      detail: { organization: organization.path, owner: owner.login, access_token_seconds: accessTokenLifetime },
    }),
  };
}

const makeLink: Action<NamedUser, Place, OneTimeLink & { user: User }> = {
  name: 'admin_link.create',
  needs: 'operator',
  changes: true,
  find: findInstallation,
  async run(context, named) {
    const user = (await findNamedUser(context, named)) ?? (await addOperator(context, named));
    if (!user.is_active)
      throw new ArsiaError('conflict', `User ${user.login} (${user.id}) is deactivated.`, {
        advice: 'Choose another login, or ask an owner of the organisation to activate the user.',
      });
    const link = await createOneTimeLink(context, user.id, { makes_operator: true });
    return { ...link, user };
  },
  describe: (_input, _place, { user, expires_at }) => ({
    user_id: user.id,
    target_id: user.id,
    detail: { login: user.login, expires_at },
  }),
};

async function addOperator(context: Context, { login, organization }: NamedUser): Promise<User> {
  if (organization !== undefined || isId('user', login)) throw buildNotFoundError('user', login);
  return await addUser(context, null, login);
}

const dismissOperator: Action<NamedUser, Place, User> = {
  name: 'operator.dismiss',
  needs: 'operator',
  changes: true,
  find: findInstallation,
  async run(context, named) {
    const user = await findNamedUser(context, named);
    if (user?.is_operator !== true) throw await buildNoOperatorError(context, named.login);
    await deleteOpenLinks(context.db, user.id);
    await endSignIns(context.db, user.id);
    return await setOperator(context.db, user.id, false);
  },
  describe: (_input, _place, user) => ({ user_id: user.id, target_id: user.id, detail: { login: user.login } }),
};

async function buildNoOperatorError(context: Context, login: string): Promise<ArsiaError> {
  const ids = (await listOperators(context.db, login)).map(({ id }) => id);
  return new ArsiaError('not_found', `There is no operator ${JSON.stringify(login)}.`, {
    advice:
      ids.length === 0
        ? 'Name an operator of no organisation by login, another one by id.'
        : `The operators of this login are users of an organisation: ${ids.join(', ')}. Name one by id.`,
  });
}

const redeemLink: Action<{ token: string }, Place, Redeemed> = {
  name: 'admin_link.redeem',
  needs: 'anyone',
  changes: true,
  find: findInstallation,
  async run(context, { token }) {
    const link = await useAdminLink(context.db, hashToken(token), new Date(context.now));
    if (link === undefined)
      throw new ArsiaError('unauthenticated', 'This link was used, has expired or never existed.', {
        advice: 'Run the command that printed the link again, on the server: it prints a new one.',
      });
    const user = link.makes_operator
      ? await setOperator(context.db, link.user_id, true)
      : (await findUserById(context.db, link.user_id))!;
    // The transaction rolls back, so the link stays unused and valid for the rest of its 15 minutes.
    if (!user.is_active)
      throw new ArsiaError('user_inactive', `User ${user.login} is deactivated.`, {
        advice: 'Ask an owner of the organisation to activate the user, then open the link again.',
      });
    const organization = link.makes_operator
      ? undefined
      : await findNamespace(context.db, 'group', user.organization_id!);
    return { user, organization: organization?.path ?? null };
  },
  describe: (_input, _place, { user, organization }) => ({
    // Recorded in the audit of the organisation, so that its owners see the sign-in by a link.
    organization_id: organization === null ? null : user.organization_id,
    user_id: user.id,
    target_id: user.id,
    detail: { login: user.login },
  }),
};

async function addUser(context: Context, organization_id: string | null, login: string): Promise<User> {
  await claimLogin(context, organization_id, login);
  return await insertNewUser(context, organization_id, { login, display_name: '' });
}
