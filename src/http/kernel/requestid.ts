import { randomUUID } from 'node:crypto';

/** Excludes what begins like a token or a key of Arsia or of a cloud: a request id is copied to logs and audit records. */
const harmlessId = /^(?!arsia_|eyJ|AKIA|ASIA|ya29)[\w.-]{8,64}$/;

/** Returns the `X-Request-Id` that was sent where it is harmless, else a new one. */
export function requestIdOf(given: string | string[] | undefined): string {
  return typeof given === 'string' && harmlessId.test(given) ? given : randomUUID();
}
