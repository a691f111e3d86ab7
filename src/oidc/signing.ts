import { createPublicKey, type JsonWebKeyInput } from 'node:crypto';
import { ExternalSigningKey } from 'oidc-provider';
import type { PublishedKeys } from './ports.ts';

/**
 * Creates the keys of oidc-provider. It signs with the first suitable key, so that the signer is first. Private keys are not
 * passed to it. Throws an Error when the signer is not published.
 */
export function createExternalKeys({ published, signer }: PublishedKeys): ExternalSigningKey[] {
  const isSigner = (jwk: Readonly<Record<string, unknown>>) => jwk.kid === signer.kid;
  if (!published.some(isSigner)) throw new Error(`the signing key ${signer.kid} is not published`);
  const ordered = [...published.filter(isSigner), ...published.filter((jwk) => !isSigner(jwk))];
  return ordered.map((jwk) => new PublishedKey(jwk, isSigner(jwk) ? (bytes) => signer.sign(bytes) : undefined));
}

class PublishedKey extends ExternalSigningKey {
  readonly #jwk: Readonly<Record<string, unknown>>;
  readonly #sign: ((bytes: Uint8Array) => Promise<Uint8Array>) | undefined;

  constructor(jwk: Readonly<Record<string, unknown>>, sign: ((bytes: Uint8Array) => Promise<Uint8Array>) | undefined) {
    super();
    this.#jwk = jwk;
    this.#sign = sign;
  }

  override get kid() {
    return String(this.#jwk.kid);
  }

  override get alg() {
    return String(this.#jwk.alg);
  }

  override get x5c() {
    return this.#jwk.x5c as string[] | undefined;
  }

  override keyObject() {
    return createPublicKey({ key: this.#jwk, format: 'jwk' } as JsonWebKeyInput);
  }

  override async sign(data: Uint8Array) {
    if (this.#sign === undefined) throw new Error(`the key ${this.kid} is published but may not sign`);
    return await this.#sign(data);
  }
}
