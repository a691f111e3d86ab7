import { createHash } from 'node:crypto';
import { ArsiaError } from '../core/errors.ts';
import { accessTokenLifetime, adminLinkLifetime } from '../core/lifetimes.ts';
import { deleteOpenLinks, insertAdminLink, useAdminLink } from '../store/adminlinks.ts';
import { activeOwners, insertMembership } from '../store/memberships.ts';
import { findNamespace, type Namespace } from '../store/namespaces.ts';
import { findUser, insertUser, setOperator, type User } from '../store/principals.ts';
import { endSignIns } from '../store/useridentities.ts';
import { type Action, bySystem, type Call, type Context, missing, type Pipeline, type Place } from './action.ts';
import { createOrganization } from './namespaces.ts';
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
   * A one-time link that makes its opener an operator: 15 minutes, hashed, single use. `login` is the operator's, who is made
   * where there is none; a user of an organisation is named by id.
   */
  link(login: string): Promise<{ token: string; expires_at: Date; user: User }>;
  /** Takes the right of an operator away, with what they hold; who belongs to an organisation stays what they are there. */
  dismiss(login: string): Promise<User>;
  redeem(call: Call, token: string): Promise<{ user: User; token: AccessToken }>;
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
    link: (login) => pipeline.perform(makeLink, bySystem, { login }),
    dismiss: (login) => pipeline.perform(dismissOperator, bySystem, { login }),
    async redeem(call, token) {
      const user = await pipeline.perform(redeemLink, call, { token });
      return { user, token: await tokenFor(user) };
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
      if (existing !== undefined && (await activeOwners(context.db, existing.id)).length > 0)
        throw new ArsiaError('conflict', `The organisation ${input.organization} has an owner already.`, {
          advice: 'Ask an owner for a membership; `arsia bootstrap` is for the first one only.',
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

const makeLink: Action<{ login: string }, Place, { token: string; expires_at: Date; user: User }> = {
  name: 'admin_link.create',
  needs: 'operator',
  changes: true,
  find: nowhere,
  async run(context, { login }) {
    const user =
      (await findUser(context.db, login)) ??
      (await newUser(context, login, { organization_id: null, is_operator: false }));
    refuseStranger(user, login);
    const token = `arsia_link_${Buffer.from(context.random(32)).toString('base64url')}`;
    const expires_at = new Date(context.now + adminLinkLifetime * 1000);
    await insertAdminLink(context.db, { token_hash: hashLink(token), user_id: user.id, expires_at, used_at: null });
    return { token, expires_at, user };
  },
  describe: (_input, _place, { user, expires_at }) => ({
    user_id: user.id,
    target_id: user.id,
    detail: { login: user.login, expires_at },
  }),
};

/**
 * People choose their logins at the identity provider, and owners choose those of others: whoever was quick enough to be
 * called `operator` must not become one because somebody at the terminal thought of a new user. An id nobody chooses.
 */
function refuseStranger({ id, organization_id, is_operator, is_active, login }: User, named: string): void {
  if (!is_active)
    throw new ArsiaError('conflict', `User ${login} (${id}) is deactivated.`, {
      advice: 'Choose another login, or have an owner of the organisation activate the user.',
    });
  if (organization_id === null || is_operator || named === id) return;
  throw new ArsiaError('conflict', `The login ${login} is that of a user of an organisation, who is no operator.`, {
    advice: `Choose another login; if you mean this user, name them by id: ${id}.`,
  });
}

const dismissOperator: Action<{ login: string }, Place, User> = {
  name: 'operator.dismiss',
  needs: 'operator',
  changes: true,
  find: nowhere,
  async run(context, { login }) {
    const user = await findUser(context.db, login);
    if (user?.is_operator !== true) throw missing('operator', login);
    await deleteOpenLinks(context.db, user.id);
    await endSignIns(context.db, user.id);
    return await setOperator(context.db, user.id, false);
  },
  describe: (_input, _place, user) => ({ user_id: user.id, target_id: user.id, detail: { login: user.login } }),
};

const redeemLink: Action<{ token: string }, Place, User> = {
  name: 'admin_link.redeem',
  needs: 'anyone',
  changes: true,
  find: nowhere,
  async run(context, { token }) {
    const user_id = await useAdminLink(context.db, hashLink(token), new Date(context.now));
    if (user_id === undefined)
      throw new ArsiaError('unauthenticated', 'This link was used, has expired or never was.', {
        advice: 'Run `arsia admin link` on the server for a new one.',
      });
    const user = await setOperator(context.db, user_id, true);
    // The link stays unused with the rest of this transaction, and its 15 minutes go on.
    if (!user.is_active)
      throw new ArsiaError('user_inactive', `User ${user.login} is deactivated.`, {
        advice: 'Have an owner of the organisation activate the user, and open the link again.',
      });
    return user;
  },
  describe: (_input, _place, user) => ({ user_id: user.id, target_id: user.id, detail: { login: user.login } }),
};

async function nowhere(): Promise<Place> {
  return { organization_id: null, lineage: [] };
}

async function newUser(
  context: Context,
  login: string,
  more: Pick<User, 'organization_id' | 'is_operator'>,
): Promise<User> {
  await refuseTakenLogin(context, login);
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

function hashLink(token: string): Uint8Array {
  return createHash('sha256').update(token).digest();
}
