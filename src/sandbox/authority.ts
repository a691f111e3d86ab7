import { createHash, generateKeyPairSync, type KeyObject, sign, X509Certificate } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import { systemClock } from '../server/clock.ts';
import { bits, integer, objectId, octets, sequence, tagged, text, time, yes } from './der.ts';

/** PEM texts: the certificate of the authority, which clients must trust, and the chain and key of the server. */
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
 * Creates a local authority and a certificate for 127.0.0.1 and host names (RFC 5280). The key of the authority is not kept. The
 * certificates are encoded here because @peculiar/x509 needs a global polyfill.
 */
export function makeServerIdentity(...names: string[]): ServerIdentity {
  const authority = makeKeys();
  const server = makeKeys();
  const authorityKeyId = computeKeyId(authority.publicKey);
  const ca = createCertificate(authorityName, authority.publicKey, authority.privateKey, [
    createExtension('2.5.29.19', true, sequence(yes, integer(Buffer.from([0])))), // basicConstraints: an authority over leaves
    createExtension('2.5.29.15', true, bits(Buffer.from([0x06]), 1)), // keyUsage: keyCertSign, cRLSign
    createExtension('2.5.29.14', false, octets(authorityKeyId)), // subjectKeyIdentifier
  ]);
  const cert = createCertificate('localhost', server.publicKey, authority.privateKey, [
    createExtension('2.5.29.19', true, sequence()),
    createExtension('2.5.29.15', true, bits(Buffer.from([0x80]), 7)), // keyUsage: digitalSignature
    createExtension('2.5.29.37', false, sequence(objectId('1.3.6.1.5.5.7.3.1'))), // extKeyUsage: serverAuth
    createExtension(
      '2.5.29.17',
      false,
      sequence(...['localhost', ...names].map(encodeDnsName), encodeIpAddress([127, 0, 0, 1])),
    ), // subjectAltName
    // authorityKeyIdentifier: strict chain checks (Python 3.13) refuse a certificate without it.
    createExtension('2.5.29.35', false, sequence(tagged(0x80, authorityKeyId))),
    createExtension('2.5.29.14', false, octets(computeKeyId(server.publicKey))),
  ]);
  return { ca, cert: cert + ca, key: server.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string };
}

/**
 * Returns a certificate as PEM. Its validity is by the clock of the machine, which TLS clients use, and not by the injected
 * clock: a test that moves its clock keeps its connection.
 */
function createCertificate(subject: string, publicKey: KeyObject, signingKey: KeyObject, extensions: Buffer[]): string {
  const clock: Clock = systemClock;
  const ecdsaWithSha256 = sequence(objectId('1.2.840.10045.4.3.2'));
  const serial = Buffer.from(clock.random(16));
  serial[0] = 0x40 | (serial[0]! & 0x3f);
  const toBeSigned = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(serial),
    ecdsaWithSha256,
    encodeName(authorityName),
    sequence(time(clock.now() - day), time(clock.now() + 365 * day)),
    encodeName(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(...extensions)),
  );
  const signature = bits(sign('sha256', toBeSigned, signingKey));
  return new X509Certificate(sequence(toBeSigned, ecdsaWithSha256, signature)).toString();
}

function createExtension(id: string, isCritical: boolean, value: Buffer): Buffer {
  return sequence(objectId(id), ...(isCritical ? [yes] : []), octets(value));
}

function encodeName(commonName: string): Buffer {
  return sequence(tagged(0x31, sequence(objectId('2.5.4.3'), text(commonName))));
}

function encodeDnsName(value: string): Buffer {
  return tagged(0x82, Buffer.from(value));
}

function encodeIpAddress(bytes: number[]): Buffer {
  return tagged(0x87, Buffer.from(bytes));
}

function makeKeys(): Keys {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function computeKeyId(publicKey: KeyObject): Buffer {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest()
    .subarray(0, 20);
}
