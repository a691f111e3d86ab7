import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import type { Clock } from '../../core/clock.ts';
import { ArsiaError } from '../../core/errors.ts';
import { showCodeConfirmation, showCodeInput, showDeviceDone, showDeviceRefused } from '../pages/device.ts';
import type { Principals } from '../ports.ts';
import type { Turns } from '../requestcontext.ts';
import { ownEndpoints } from '../routes.ts';
import { xsrfOf } from './xsrf.ts';

type DeviceFlow = NonNullable<NonNullable<Configuration['features']>['deviceFlow']>;
type DevicePages = Required<
  Pick<DeviceFlow, 'deviceInfo' | 'userCodeInputSource' | 'userCodeConfirmSource' | 'successSource'>
>;

/** What oidc-provider throws to have the input page shown again, by the name of the error. */
const messages: Readonly<Record<string, string>> = {
  NoCodeError: 'Type the code that your device shows.',
  NotFoundError: 'There is no such code. Compare it with what your device shows.',
  ExpiredError: 'This code has expired. Start again on your device.',
  AlreadyUsedError: 'This code was used before. Start again on your device.',
};

/** RFC 8628 3.3: the pages on which a person lets a device in. */
export function createDevicePages(parts: {
  authorizationIssuer: string;
  clock: Clock;
  turns: Turns;
  principals: Principals;
}): DevicePages {
  const { authorizationIssuer, clock, turns, principals } = parts;
  const script = `${authorizationIssuer}${ownEndpoints.script}`;

  return {
    deviceInfo: () => ({ requested_at: new Date(clock.now()).toISOString() }),

    userCodeInputSource(ctx, _form, _out, error) {
      const turn = turns.of(ctx);
      const message = error && messages[error.name];
      if (error?.name === 'AbortedError') {
        turn.thrown = new ArsiaError('sign_in_refused', 'The person refused the device.');
        turn.isShown = true;
        return showDeviceRefused(ctx);
      }
      // Any other error has a page of its own, by the conclusion.
      if (error !== undefined && message === undefined) return undefined;
      if (message !== undefined) {
        turn.thrown = new ArsiaError('invalid_request', message);
        turn.isShown = true;
      }
      const code = turn.user_code ?? typedCode(ctx);
      return showCodeInput(ctx, { action: actionOf(ctx), xsrf: xsrfOf(ctx), script, code, message });
    },

    async userCodeConfirmSource(ctx, _form, client, deviceInfo, userCode) {
      const accountId = ctx.oidc.session?.accountId;
      showCodeConfirmation(ctx, {
        action: actionOf(ctx),
        xsrf: xsrfOf(ctx),
        code: userCode,
        client: client.clientName ?? client.clientId,
        requested_at: String(deviceInfo.requested_at),
        login: accountId === undefined ? undefined : await principals.nameOf(accountId),
      });
    },

    successSource(ctx) {
      turns.of(ctx).done_by = ctx.oidc.account?.accountId;
      showDeviceDone(ctx, ctx.oidc.client?.clientName ?? 'It');
    },
  };
}

function actionOf(ctx: KoaContextWithOIDC): string {
  return ctx.oidc.urlFor('code_verification');
}

/** What was typed, when it could be a code at all. */
function typedCode(ctx: KoaContextWithOIDC): string {
  return codeText(ctx.oidc.params?.user_code);
}

export function codeText(typed: unknown): string {
  return typeof typed === 'string' && /^[A-Za-z -]{1,16}$/.test(typed) ? typed : '';
}
