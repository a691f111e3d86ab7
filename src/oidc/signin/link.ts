import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { linkPattern } from '../../core/links.ts';
import type { Desk } from './context.ts';
import { readForm } from './context.ts';
import { openSession } from './sessions.ts';

/**
 * Opens the link of `arsia server admin link` or `arsia server admin recover` in a browser: the operator or owner is signed in there. For
 * scripts there is the API's own way, which opens no session. Records itself.
 */
export async function openLink(desk: Desk, ctx: KoaContextWithOIDC): Promise<void> {
  const token = (await readForm(ctx)).get('token');
  if (token === null || !linkPattern.test(token)) throw new errors.InvalidRequest('the link is incomplete');
  const turn = desk.turns.of(ctx);
  turn.isRecorded = true;
  const { user_id, ...opened } = await desk.signIn.openLink(token, turn.origin);
  await openSession(desk, ctx, user_id);
  ctx.body = opened;
}
