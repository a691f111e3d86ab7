import type { KoaContextWithOIDC } from 'oidc-provider';
import { ArsiaError, asArsiaError } from '../../core/errors.ts';
import type { Origin } from '../../core/origin.ts';
import { toRefusal } from '../errors.ts';
import { type PageLink, showRefusal } from '../pages/refusal.ts';
import { formatInteractionUrl, type Interaction, type SignInContext } from './context.ts';

/** Records, logs and shows the refusal of a sign-in step. */
export async function refuse(
  context: SignInContext,
  ctx: KoaContextWithOIDC,
  thrown: unknown,
  links: readonly PageLink[] = [],
): Promise<void> {
  const requestContext = context.requestContexts.get(ctx);
  const { origin } = requestContext;
  const { request_id } = origin;
  const failure = requestContext.isRecorded === true ? undefined : await record(context, thrown, origin);
  const refusal = toRefusal(failure ?? thrown);
  const facts = { request_id, path: requestContext.route.path, error: refusal.error, reason: refusal.reason };
  if (refusal.outcome === 'refused') context.log.info(facts, 'authorization server refused');
  else context.log.error({ ...facts, err: failure ?? thrown }, 'authorization server failed');
  if (requestContext.route.isPage) showRefusal(ctx, refusal, request_id, failure === undefined ? links : []);
  else {
    ctx.status = refusal.page_status;
    ctx.body = { detail: refusal.message, advice: refusal.advice, request_id };
  }
}

/** Records a refusal. Returns undefined, or the error of the record, which then replaces the refusal in the response. */
async function record({ signIn }: SignInContext, thrown: unknown, origin: Origin): Promise<unknown> {
  const { code, reason } = toRefusal(thrown);
  // Without a database no event can be recorded, and nothing was decided.
  if (code === 'unavailable') return undefined;
  return await signIn.people.refuse(new ArsiaError(code, reason), origin).then(
    () => undefined,
    (cause: unknown) => cause,
  );
}

/** Creates the links of a refusal page after the identity provider. Marks the code of a waiting device as denied. */
export async function createPageLinks(
  context: SignInContext,
  interaction: Interaction,
  thrown: unknown,
): Promise<PageLink[]> {
  const again = { text: 'Sign in again', href: formatInteractionUrl(context, interaction) };
  if (asArsiaError(thrown).row.status >= 500) return [again];
  const denied = { error: 'access_denied', error_description: 'the sign-in was refused' };
  if (interaction.deviceCode !== undefined) {
    const code = await context.provider.DeviceCode.find(interaction.deviceCode);
    if (code !== undefined) {
      Object.assign(code, { error: denied.error, errorDescription: denied.error_description });
      await code.save();
    }
    return [];
  }
  interaction.result = denied;
  await interaction.persist();
  return [again, { text: 'Back to where you came from', href: interaction.returnTo }];
}
