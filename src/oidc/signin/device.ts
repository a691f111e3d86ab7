import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import type { Clock } from '../../core/clock.ts';
import { ArsiaError } from '../../core/errors.ts';
import { showCodeConfirmation, showCodeInput, showDeviceDone, showDeviceRefused } from '../pages/device.ts';
import type { Principals } from '../ports.ts';
import type { RequestContexts } from '../requestcontext.ts';
import { ownEndpoints } from '../routes.ts';
import { getXsrfToken } from './xsrf.ts';

type DeviceFlow = NonNullable<NonNullable<Configuration['features']>['deviceFlow']>;
type DevicePages = Required<
  Pick<DeviceFlow, 'deviceInfo' | 'userCodeInputSource' | 'userCodeConfirmSource' | 'successSource'>
>;

/** Messages of the input page by the name of the error with which oidc-provider shows it again. */
const messages: Readonly<Record<string, string>> = {
  NoCodeError: 'Type the code that your device shows.',
  NotFoundError: 'This code does not exist. Compare it with the code that your device shows.',
  ExpiredError: 'This code has expired. Start again on your device.',
  AlreadyUsedError: 'This code was used before. Start again on your device.',
};

/** Creates the pages on which a person approves a device (RFC 8628 3.3). */
export function createDevicePages(parts: {
  authorizationIssuer: string;
  clock: Clock;
  requestContexts: RequestContexts;
  principals: Principals;
}): DevicePages {
  const { authorizationIssuer, clock, requestContexts, principals } = parts;
  const script = `${authorizationIssuer}${ownEndpoints.script}`;

  return {
    deviceInfo: () => ({ requested_at: new Date(clock.now()).toISOString() }),

    userCodeInputSource(ctx, _form, _out, error) {
      const requestContext = requestContexts.get(ctx);
      const message = error && messages[error.name];
      if (error?.name === 'AbortedError') {
        requestContext.thrown = new ArsiaError('sign_in_refused', 'The person refused the device.');
        requestContext.isShown = true;
        return showDeviceRefused(ctx);
      }
      // outcomes.ts renders every other error.
      if (error !== undefined && message === undefined) return undefined;
      if (message !== undefined) {
        requestContext.thrown = new ArsiaError('invalid_request', message);
        requestContext.isShown = true;
      }
      const code = requestContext.user_code ?? readUserCode(ctx);
      return showCodeInput(ctx, { action: getFormAction(ctx), xsrf: getXsrfToken(ctx), script, code, message });
    },

    async userCodeConfirmSource(ctx, _form, client, deviceInfo, userCode) {
      const accountId = ctx.oidc.session?.accountId;
      showCodeConfirmation(ctx, {
        action: getFormAction(ctx),
        xsrf: getXsrfToken(ctx),
        code: userCode,
        client: client.clientName ?? client.clientId,
        requested_at: String(deviceInfo.requested_at),
        login: accountId === undefined ? undefined : await principals.findDisplayName(accountId),
      });
    },

    successSource(ctx) {
      requestContexts.get(ctx).done_by = ctx.oidc.account?.accountId;
      showDeviceDone(ctx, ctx.oidc.client?.clientName ?? 'It');
    },
  };
}

function getFormAction(ctx: KoaContextWithOIDC): string {
  return ctx.oidc.urlFor('code_verification');
}

/** Returns the typed code, or '' when it cannot be a code. */
function readUserCode(ctx: KoaContextWithOIDC): string {
  return normalizeUserCode(ctx.oidc.params?.user_code);
}

export function normalizeUserCode(typed: unknown): string {
  return typeof typed === 'string' && /^[A-Za-z -]{1,16}$/.test(typed) ? typed : '';
}
