import type { KoaContextWithOIDC } from 'oidc-provider';
import { ArsiaError, asArsiaError } from '../../core/errors.ts';
import type { Origin } from '../../core/origin.ts';
import { refusalOf } from '../errors.ts';
import { showRefusal, type Way } from '../pages/refusal.ts';
import { addressOf, type Desk, type Interaction } from './context.ts';

/** Records, logs and shows why a step of a sign-in ended here. */
export async function refuse(
  desk: Desk,
  ctx: KoaContextWithOIDC,
  thrown: unknown,
  ways: readonly Way[] = [],
): Promise<void> {
  const turn = desk.turns.of(ctx);
  const { origin } = turn;
  const { request_id } = origin;
  const failure = turn.isRecorded === true ? undefined : await record(desk, thrown, origin);
  const refusal = refusalOf(failure ?? thrown);
  const facts = { request_id, path: turn.route.path, error: refusal.error, reason: refusal.reason };
  if (refusal.outcome === 'refused') desk.log.info(facts, 'authorization server refused');
  else desk.log.error({ ...facts, err: failure ?? thrown }, 'authorization server failed');
  if (turn.route.isPage) showRefusal(ctx, refusal, request_id, failure === undefined ? ways : []);
  else {
    ctx.status = refusal.page_status;
    ctx.body = { detail: refusal.message, advice: refusal.advice, request_id };
  }
}

/** Undefined when the refusal is on record; what to answer instead when it cannot be. */
async function record({ signIn }: Desk, thrown: unknown, origin: Origin): Promise<unknown> {
  const { code, reason } = refusalOf(thrown);
  // A database that is away cannot keep a record, and nothing was decided that needs one.
  if (code === 'unavailable') return undefined;
  return await signIn.people.refuse(new ArsiaError(code, reason), origin).then(
    () => undefined,
    (cause: unknown) => cause,
  );
}

/** Where somebody can go who was refused at the identity provider, or here after it. A waiting device is told at once. */
export async function waysOn(desk: Desk, interaction: Interaction, thrown: unknown): Promise<Way[]> {
  const again = { text: 'Sign in again', href: addressOf(desk, interaction) };
  if (asArsiaError(thrown).row.status >= 500) return [again];
  const denied = { error: 'access_denied', error_description: 'the sign-in was refused' };
  if (interaction.deviceCode !== undefined) {
    const code = await desk.provider.DeviceCode.find(interaction.deviceCode);
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
