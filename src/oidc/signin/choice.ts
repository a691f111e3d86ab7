import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { onlyChoice, type Person, type SignInChoice } from '../../services/people/signinoptions.ts';
import { showChoices } from '../pages/choice.ts';
import { addressOf, type Desk, finish, type Interaction, readForm, sendTo } from './context.ts';
import { selectAccountPrompt } from './policy.ts';
import { endOtherSession } from './sessions.ts';
import { vouchedPeople } from './vouched.ts';

/** The query of an interaction that is to ask the identity provider for another person than the one it would name. */
export const anotherPerson = 'other';

/** Signs a person in who has one user and no invitation; sends everybody else to the page where they choose. */
export async function signInOrAsk(
  desk: Desk,
  ctx: KoaContextWithOIDC,
  interaction: Interaction,
  person: Person,
): Promise<void> {
  const { origin } = desk.turns.of(ctx);
  const only = onlyChoice(await desk.signIn.people.options(person, origin));
  if (only !== undefined) return await signInBy(desk, ctx, interaction, person, only);
  await vouchedPeople(desk).save(interaction.uid, person);
  sendTo(ctx, addressOf(desk, interaction));
}

/**
 * Shows the choices of a person whom the identity provider vouched for in this interaction; false where there is no such
 * person.
 */
export async function askForChoice(desk: Desk, ctx: KoaContextWithOIDC, interaction: Interaction): Promise<boolean> {
  const vouched = vouchedPeople(desk);
  const person = await vouched.find(interaction.uid);
  if (person === undefined) return false;
  const turn = desk.turns.of(ctx);
  turn.isRecorded = true;
  const options = await desk.signIn.people.options(person, turn.origin).catch(async (thrown: unknown) => {
    // Nothing is left to choose: the next try begins at the identity provider.
    await vouched.forget(interaction.uid);
    throw thrown;
  });
  showChoices(ctx, { action: addressOf(desk, interaction), email: person.verified_email, ...options });
  return true;
}

/** Handles the form of the page: signs in, accepts, declines, or asks for another person. */
export async function takeChoice(desk: Desk, ctx: KoaContextWithOIDC, interaction: Interaction): Promise<void> {
  const vouched = vouchedPeople(desk);
  const person = await vouched.find(interaction.uid);
  if (person === undefined) throw new errors.SessionNotFound('nothing was asked');
  const [what = '', id = ''] = ((await readForm(ctx)).get('choice') ?? '').split(':');
  if (what === 'other') {
    await vouched.forget(interaction.uid);
    return sendTo(ctx, `${addressOf(desk, interaction)}?${anotherPerson}`);
  }
  const turn = desk.turns.of(ctx);
  if (what === 'decline') {
    turn.isRecorded = true;
    await desk.signIn.people.decline(person, id, turn.origin);
    return sendTo(ctx, addressOf(desk, interaction));
  }
  const choice = choiceOf(what, id);
  if (choice === undefined) throw new errors.InvalidRequest('the form names no choice');
  await signInBy(desk, ctx, interaction, person, choice);
}

function choiceOf(what: string, id: string): SignInChoice | undefined {
  if (what === 'join') return { join: true };
  if (what === 'user') return { user: id };
  return what === 'accept' ? { invitation: id } : undefined;
}

async function signInBy(
  desk: Desk,
  ctx: KoaContextWithOIDC,
  interaction: Interaction,
  person: Person,
  choice: SignInChoice,
): Promise<void> {
  const turn = desk.turns.of(ctx);
  turn.isRecorded = true;
  const { id: accountId } = await desk.signIn.people.signIn(person, choice, turn.origin);
  await vouchedPeople(desk).forget(interaction.uid);
  if (await endOtherSession(desk, ctx, accountId)) {
    interaction.session = undefined;
    await interaction.persist();
  }
  // A completed sign-in answers `select_account` as well.
  await finish(desk, ctx, { login: { accountId, remember: true }, [selectAccountPrompt]: {} });
}
