import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { findOnlyChoice, type SignInChoice } from '../../services/people/signinoptions.ts';
import type { Person } from '../../services/people/signinperson.ts';
import { showChoices } from '../pages/choice.ts';
import {
  finishInteraction,
  formatInteractionUrl,
  type Interaction,
  readForm,
  redirectTo,
  type SignInContext,
} from './context.ts';
import { selectAccountPrompt } from './policy.ts';
import { endOtherSession } from './sessions.ts';
import { createVerifiedPersonStore } from './verifiedpeople.ts';

/** The query of an interaction that asks the identity provider to authenticate another person. */
export const otherPersonQuery = 'other';

/** Signs in a person who has one user and no invitation. Redirects any other person to the page with the choices. */
export async function signInOrAsk(
  context: SignInContext,
  ctx: KoaContextWithOIDC,
  interaction: Interaction,
  person: Person,
): Promise<void> {
  const { origin } = context.requestContexts.get(ctx);
  const only = findOnlyChoice(await context.signIn.people.listOptions(person, origin));
  if (only !== undefined) return await signInWith(context, ctx, interaction, person, only);
  await createVerifiedPersonStore(context).save(interaction.uid, person);
  redirectTo(ctx, formatInteractionUrl(context, interaction));
}

/**
 * Shows the choices of the person that the identity provider authenticated in this interaction. Returns false when there is
 * no such person.
 */
export async function showChoicePage(
  context: SignInContext,
  ctx: KoaContextWithOIDC,
  interaction: Interaction,
): Promise<boolean> {
  const verifiedPeople = createVerifiedPersonStore(context);
  const person = await verifiedPeople.find(interaction.uid);
  if (person === undefined) return false;
  const requestContext = context.requestContexts.get(ctx);
  requestContext.isRecorded = true;
  const options = await context.signIn.people
    .listOptions(person, requestContext.origin)
    .catch(async (thrown: unknown) => {
      // There is nothing to choose. The next attempt starts at the identity provider.
      await verifiedPeople.forget(interaction.uid);
      throw thrown;
    });
  showChoices(ctx, { action: formatInteractionUrl(context, interaction), email: person.verified_email, ...options });
  return true;
}

/**
 * Handles the form of the page: signs in, accepts, declines, or authenticates another person. Throws SessionNotFound and
 * InvalidRequest.
 */
export async function handleChoice(
  context: SignInContext,
  ctx: KoaContextWithOIDC,
  interaction: Interaction,
): Promise<void> {
  const verifiedPeople = createVerifiedPersonStore(context);
  const person = await verifiedPeople.find(interaction.uid);
  if (person === undefined) throw new errors.SessionNotFound('the interaction has no open question');
  const [what = '', id = ''] = ((await readForm(ctx)).get('choice') ?? '').split(':');
  if (what === 'other') {
    await verifiedPeople.forget(interaction.uid);
    return redirectTo(ctx, `${formatInteractionUrl(context, interaction)}?${otherPersonQuery}`);
  }
  const requestContext = context.requestContexts.get(ctx);
  if (what === 'decline' || what === 'untie') {
    requestContext.isRecorded = true;
    const { people } = context.signIn;
    await people[what === 'decline' ? 'decline' : 'declineTie'](person, id, requestContext.origin);
    return redirectTo(ctx, formatInteractionUrl(context, interaction));
  }
  const choice = parseChoice(what, id);
  if (choice === undefined) throw new errors.InvalidRequest('the form names no choice');
  await signInWith(context, ctx, interaction, person, choice);
}

function parseChoice(what: string, id: string): SignInChoice | undefined {
  if (what === 'join') return { join: true };
  if (what === 'user') return { user: id };
  if (what === 'tie') return { tie: id };
  return what === 'accept' ? { invitation: id } : undefined;
}

async function signInWith(
  context: SignInContext,
  ctx: KoaContextWithOIDC,
  interaction: Interaction,
  person: Person,
  choice: SignInChoice,
): Promise<void> {
  const requestContext = context.requestContexts.get(ctx);
  requestContext.isRecorded = true;
  const { id: accountId } = await context.signIn.people.signIn(person, choice, requestContext.origin);
  await createVerifiedPersonStore(context).forget(interaction.uid);
  if (await endOtherSession(context, ctx, accountId)) {
    interaction.session = undefined;
    await interaction.persist();
  }
  // A completed sign-in satisfies `select_account` too.
  await finishInteraction(context, ctx, { login: { accountId, remember: true }, [selectAccountPrompt]: {} });
}
