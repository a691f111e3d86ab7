import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { linkPattern } from '../../core/links.ts';
import type { SignInContext } from './context.ts';
import { readForm } from './context.ts';
import { openSession } from './sessions.ts';

/**
 * Opens the link of `arsia admin link` or `arsia admin recover` in a browser and signs the operator or owner in there. Records
 * the event. Scripts use the API, which opens no session. Throws InvalidRequest.
 */
export async function openLink(context: SignInContext, ctx: KoaContextWithOIDC): Promise<void> {
  const token = (await readForm(ctx)).get('token');
  if (token === null || !linkPattern.test(token)) throw new errors.InvalidRequest('the link is incomplete');
  const requestContext = context.requestContexts.get(ctx);
  requestContext.isRecorded = true;
  const { user_id, ...opened } = await context.signIn.openLink(token, requestContext.origin);
  await openSession(context, ctx, user_id);
  ctx.body = opened;
}
