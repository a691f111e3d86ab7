import { createHash, createPublicKey, type KeyObject, sign } from 'node:crypto';
import type { SigningAlgorithm } from '../signers/signer.ts';

/**
 * Returns a self-signed X.509 certificate of a signing key (RFC 5280 4.1), for relying parties that read `x5c` instead of the
 * key: Ceph RGW 16 requires it (cloud-facts.md 10). It certifies nothing; its dates and name are constants. The DER is
 * written here in 60 lines, which replace a dozen packages and a global polyfill.
 */
export function selfSignedCertificate(privateKey: KeyObject, alg: SigningAlgorithm): Buffer {
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const fingerprint = createHash('sha256').update(spki).digest();
  const toBeSigned = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(makeSerial(fingerprint)),
    signatureAlgorithms[alg],
    subjectName,
    validity,
    subjectName,
    spki,
    tagged(0xa3, sequence(subjectKeyIdentifier(fingerprint))),
  );
  return sequence(toBeSigned, signatureAlgorithms[alg], bitString(sign('sha256', toBeSigned, privateKey)));
}

function tagged(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const header =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(header), content]);
}

function sequence(...parts: Uint8Array[]): Buffer {
  return tagged(0x30, ...parts);
}

/** Returns a positive INTEGER from big-endian bytes whose first bit is clear. */
function integer(bytes: Uint8Array): Buffer {
  return tagged(0x02, bytes);
}

function bitString(bytes: Uint8Array): Buffer {
  return tagged(0x03, Buffer.from([0]), bytes);
}

function objectId(hex: string): Buffer {
  return tagged(0x06, Buffer.from(hex, 'hex'));
}

/** Returns a serial number of 16 bytes from the key. The first byte is 0x40 to 0x7f: positive, and in the shortest form. */
function makeSerial(fingerprint: Uint8Array): Buffer {
  return Buffer.from([0x40 | (fingerprint[0]! & 0x3f), ...fingerprint.subarray(1, 16)]);
}

/**
 * The leftmost 160 bits of a SHA-256 (RFC 7093 2). No key usage, since one without keyCertSign would not allow self-issuing.
 */
function subjectKeyIdentifier(fingerprint: Uint8Array): Buffer {
  return sequence(objectId('551d0e'), tagged(0x04, tagged(0x04, fingerprint.subarray(0, 20))));
}

const signatureAlgorithms: Readonly<Record<SigningAlgorithm, Buffer>> = {
  // sha256WithRSAEncryption with its NULL (RFC 4055 5), ecdsa-with-SHA256 without parameters (RFC 5758 3.2)
  RS256: sequence(objectId('2a864886f70d01010b'), tagged(0x05)),
  ES256: sequence(objectId('2a8648ce3d040302')),
};

const subjectName = sequence(
  tagged(0x31, sequence(objectId('550403'), tagged(0x0c, Buffer.from('Arsia signing key')))),
);

const validity = sequence(tagged(0x17, Buffer.from('200101000000Z')), tagged(0x17, Buffer.from('491231235959Z')));
