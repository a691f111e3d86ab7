import { createHash, generateKeyPairSync, type KeyObject, sign, X509Certificate } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { systemClock } from '../server/clock.ts';
import { bits, integer, objectId, octets, sequence, tagged, text, time, yes } from './der.ts';

/** PEM texts: the certificate authority that clients are told to trust, and the server's chain and key. */
export interface ServerIdentity {
  ca: string;
  cert: string;
  key: string;
}

interface Keys {
  publicKey: KeyObject;
  privateKey: KeyObject;
}

const day = 24 * 60 * 60 * 1000;
const authorityName = 'Sandbox clouds local authority';

/**
 * A fresh local authority and a certificate for localhost and 127.0.0.1 (RFC 5280); the authority's key is dropped at once.
 * Written by hand: @peculiar/x509 does not load without a global polyfill that this project has no other use for.
 */
export function makeServerIdentity(): ServerIdentity {
  const authority = makeKeys();
  const server = makeKeys();
  const authorityKeyId = keyId(authority.publicKey);
  const ca = certificate(authorityName, authority.publicKey, authority.privateKey, [
    extension('2.5.29.19', true, sequence(yes, integer(Buffer.from([0])))), // basicConstraints: an authority over leaves
    extension('2.5.29.15', true, bits(Buffer.from([0x06]), 1)), // keyUsage: keyCertSign, cRLSign
    extension('2.5.29.14', false, octets(authorityKeyId)), // subjectKeyIdentifier
  ]);
  const cert = certificate('localhost', server.publicKey, authority.privateKey, [
    extension('2.5.29.19', true, sequence()),
    extension('2.5.29.15', true, bits(Buffer.from([0x80]), 7)), // keyUsage: digitalSignature
    extension('2.5.29.37', false, sequence(objectId('1.3.6.1.5.5.7.3.1'))), // extKeyUsage: serverAuth
    extension('2.5.29.17', false, sequence(dnsName('localhost'), ipAddress([127, 0, 0, 1]))), // subjectAltName
    // authorityKeyIdentifier: strict chain checks (Python 3.13) refuse a certificate without it.
    extension('2.5.29.35', false, sequence(tagged(0x80, authorityKeyId))),
    extension('2.5.29.14', false, octets(keyId(server.publicKey))),
  ]);
  return { ca, cert: cert + ca, key: server.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string };
}

/**
 * PEM, signed by the authority's key. TLS clients judge validity by the machine's clock and not by the injected one, so a test
 * that moves its clock keeps its connection.
 */
function certificate(subject: string, publicKey: KeyObject, signingKey: KeyObject, extensions: Buffer[]): string {
  const clock: Clock = systemClock;
  const ecdsaWithSha256 = sequence(objectId('1.2.840.10045.4.3.2'));
  const serial = Buffer.from(clock.random(16));
  serial[0] = 0x40 | (serial[0]! & 0x3f);
  const toBeSigned = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(serial),
    ecdsaWithSha256,
    name(authorityName),
    sequence(time(clock.now() - day), time(clock.now() + 365 * day)),
    name(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(...extensions)),
  );
  const signature = bits(sign('sha256', toBeSigned, signingKey));
  return new X509Certificate(sequence(toBeSigned, ecdsaWithSha256, signature)).toString();
}

function extension(id: string, isCritical: boolean, value: Buffer): Buffer {
  return sequence(objectId(id), ...(isCritical ? [yes] : []), octets(value));
}

function name(commonName: string): Buffer {
  return sequence(tagged(0x31, sequence(objectId('2.5.4.3'), text(commonName))));
}

function dnsName(value: string): Buffer {
  return tagged(0x82, Buffer.from(value));
}

function ipAddress(bytes: number[]): Buffer {
  return tagged(0x87, Buffer.from(bytes));
}

function makeKeys(): Keys {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function keyId(publicKey: KeyObject): Buffer {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest()
    .subarray(0, 20);
}
