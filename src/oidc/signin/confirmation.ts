import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { showLocalConfirmation } from '../pages/session.ts';
import { finishInteraction, formatInteractionUrl, type Interaction, readForm, type SignInContext } from './context.ts';
import { confirmPrompt } from './policy.ts';

/** Shows the page on which a person confirms the command line that listens on this machine. */
export async function showConfirmationPage(
  context: SignInContext,
  ctx: KoaContextWithOIDC,
  interaction: Interaction,
): Promise<void> {
  const { session, params } = interaction;
  const client = await context.provider.Client.find(String(params.client_id));
  showLocalConfirmation(ctx, {
    action: formatInteractionUrl(context, interaction),
    client: client?.clientName ?? 'A program',
    login: (session && (await context.principals.findDisplayName(session.accountId))) ?? 'you',
    destination: new URL(String(params.redirect_uri)).host,
  });
}

export async function handleConfirmation(
  context: SignInContext,
  ctx: KoaContextWithOIDC,
  interaction: Interaction,
): Promise<void> {
  if (interaction.prompt.name !== confirmPrompt)
    throw new errors.SessionNotFound('the interaction has no open question');
  const isConfirmed = (await readForm(ctx)).get('confirm') === 'yes';
  await finishInteraction(
    context,
    ctx,
    isConfirmed
      ? { [confirmPrompt]: true }
      : { error: 'access_denied', error_description: 'the person refused to sign in on this computer' },
  );
}
