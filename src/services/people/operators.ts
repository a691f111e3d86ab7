import { ArsiaError } from '../../core/errors.ts';
import { isId } from '../../core/ids.ts';
import { accessTokenLifetime, adminLinkLifetime } from '../../core/lifetimes.ts';
import { operatorLinkPrefix } from '../../core/links.ts';
import { hashToken } from '../../store/issuing/artifacts.ts';
import { findNamespace, type Namespace } from '../../store/namespaces/namespaces.ts';
import { deleteOpenLinks, insertAdminLink, useAdminLink } from '../../store/people/adminlinks.ts';
import { insertMembership, listActiveOwners } from '../../store/people/memberships.ts';
import { endSignIns } from '../../store/people/useridentities.ts';
import { findUserById, insertUser, listOperators, setOperator, type User } from '../../store/people/users.ts';
import { createOrganization } from '../namespaces/namespaces.ts';
import type { Action, Call, Context, Place } from '../pipeline/action.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { bySystem } from '../pipeline/records.ts';
import { missing } from '../pipeline/rights.ts';
import { type Detached, type DetachInput, detachPerson } from './detach.ts';
import { type NamedUser, userMeant } from './namedusers.ts';
import { type OwnerLink, recoverOwner } from './ownerlinks.ts';
import { refuseTakenLogin } from './users.ts';

export interface AccessToken {
  access_token: string;
  expires_at: Date;
}

/** What a person at the server's terminal does, and the one request that opens their link. */
export interface Operators {
  /** An organisation with its first owner, and an access token for that owner; refused once it has one. */
  bootstrap(input: { organization: string; login: string }): Promise<BootstrapResult>;
  /**
   * Makes a one-time link that makes its opener an operator: 15 minutes, hashed, single use. `login` alone is that of a user
   * of no organisation, who is created where there is none; a user of an organisation is named by id, or with the organisation.
   */
  link(login: string, organization?: string): Promise<{ token: string; expires_at: Date; user: User }>;
  /** Takes the right of an operator away, with what they hold; who belongs to an organisation stays what they are there. */
  dismiss(login: string, organization?: string): Promise<User>;
  /** Makes a one-time link that lets an owner of the organisation in; where no owner is active, `owner` becomes one. */
  recover(input: { organization: string; owner?: string | undefined }): Promise<OwnerLink>;
  /** Removes the ties between people of the identity provider and users. */
  detach(input: DetachInput): Promise<Detached[]>;
  redeem(call: Call, token: string): Promise<Redeemed & { token: AccessToken }>;
}

export interface Redeemed {
  user: User;
  /** The name of the organisation, when the link was for its owner; null for one that made an operator. */
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
  const bootstrap = bootstrapAction(tenancy);

  async function tokenFor(user: User): Promise<AccessToken> {
    return {
      expires_at: new Date(now() + accessTokenLifetime * 1000),
      access_token: await issueAccessToken({ principal_id: user.id, lifetime: accessTokenLifetime }),
    };
  }

  return {
    async bootstrap(input) {
      const made = await pipeline.perform(bootstrap, bySystem, input);
      return { ...made, token: await tokenFor(made.owner) };
    },
    link: (login, organization) => pipeline.perform(makeLink, bySystem, { login, organization }),
    dismiss: (login, organization) => pipeline.perform(dismissOperator, bySystem, { login, organization }),
    recover: (input) => pipeline.perform(recoverOwner, bySystem, input),
    detach: (input) => detachPerson(pipeline, bySystem, input),
    async redeem(call, token) {
      const redeemed = await pipeline.perform(redeemLink, call, { token });
      return { ...redeemed, token: await tokenFor(redeemed.user) };
    },
  };
}

