/** Returns a character as HCL and YAML both escape it: `\uXXXX`, or `\UXXXXXXXX` above U+FFFF. */
export function escapeCodePoint(character: string): string {
  const code = character.codePointAt(0)!;
  return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}
