/**
 * Returns whether a pattern matches a whole text. `*` matches any run of characters; every other character matches itself,
 * case-sensitively. All patterns in Arsia use this function. It takes linear time, so that no pattern can block a replica.
 */
export function matchesPattern(pattern: string, text: string): boolean {
  let star = pattern.indexOf('*');
  if (star < 0) return pattern === text;
  // The pattern is not split first: an identity may have thousands of patterns, and most of them fail here.
  if (!text.startsWith(pattern.slice(0, star))) return false;
  let from = star;
  for (;;) {
    const next = pattern.indexOf('*', star + 1);
    if (next < 0) break;
    const piece = pattern.slice(star + 1, next);
    const at = text.indexOf(piece, from);
    if (at < 0) return false;
    from = at + piece.length;
    star = next;
  }
  const tail = pattern.slice(star + 1);
  return text.length - tail.length >= from && text.endsWith(tail);
}

export function matchesAny(patterns: readonly string[], text: string): boolean {
  return patterns.some((pattern) => matchesPattern(pattern, text));
}
