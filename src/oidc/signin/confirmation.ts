import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { showLocalConfirmation } from '../pages/session.ts';
import { addressOf, type Desk, finish, type Interaction, readForm } from './context.ts';
import { confirmPrompt } from './policy.ts';

/** Asks whether the command line that waits on this machine is this person's. */
export async function askPerson(desk: Desk, ctx: KoaContextWithOIDC, interaction: Interaction): Promise<void> {
  const { session, params } = interaction;
  const client = await desk.provider.Client.find(String(params.client_id));
  showLocalConfirmation(ctx, {
    action: addressOf(desk, interaction),
    client: client?.clientName ?? 'A program',
    login: (session && (await desk.principals.nameOf(session.accountId))) ?? 'you',
    destination: new URL(String(params.redirect_uri)).host,
  });
}

export async function takeAnswer(desk: Desk, ctx: KoaContextWithOIDC, interaction: Interaction): Promise<void> {
  if (interaction.prompt.name !== confirmPrompt) throw new errors.SessionNotFound('nothing was asked');
  const isConfirmed = (await readForm(ctx)).get('confirm') === 'yes';
  await finish(
    desk,
    ctx,
    isConfirmed
      ? { [confirmPrompt]: true }
      : { error: 'access_denied', error_description: 'the person refused to sign in on this computer' },
  );
}
