import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import { signInLifetimes } from '../../core/lifetimes.ts';

/** The name of the prompt by which a person says that the command line on this machine is theirs. */
export const confirmPrompt = 'confirm';

/** The prompt of a client that wants the person to choose as whom they sign in (OpenID Connect Core 1.0, 3.1.2.1). */
export const selectAccountPrompt = 'select_account';

/**
 * What stands between a request and its code. There is no consent: both clients are our own. But a browser's session must
 * not be enough for whoever listens on a loopback port, on machines that many people share.
 */
export function createPolicy(): interactionPolicy.Prompt[] {
  const { base, Check, Prompt } = interactionPolicy;
  const login = base().get('login')!;
  for (const check of [
    // A session outlives the right to have one; oidc-provider asks for the grant of whoever it belongs to.
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

/** A device was confirmed with its code. */
export function isUnconfirmed({ oidc }: KoaContextWithOIDC): boolean {
  const isNative = oidc.client?.applicationType === 'native';
  return isNative && oidc.entities.DeviceCode === undefined && oidc.result?.[confirmPrompt] !== true;
}
