import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import { signInLifetimes } from '../../core/lifetimes.ts';

/** The prompt by which a person confirms the command line on this machine. */
export const confirmPrompt = 'confirm';

/** The prompt by which a client asks the person to choose a user (OpenID Connect Core 1.0, 3.1.2.1). */
export const selectAccountPrompt = 'select_account';

/**
 * Creates the prompts of an authorization request. There is no consent, because both clients are our own. A native client
 * needs a confirmation: on a shared machine any user can listen on a loopback port.
 */
export function createPolicy(): interactionPolicy.Prompt[] {
  const { base, Check, Prompt } = interactionPolicy;
  const login = base().get('login')!;
  for (const check of [
    // A session can outlive the activity of its user, and oidc-provider does not check that.
    new Check('no_account', 'the user of the session is not active', 'login_required', ({ oidc }) =>
      Boolean(oidc.session?.accountId && oidc.account === undefined),
    ),
    new Check('session_over', 'the session is too old', 'login_required', ({ oidc }) =>
      Boolean(oidc.session?.past(signInLifetimes.session) && oidc.result?.login === undefined),
    ),
  ])
    login.checks.add(check);
  const confirm = new Prompt(
    { name: confirmPrompt, requestable: false },
    new Check('native_client', 'a person must confirm this', 'interaction_required', isUnconfirmed),
  );
  return [login, new Prompt({ name: selectAccountPrompt, requestable: true }), confirm];
}

/** Returns whether a native client still needs a confirmation. A device was confirmed with its code. */
export function isUnconfirmed({ oidc }: KoaContextWithOIDC): boolean {
  const isNative = oidc.client?.applicationType === 'native';
  return isNative && oidc.entities.DeviceCode === undefined && oidc.result?.[confirmPrompt] !== true;
}
