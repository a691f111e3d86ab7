/** Encodes a DER value with a tag (ITU-T X.690). This file has only the forms that a certificate needs. */
export function tagged(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  // DER requires the shortest form of a length; strict parsers refuse another.
  const long = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  const header = [tag, ...(length < 0x80 ? [length] : long)];
  return Buffer.concat([Buffer.from(header), content]);
}

export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return tagged(0x30, ...parts);
}

/** Encodes a positive INTEGER. Adds a zero byte where the first bit would make it negative. */
export function integer(bytes: Uint8Array): Buffer {
  return tagged(0x02, ...(bytes[0]! & 0x80 ? [Buffer.from([0])] : []), bytes);
}

export function octets(...parts: readonly Uint8Array[]): Buffer {
  return tagged(0x04, ...parts);
}

/** Encodes a BIT STRING. `unused` is the number of bits at its end that do not count. */
export function bits(bytes: Uint8Array, unused = 0): Buffer {
  return tagged(0x03, Buffer.from([unused]), bytes);
}

export const yes = tagged(0x01, Buffer.from([0xff]));

export function text(value: string): Buffer {
  return tagged(0x0c, Buffer.from(value));
}

/** Encodes milliseconds since 1970 as UTCTime up to 2049, then as GeneralizedTime (RFC 5280 4.1.2.5). */
export function time(milliseconds: number): Buffer {
  const digits = new Date(milliseconds).toISOString().replace(/\D/g, '').slice(0, 14);
  return digits < '2050' ? tagged(0x17, Buffer.from(`${digits.slice(2)}Z`)) : tagged(0x18, Buffer.from(`${digits}Z`));
}

/** Encodes an OBJECT IDENTIFIER from its dotted form. */
export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return tagged(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(encodeBase128)]));
}

function encodeBase128(value: number): number[] {
  const bytes = [value & 0x7f];
  for (let left = value >> 7; left > 0; left >>= 7) bytes.unshift((left & 0x7f) | 0x80);
  return bytes;
}
