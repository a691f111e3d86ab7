import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/**
 * Envelope encryption of secrets that must not be readable in the database or a dump of it. Every secret has a data key of
 * its own (AES-256-GCM), which a key-encryption key wraps. The additional data names table, row and purpose, so that a sealed
 * value that is moved to another row, or used for another purpose, does not open.
 */
export interface KeyEncryptionKey {
  /** Identifies the key in sealed values: printable ASCII, at most 255 bytes, and not secret. */
  readonly id: string;
  wrap(dataKey: Uint8Array): Promise<Uint8Array>;
  /** Unwraps a data key. Throws when another key wrapped it. */
  unwrap(wrapped: Uint8Array): Promise<Uint8Array>;
}

/** The place of a sealed secret. `row` is the primary key; `purpose` is the use of the secret. */
export interface SealingContext {
  table: string;
  row: string;
  purpose: string;
}

export interface Sealer {
  seal(plaintext: Uint8Array, context: SealingContext): Promise<Uint8Array>;
  /** Opens a sealed value. Throws a SealingError when it is damaged, of another context, or sealed under an unknown key. */
  open(sealed: Uint8Array, context: SealingContext): Promise<Uint8Array>;
  /** Returns the same secret with its data key wrapped by the current key; the value itself where it already is. */
  reseal(sealed: Uint8Array, context: SealingContext): Promise<Uint8Array>;
}

/** An internal error: callers get `internal`, and only the log shows its text. */
export class SealingError extends Error {
  override readonly name = 'SealingError';
}

const format = 1;
const nonceBytes = 12;
const tagBytes = 16;

/**
 * Creates a sealer that seals under `kek`, and also opens values sealed under a key of `former`, until `reseal` has replaced
 * them.
 *
 * Layout of a sealed value in bytes: format (1), length of the key's id (1), the id, length of the wrapped data key (2), the
 * wrapped data key, nonce (12), ciphertext, tag (16).
 */
export function createSealer(kek: KeyEncryptionKey, former: readonly KeyEncryptionKey[] = []): Sealer {
  const keys = new Map([...former, kek].map((key) => [key.id, key]));

  async function unwrapDataKey(parts: SealedParts, context: SealingContext): Promise<Uint8Array> {
    const key = keys.get(parts.kekId);
    if (key === undefined)
      throw new SealingError(
        `${describe(context)} is sealed under the key ${parts.kekId}, and this replica has ${[...keys.keys()].join(', ')}. Give it the sealing key that it was sealed with.`,
      );
    try {
      return await key.unwrap(parts.wrapped);
    } catch (cause) {
      throw damaged(context, cause);
    }
  }

  async function open(sealed: Uint8Array, context: SealingContext): Promise<Uint8Array> {
    const parts = parse(sealed, context);
    const dataKey = await unwrapDataKey(parts, context);
    try {
      const decipher = createDecipheriv('aes-256-gcm', dataKey, parts.nonce, { authTagLength: tagBytes });
      decipher.setAAD(additionalData(context));
      decipher.setAuthTag(parts.tag);
      return Buffer.concat([decipher.update(parts.ciphertext), decipher.final()]);
    } catch (cause) {
      throw damaged(context, cause);
    } finally {
      dataKey.fill(0);
    }
  }

  return {
    async seal(plaintext, context) {
      const dataKey = randomBytes(32);
      const wrapped = await kek.wrap(dataKey);
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', dataKey, nonce, { authTagLength: tagBytes });
      cipher.setAAD(additionalData(context));
      const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
      dataKey.fill(0);
      return format1({ kekId: kek.id, wrapped, nonce, ciphertext, tag: cipher.getAuthTag() });
    },
    open,
    async reseal(sealed, context) {
      // Opens the whole value first: a damaged or misplaced one must not be resealed.
      (await open(sealed, context)).fill(0);
      const parts = parse(sealed, context);
      if (parts.kekId === kek.id) return sealed;
      const dataKey = await unwrapDataKey(parts, context);
      const wrapped = await kek.wrap(dataKey);
      dataKey.fill(0);
      return format1({ ...parts, kekId: kek.id, wrapped });
    },
  };
}

interface SealedParts {
  kekId: string;
  wrapped: Uint8Array;
  nonce: Uint8Array;
  ciphertext: Uint8Array;
  tag: Uint8Array;
}

function format1(parts: SealedParts): Uint8Array {
  const id = Buffer.from(parts.kekId, 'latin1');
  if (id.length === 0 || id.length > 255) throw new SealingError('the id of a sealing key has 1 to 255 bytes');
  const lengths = Buffer.alloc(2);
  lengths.writeUInt16BE(parts.wrapped.length);
  return Buffer.concat([
    Buffer.from([format, id.length]),
    id,
    lengths,
    parts.wrapped,
    parts.nonce,
    parts.ciphertext,
    parts.tag,
  ]);
}

function parse(sealed: Uint8Array, context: SealingContext): SealedParts {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  let from = 0;
  const take = (length: number): Buffer => {
    if (from + length > bytes.length) throw damaged(context);
    from += length;
    return bytes.subarray(from - length, from);
  };
  if (take(1)[0] !== format)
    throw new SealingError(`${describe(context)} is sealed in a format that this version of Arsia does not know.`);
  const kekId = take(take(1)[0]!).toString('latin1');
  const wrapped = take(take(2).readUInt16BE());
  const nonce = take(nonceBytes);
  const ciphertext = take(Math.max(0, bytes.length - from - tagBytes));
  return { kekId, wrapped, nonce, ciphertext, tag: take(tagBytes) };
}

/** A JSON array, so that different contexts always have different bytes. */
function additionalData(context: SealingContext): Buffer {
  return Buffer.from(JSON.stringify(['arsia', format, context.table, context.row, context.purpose]));
}

function damaged(context: SealingContext, cause?: unknown): SealingError {
  return new SealingError(
    `${describe(context)} does not open: it was damaged, altered, or moved from another row.`,
    cause === undefined ? undefined : { cause },
  );
}

function describe(context: SealingContext): string {
  return `The ${context.purpose} of ${context.table} ${context.row}`;
}
