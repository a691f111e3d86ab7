import { errors, Provider } from 'oidc-provider';
import type { Clock } from '../../core/clock.ts';
import { devicePollInterval } from '../../core/lifetimes.ts';
import type { ArtifactStore } from '../../store/issuing/artifacts.ts';

interface FoundCode {
  /** Seconds since 1970. */
  exp: number;
}

/** What the types leave generic. */
type Finding = { find(id: string, options?: object): Promise<FoundCode | undefined> };

/**
 * RFC 8628 3.5: what a device hears that asks too often, or too late. oidc-provider knows neither, so it is answered where
 * the token endpoint looks for the device code.
 */
export function paceDevices(
  provider: Provider,
  { artifacts, clock }: { artifacts: ArtifactStore; clock: Clock },
): void {
  const model = provider.DeviceCode as unknown as Finding;
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

/** What a device that polls may hear before anybody has decided: it is no refusal, and leaves no record. */
export const unfinished = ['authorization_pending', 'slow_down'];
