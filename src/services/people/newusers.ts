import type { Created } from '../../entities/entity.ts';
import { users } from '../../entities/users.ts';
import type { User } from '../../store/people/users.ts';
import type { UserTie } from '../../store/people/userties.ts';
import type { Action, Place } from '../pipeline/action.ts';
import { findOwnOrganization } from '../pipeline/places.ts';
import { claimLogin } from './logins.ts';
import type { SignInPlace } from './signinplace.ts';
import { tieUser } from './ties.ts';
import { insertNewUser } from './users.ts';

interface NewUser {
  user: User;
  tie: UserTie | undefined;
}

/** Creates the action that adds a user, with a tie where the request has one. */
export function createUserAction(signIn: SignInPlace): Action<Created<typeof users>, Place, NewUser> {
  return {
    name: 'user.create',
    needs: 'user.manage',
    changes: true,
    adds: ['users', 'user_ties'],
    find: findOwnOrganization,
    async run(context, { tie, ...input }, { organization_id }) {
      await claimLogin(context, organization_id, input.login);
      await context.admit('users', organization_id);
      const user = await insertNewUser(context, organization_id, input);
      return { user, tie: tie && (await tieUser(context, signIn, user, tie)) };
    },
    describe: (_input, _place, { user, tie }) => ({
      user_id: user.id,
      target_id: user.id,
      detail: {
        ...users.recorded(user),
        ...(tie && { tie: tie.id, ...(tie.email === null ? { iss: tie.iss, sub: tie.sub } : { email: tie.email }) }),
      },
    }),
  };
}
