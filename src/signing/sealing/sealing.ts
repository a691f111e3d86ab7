import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/**
 * Envelope encryption of what must not be readable in the database or in a dump of it. Every secret has a data key of its own
 * (AES-256-GCM); a key-encryption key seals the data key. The additional data names table, row and purpose, so that a sealed
 * value moved to another row, or used for something else, does not open.
 */
export interface KeyEncryptionKey {
  /** Names the key in what it sealed; printable ASCII, at most 255 bytes, and no secret. */
  readonly id: string;
  wrap(dataKey: Uint8Array): Promise<Uint8Array>;
  /** Throws when this key did not wrap it. */
  unwrap(wrapped: Uint8Array): Promise<Uint8Array>;
}

/** Where a secret belongs. `row` is the primary key; `purpose` says what the secret is for. */
export interface SealingContext {
  table: string;
  row: string;
  purpose: string;
}

export interface Sealer {
  seal(plaintext: Uint8Array, context: SealingContext): Promise<Uint8Array>;
  /** Throws a SealingError when the value is damaged, belongs elsewhere or was sealed under another key. */
  open(sealed: Uint8Array, context: SealingContext): Promise<Uint8Array>;
  /** The same secret with its data key sealed under the present key; the value as it was when it already is. */
  reseal(sealed: Uint8Array, context: SealingContext): Promise<Uint8Array>;
}

/** Never leaves Arsia as text: outward it is `internal`, and the log has it. */
export class SealingError extends Error {
  override readonly name = 'SealingError';
}

const format = 1;
const nonceBytes = 12;
const tagBytes = 16;

/**
 * Seals under `kek`; opens also what one of `former` sealed, until `reseal` has moved everything.
 *
 * The sealed value: format (1 byte), length and text of the key's id (1 + n), length of the wrapped data key (2) and itself,
 * nonce (12), ciphertext, tag (16).
 */
export function createSealer(kek: KeyEncryptionKey, former: readonly KeyEncryptionKey[] = []): Sealer {
  const keys = new Map([...former, kek].map((key) => [key.id, key]));

  async function dataKeyOf(parts: SealedParts, context: SealingContext): Promise<Uint8Array> {
    const key = keys.get(parts.kekId);
    if (key === undefined)
      throw new SealingError(
        `${nameOf(context)} is sealed under the key ${parts.kekId}, and this replica has ${[...keys.keys()].join(', ')}. Give it the sealing key that it was sealed with.`,
      );
    try {
      return await key.unwrap(parts.wrapped);
    } catch (cause) {
      throw damaged(context, cause);
    }
  }

  async function open(sealed: Uint8Array, context: SealingContext): Promise<Uint8Array> {
    const parts = parse(sealed, context);
    const dataKey = await dataKeyOf(parts, context);
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
      // Opened in full first: a value that is damaged or misplaced must not look fresh.
      (await open(sealed, context)).fill(0);
      const parts = parse(sealed, context);
      if (parts.kekId === kek.id) return sealed;
      const dataKey = await dataKeyOf(parts, context);
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
    throw new SealingError(`${nameOf(context)} is sealed in a format that this version of Arsia does not know.`);
  const kekId = take(take(1)[0]!).toString('latin1');
  const wrapped = take(take(2).readUInt16BE());
  const nonce = take(nonceBytes);
  const ciphertext = take(Math.max(0, bytes.length - from - tagBytes));
  return { kekId, wrapped, nonce, ciphertext, tag: take(tagBytes) };
}

/** JSON of an array: no two contexts share these bytes, whatever their members hold. */
function additionalData(context: SealingContext): Buffer {
  return Buffer.from(JSON.stringify(['arsia', format, context.table, context.row, context.purpose]));
}

function damaged(context: SealingContext, cause?: unknown): SealingError {
  return new SealingError(
    `${nameOf(context)} does not open: it was damaged, altered, or moved from another row.`,
    cause === undefined ? undefined : { cause },
  );
}

function nameOf(context: SealingContext): string {
  return `The ${context.purpose} of ${context.table} ${context.row}`;
}
