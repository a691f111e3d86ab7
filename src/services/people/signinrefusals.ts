import { ArsiaError } from '../../core/errors.ts';
import type { SignInUser } from '../../store/people/useridentities.ts';
import type { Person } from './signinperson.ts';

/** Builds the refusal of a deactivated person. It names only organisations where the person has a user. */
export function buildDeactivatedError(known: readonly SignInUser[]): ArsiaError {
  const organizations = known.map(({ organization }) => organization ?? 'the installation');
  const [user] = known;
  return new ArsiaError(
    'user_inactive',
    known.length === 1
      ? `User ${user!.login} is deactivated.`
      : `You are deactivated in ${organizations.slice(0, -1).join(', ')} and ${organizations.at(-1)}.`,
    { advice: `Ask an owner of ${organizations.join(' or ')} to activate your user again.` },
  );
}

export function buildUninvitedError({ verified_email }: Person, users: 'anyone' | 'invited'): ArsiaError {
  if (users === 'anyone')
    return new ArsiaError('sign_in_refused', 'This installation has no organisation yet.', {
      advice: 'Run `arsia server bootstrap --organization <name>` on the server first.',
    });
  return new ArsiaError(
    'sign_in_refused',
    verified_email === null
      ? 'You have no invitation, or the identity provider does not confirm your e-mail address.'
      : `There is no invitation for ${verified_email}.`,
    { advice: 'Ask an owner of the organisation to invite the e-mail address that you sign in with.' },
  );
}

/** Builds the refusal of an invitation or a tie that is no longer open. */
export function buildClosedOfferError(what: 'invitation' | 'tie'): ArsiaError {
  return new ArsiaError('sign_in_refused', `This ${what} was accepted, declined or withdrawn, or has expired.`, {
    advice: `Ask an owner of the organisation ${what === 'tie' ? 'to tie your user again' : 'to invite you again'}.`,
  });
}
