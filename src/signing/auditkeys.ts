import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto';
import { ArsiaError } from '../core/errors.ts';

/**
 * The two keys of the audit, both derived from one sealed secret that the replicas share: a key for the MACs of events, and
 * an Ed25519 key (RFC 8037) that signs checkpoints and nothing else. All members but `load` throw `unavailable` until `load`
 * has resolved.
 */
export interface AuditKeys {
  load(): Promise<void>;
  /** Returns the HMAC-SHA256 of a text. */
  mac(text: string): Buffer;
  isMac(mac: Uint8Array, text: string): boolean;
  /** Returns the thumbprint of the public key (RFC 7638). */
  kid(): string;
  /** Returns the public JWK, for verifying exported checkpoints without Arsia. */
  publicKey(): Readonly<Record<string, unknown>>;
  /** Returns the compact JWS (RFC 7515 3.1) of a payload. */
  sign(payload: object): string;
  /** Returns the payload; undefined where this key did not sign it as a checkpoint. */
  open(jws: string): unknown;
}

const typ = 'arsia-audit-checkpoint';
/** The bytes before the 32 bytes of an Ed25519 private key in PKCS #8 (RFC 8410 7). */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

interface Loaded {
  macKey: KeyObject;
  privateKey: KeyObject;
  publicKey: KeyObject;
  jwk: Readonly<Record<string, unknown>>;
  kid: string;
}

export function createAuditKeys(read: () => Promise<Uint8Array>): AuditKeys {
  let loaded: Loaded | undefined;
  const keys = () => {
    if (loaded === undefined) throw new ArsiaError('unavailable', 'The keys of the audit are not loaded yet.');
    return loaded;
  };
  const mac = (text: string) => createHmac('sha256', keys().macKey).update(text).digest();

  return {
    async load() {
      loaded = deriveKeys(await read());
    },
    mac,
    isMac: (given, text) => given.length === 32 && timingSafeEqual(given, mac(text)),
    kid: () => keys().kid,
    publicKey: () => keys().jwk,
    sign(payload) {
      const { kid, privateKey } = keys();
      const input = `${encode({ alg: 'EdDSA', kid, typ })}.${encode(payload)}`;
      return `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`;
    },
    open(jws) {
      const { kid, publicKey } = keys();
      const [header = '', payload = '', signature = '', ...more] = jws.split('.');
      if (more.length > 0 || header !== encode({ alg: 'EdDSA', kid, typ })) return undefined;
      const bytes = Buffer.from(signature, 'base64url');
      if (bytes.toString('base64url') !== signature) return undefined;
      if (!verify(null, Buffer.from(`${header}.${payload}`), publicKey, bytes)) return undefined;
      return JSON.parse(Buffer.from(payload, 'base64url').toString());
    },
  };
}

function deriveKeys(secret: Uint8Array): Loaded {
  const derive = (purpose: string) => Buffer.from(hkdfSync('sha256', secret, '', `arsia audit ${purpose}`, 32));
  const pkcs8 = Buffer.concat([pkcs8Prefix, derive('checkpoints')]);
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  pkcs8.fill(0);
  const publicKey = createPublicKey(privateKey);
  const { crv, kty, x } = publicKey.export({ format: 'jwk' });
  const kid = createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url');
  const jwk = Object.freeze({ kty, crv, x, kid, alg: 'EdDSA', use: 'sig' });
  return {
    // Every event has a MAC. With bytes, Node would create the key each time, at five times the cost of the MAC.
    macKey: createSecretKey(derive('events')),
    privateKey,
    publicKey,
    jwk,
    kid,
  };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
