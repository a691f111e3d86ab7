import { errors, Provider } from 'oidc-provider';
import type { Clock } from '../../core/clock.ts';
import { devicePollInterval } from '../../core/lifetimes.ts';
import type { ArtifactStore } from '../../store/issuing/artifacts.ts';

interface FoundCode {
  /** Seconds since 1970. */
  exp: number;
}

/** The method of a model, which the types declare more generally. */
type DeviceCodeModel = { find(id: string, options?: object): Promise<FoundCode | undefined> };

/**
 * Makes the token endpoint return `slow_down` and `expired_token` (RFC 8628 3.5) to a device that polls too often or too late.
 * oidc-provider has neither, so that the look-up of the device code throws them.
 */
export function throttleDevices(
  provider: Provider,
  { artifacts, clock }: { artifacts: ArtifactStore; clock: Clock },
): void {
  const model = provider.DeviceCode as unknown as DeviceCodeModel;
  const find = model.find;
  model.find = async function findDeviceCode(id, options) {
    const code = await find.call(this, id, options);
    if (code === undefined || Provider.ctx?.oidc.route !== 'token') return code;
    const now = clock.now();
    if (code.exp * 1000 <= now) throw new errors.ExpiredToken('device code is expired');
    if (await artifacts.isPolledTooOften('DeviceCode', id, now, devicePollInterval)) throw new errors.SlowDown();
    return code;
  };
}

/** Errors that a polling device gets before a person has decided. They are no refusals and are not recorded. */
export const pendingErrors = ['authorization_pending', 'slow_down'];
