/**
 * Patterns of policies as tokens: code units, and the wildcards below. A policy variable may hold `*`, which is then a code
 * unit and not a wildcard.
 */
export type Pattern = readonly number[];

/** `?`: one UTF-16 code unit, as AWS counts (cases/aws-facts.md 38). */
const anyOne = -1;
/** `*`: any number of code units, also none. */
const anyRun = -2;

export function literal(text: string): number[] {
  return Array.from({ length: text.length }, (_, index) => text.charCodeAt(index));
}

/** Returns the pattern of a text of a policy, where `*` and `?` are wildcards. */
export function wildcards(text: string): number[] {
  return literal(text).map((code) => (code === 0x2a ? anyRun : code === 0x3f ? anyOne : code));
}

export function hasWildcard(pattern: Pattern): boolean {
  return pattern.some((token) => token < 0);
}

export function splitPattern(pattern: Pattern, separator: number, limit: number): Pattern[] {
  const parts: number[][] = [[]];
  for (const token of pattern) {
    if (token === separator && parts.length < limit) parts.push([]);
    else parts.at(-1)!.push(token);
  }
  return parts;
}

/**
 * Returns whether the whole text matches. Each part between two `*` is searched once and from left to right, with an automaton
 * that reads each character once: no pattern makes it go back.
 */
export function matches(pattern: Pattern, text: string): boolean {
  const parts = splitPattern(pattern, anyRun, Number.POSITIVE_INFINITY);
  const first = parts[0]!;
  if (parts.length === 1) return first.length === text.length && isAt(first, text, 0);
  const last = parts.at(-1)!;
  const end = text.length - last.length;
  let position = first.length;
  if (position > end || !isAt(first, text, 0) || !isAt(last, text, end)) return false;
  for (const part of parts.slice(1, -1)) {
    const found = find(part, text, position, end);
    if (found === undefined) return false;
    position = found + part.length;
  }
  return true;
}

function isAt(part: Pattern, text: string, at: number): boolean {
  return part.every((token, index) => token === anyOne || token === text.charCodeAt(at + index));
}

/** Returns the first place of the part within the text from `from` to before `end`. */
function find(part: Pattern, text: string, from: number, end: number): number | undefined {
  if (part.length === 0) return from;
  if (part.length > end - from) return undefined;
  return part.includes(anyOne) ? findWithGaps(part, text, from, end) : findLiteral(part, text, from, end);
}

/** Knuth, Morris and Pratt. */
function findLiteral(part: Pattern, text: string, from: number, end: number): number | undefined {
  const border = [0];
  for (let index = 1, length = 0; index < part.length; index++) {
    while (length > 0 && part[index] !== part[length]) length = border[length - 1]!;
    if (part[index] === part[length]) length++;
    border.push(length);
  }
  for (let at = from, length = 0; at < end; at++) {
    const code = text.charCodeAt(at);
    while (length > 0 && part[length] !== code) length = border[length - 1]!;
    if (part[length] === code) length++;
    if (length === part.length) return at - length + 1;
  }
  return undefined;
}

/** Shift-And (Baeza-Yates and Gonnet): bit n says that the first n + 1 tokens match up to here, 32 tokens a word. */
function findWithGaps(part: Pattern, text: string, from: number, end: number): number | undefined {
  const size = Math.ceil(part.length / 32);
  const gaps = new Uint32Array(size);
  const masks = new Map<number, Uint32Array>();
  part.forEach((token, index) => {
    if (token === anyOne) gaps[index >> 5]! |= 1 << (index & 31);
  });
  part.forEach((token, index) => {
    if (token === anyOne) return;
    const mask = masks.get(token) ?? gaps.slice();
    mask[index >> 5]! |= 1 << (index & 31);
    masks.set(token, mask);
  });
  const state = new Uint32Array(size);
  const last = part.length - 1;
  for (let at = from; at < end; at++) {
    const mask = masks.get(text.charCodeAt(at)) ?? gaps;
    let carry = 1;
    for (let word = 0; word < size; word++) {
      const next = state[word]! >>> 31;
      state[word] = ((state[word]! << 1) | carry) & mask[word]!;
      carry = next;
    }
    if (state[last >> 5]! & (1 << (last & 31))) return at - last;
  }
  return undefined;
}
