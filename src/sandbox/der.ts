/** The few DER forms that a certificate is made of (ITU-T X.690). */
export function tagged(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  // The shortest form of a length, or strict readers refuse the whole certificate.
  const long = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  const header = [tag, ...(length < 0x80 ? [length] : long)];
  return Buffer.concat([Buffer.from(header), content]);
}

export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return tagged(0x30, ...parts);
}

/** A positive INTEGER; a zero byte goes in front where the first bit would make it negative. */
export function integer(bytes: Uint8Array): Buffer {
  return tagged(0x02, ...(bytes[0]! & 0x80 ? [Buffer.from([0])] : []), bytes);
}

export function octets(...parts: readonly Uint8Array[]): Buffer {
  return tagged(0x04, ...parts);
}

/** A BIT STRING; `unused` bits at its end do not count. */
export function bits(bytes: Uint8Array, unused = 0): Buffer {
  return tagged(0x03, Buffer.from([unused]), bytes);
}

export const yes = tagged(0x01, Buffer.from([0xff]));

export function text(value: string): Buffer {
  return tagged(0x0c, Buffer.from(value));
}

/** From milliseconds since 1970: UTCTime up to 2049, then GeneralizedTime (RFC 5280 4.1.2.5). */
export function time(at: number): Buffer {
  const digits = new Date(at).toISOString().replace(/\D/g, '').slice(0, 14);
  return digits < '2050' ? tagged(0x17, Buffer.from(`${digits.slice(2)}Z`)) : tagged(0x18, Buffer.from(`${digits}Z`));
}

/** An OBJECT IDENTIFIER from its dotted form. */
export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return tagged(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const bytes = [value & 0x7f];
  for (let left = value >> 7; left > 0; left >>= 7) bytes.unshift((left & 0x7f) | 0x80);
  return bytes;
}
