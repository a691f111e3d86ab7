import { adminLinkLifetime } from '../../core/lifetimes.ts';
import { operatorLinkPrefix, ownerLinkPrefix } from '../../core/links.ts';
import { hashToken } from '../../store/issuing/artifacts.ts';
import { insertAdminLink } from '../../store/people/adminlinks.ts';
import type { Context } from '../pipeline/action.ts';

export interface OneTimeLink {
  token: string;
  expires_at: Date;
}

/** Creates a link that signs a user in once, within 15 minutes, and stores only its hash. */
export async function createOneTimeLink(
  context: Context,
  user_id: string,
  { makes_operator }: { makes_operator: boolean },
): Promise<OneTimeLink> {
  const prefix = makes_operator ? operatorLinkPrefix : ownerLinkPrefix;
  const token = `${prefix}${Buffer.from(context.random(32)).toString('base64url')}`;
  const expires_at = new Date(context.now + adminLinkLifetime * 1000);
  await insertAdminLink(context.db, {
    token_hash: hashToken(token),
    user_id,
    expires_at,
    used_at: null,
    makes_operator,
  });
  return { token, expires_at };
}
