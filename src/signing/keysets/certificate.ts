import { createHash, createPublicKey, type KeyObject, sign } from 'node:crypto';
import type { SigningAlgorithm } from '../signers/signer.ts';

/**
 * A self-signed X.509 certificate around a signing key (RFC 5280 4.1), for relying parties that read `x5c` instead of the key:
 * Ceph RGW 16 takes nothing else (cloud-facts.md 10). It certifies nothing; its dates and name are constants.
 * Written by hand: it is 60 lines of fixed DER, against a dozen packages and a global polyfill.
 */
export function selfSignedCertificate(privateKey: KeyObject, alg: SigningAlgorithm): Buffer {
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const fingerprint = createHash('sha256').update(spki).digest();
  const toBeSigned = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(serialOf(fingerprint)),
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

/** A positive INTEGER of big-endian bytes whose first bit is clear. */
function integer(bytes: Uint8Array): Buffer {
  return tagged(0x02, bytes);
}

function bitString(bytes: Uint8Array): Buffer {
  return tagged(0x03, Buffer.from([0]), bytes);
}

function objectId(hex: string): Buffer {
  return tagged(0x06, Buffer.from(hex, 'hex'));
}

/** 16 bytes from the key itself: 0x40 to 0x7f in front, so it is positive and of the shortest form. */
function serialOf(fingerprint: Uint8Array): Buffer {
  return Buffer.from([0x40 | (fingerprint[0]! & 0x3f), ...fingerprint.subarray(1, 16)]);
}

/** RFC 7093 2: the leftmost 160 bits of a SHA-256. No key usage: a key that may not certify is no issuer of itself. */
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