function bootstrapAction(
  tenancy: 'single' | 'multi',
): Action<{ organization: string; login: string }, Place, { organization: Namespace; owner: User }> {
  return {
    name: 'organization.bootstrap',
    needs: 'operator',
    changes: true,
    find: nowhere,
    async run(context, input) {
      const existing = await findNamespace(context.db, 'group', input.organization);
      if (existing !== undefined && (await listActiveOwners(context.db, existing.id)).length > 0)
        throw new ArsiaError('conflict', `The organisation ${input.organization} has an owner already.`, {
          advice: `Ask an owner for a membership. To get an owner back in, run \`arsia server admin recover --organization ${input.organization}\`.`,
        });
      const organization =
        existing ??
        (await createOrganization(tenancy).run(
          context,
          { name: input.organization, description: '' },
          { organization_id: null, lineage: [] },
        ));
      const owner = await newUser(context, input.login, { organization_id: organization.id, is_operator: false });
      await insertMembership(context.db, {
        id: context.id('membership'),
        namespace_id: organization.id,
        principal_id: owner.id,
        role: 'owner',
        organization_id: organization.id,
        created_at: new Date(context.now),
        version: 1,
      });
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

const makeLink: Action<NamedUser, Place, { token: string; expires_at: Date; user: User }> = {
  name: 'admin_link.create',
  needs: 'operator',
  changes: true,
  find: nowhere,
  async run(context, named) {
    const user = (await userMeant(context, named)) ?? (await newOperator(context, named));
    if (!user.is_active)
      throw new ArsiaError('conflict', `User ${user.login} (${user.id}) is deactivated.`, {
        advice: 'Choose another login, or have an owner of the organisation activate the user.',
      });
    const token = `${operatorLinkPrefix}${Buffer.from(context.random(32)).toString('base64url')}`;
    const expires_at = new Date(context.now + adminLinkLifetime * 1000);
    await insertAdminLink(context.db, {
      token_hash: hashToken(token),
      user_id: user.id,
      expires_at,
      used_at: null,
      makes_operator: true,
    });
    return { token, expires_at, user };
  },
  describe: (_input, _place, { user, expires_at }) => ({
    user_id: user.id,
    target_id: user.id,
    detail: { login: user.login, expires_at },
  }),
};

async function newOperator(context: Context, { login, organization }: NamedUser): Promise<User> {
  if (organization !== undefined || isId('user', login)) throw missing('user', login);
  return await newUser(context, login, { organization_id: null, is_operator: false });
}

const dismissOperator: Action<NamedUser, Place, User> = {
  name: 'operator.dismiss',
  needs: 'operator',
  changes: true,
  find: nowhere,
  async run(context, named) {
    const user = await userMeant(context, named);
    if (user?.is_operator !== true) throw await noOperator(context, named.login);
    await deleteOpenLinks(context.db, user.id);
    await endSignIns(context.db, user.id);
    return await setOperator(context.db, user.id, false);
  },
  describe: (_input, _place, user) => ({ user_id: user.id, target_id: user.id, detail: { login: user.login } }),
};

async function noOperator(context: Context, login: string): Promise<ArsiaError> {
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
  find: nowhere,
  async run(context, { token }) {
    const link = await useAdminLink(context.db, hashToken(token), new Date(context.now));
    if (link === undefined)
      throw new ArsiaError('unauthenticated', 'This link was used, has expired or never was.', {
        advice: 'Run the command that printed the link again, on the server: it prints a new one.',
      });
    const user = link.makes_operator
      ? await setOperator(context.db, link.user_id, true)
      : (await findUserById(context.db, link.user_id))!;
    // The link stays unused with the rest of this transaction, and its 15 minutes go on.
    if (!user.is_active)
      throw new ArsiaError('user_inactive', `User ${user.login} is deactivated.`, {
        advice: 'Have an owner of the organisation activate the user, and open the link again.',
      });
    const organization = link.makes_operator
      ? undefined
      : await findNamespace(context.db, 'group', user.organization_id!);
    return { user, organization: organization?.path ?? null };
  },
  describe: (_input, _place, { user, organization }) => ({
    // The owners of the organisation read who came in by a link.
    organization_id: organization === null ? null : user.organization_id,
    user_id: user.id,
    target_id: user.id,
    detail: { login: user.login },
  }),
};

async function nowhere(): Promise<Place> {
  return { organization_id: null, lineage: [] };
}

async function newUser(
  context: Context,
  login: string,
  more: Pick<User, 'organization_id' | 'is_operator'>,
): Promise<User> {
  await refuseTakenLogin(context, more.organization_id, login);
  const user: User = {
    id: context.id('user'),
    login,
    display_name: '',
    is_active: true,
    created_at: new Date(context.now),
    version: 1,
    ...more,
  };
  await insertUser(context.db, user);
  return user;
}
