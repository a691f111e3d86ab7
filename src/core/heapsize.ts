/** Bytes of a pointer, and of one slot of an array or object: V8 as Node builds it, 64 bits without pointer compression. */
const slot = 8;
/** Header of a string, of an array with its elements, and of an object with its share of hidden classes. */
const headers = { string: 16, array: 48, object: 56 };
/** Bytes of a property without its value: the slot, and the entry in the descriptors of the hidden class. */
const property = 32;
/** Bytes of the heap object of a number that is not a small integer. */
const boxed = 16;

/**
 * Estimates the heap bytes of a value that was parsed from JSON. `test/core/heapsize.test.ts` measures that the estimate is
 * between 0.9 and 3 times what V8 uses. A string that several values share is counted for each of them.
 */
export function estimateHeapBytes(value: unknown): number {
  if (typeof value === 'string') return stringBytes(value);
  if (typeof value === 'number') return Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? 0 : boxed;
  if (typeof value !== 'object' || value === null) return 0;
  let bytes = 0;
  if (Array.isArray(value)) {
    for (const element of value) bytes += slot + estimateHeapBytes(element);
    return headers.array + bytes;
  }
  const members = value as Record<string, unknown>;
  for (const name of Object.keys(members)) bytes += property + stringBytes(name) + estimateHeapBytes(members[name]);
  return headers.object + bytes;
}

/** V8 stores a character in one byte, or in two when any of the string is beyond Latin-1 (here: beyond ASCII). */
function stringBytes(text: string): number {
  const width = Buffer.byteLength(text) === text.length ? 1 : 2;
  return headers.string + Math.ceil((text.length * width) / slot) * slot;
}
