/**
 * The one matcher for every pattern that Arsia reads from people: `*` stands for any run of characters, everything else for
 * itself; anchored at both ends, case-sensitive. Linear in time, so no pattern can hang a replica.
 */
export function matchesPattern(pattern: string, text: string): boolean {
  let star = pattern.indexOf('*');
  if (star < 0) return pattern === text;
  // Cut piece by piece: an identity may have thousands of patterns, and most of them end here.
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
