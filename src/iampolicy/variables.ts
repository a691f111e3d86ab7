import type { Context } from './context.ts';
import { literal, type Pattern, wildcards } from './patterns.ts';

/** A text of a policy: parts that are text, and variables. */
export interface Template {
  parts: readonly (string | Variable)[];
  /** The reason why the variables cannot be read; the text is then one part. */
  fault?: string;
}

export interface Variable {
  /** A condition key, or one of the characters `*`, `?` and `$`, which stand for themselves. */
  key: string;
  fallback?: string | undefined;
}

const characters = ['*', '?', '$'];

/** Returns the parts of a text. Only policies of Version 2012-10-17 have variables: `${key}` and `${key, 'default'}`. */
export function parseTemplate(text: string, hasVariables: boolean): Template {
  if (!hasVariables || !text.includes('${')) return { parts: [text] };
  const parts: (string | Variable)[] = [];
  let from = 0;
  for (let open = text.indexOf('${'); open >= 0; open = text.indexOf('${', from)) {
    if (open > from) parts.push(text.slice(from, open));
    const close = text.indexOf('}', open);
    const variable = close < 0 ? undefined : parseVariable(text.slice(open + 2, close));
    if (variable === undefined)
      return { parts: [text], fault: 'has a policy variable without a condition key or its closing brace' };
    parts.push(variable);
    from = close + 1;
  }
  if (from < text.length) parts.push(text.slice(from));
  return { parts };
}

function parseVariable(text: string): Variable | undefined {
  if (characters.includes(text)) return { key: text };
  const comma = text.indexOf(',');
  const key = comma < 0 ? text : text.slice(0, comma);
  if (key === '' || key.trim() !== key || key.includes('$') || key.includes('{') || key.includes('*')) return undefined;
  if (comma < 0) return { key };
  const fallback = text.slice(comma + 1).trim();
  if (fallback.length < 2 || !fallback.startsWith("'") || !fallback.endsWith("'")) return undefined;
  return { key, fallback: fallback.slice(1, -1) };
}

/** Returns the condition keys of the variables of a template. */
export function variableKeys({ parts }: Template): string[] {
  return parts.flatMap((part) => (typeof part === 'string' || characters.includes(part.key) ? [] : [part.key]));
}

export interface Operand {
  /** For operators without wildcards. */
  text: string;
  /** For operators with wildcards. */
  pattern: Pattern;
}

/**
 * Returns the text with the values of its variables. `unresolved`: a key is absent and has no default, or has a list of values, whose
 * default does not count (cases/aws-facts.md 30). `unknown`: it depends on a key that the caller does not know.
 */
export function resolve(template: Template, context: Context): Operand | 'unresolved' | 'unknown' {
  let text = '';
  const pattern: number[] = [];
  let isUnknown = template.fault !== undefined;
  for (const part of template.parts) {
    const value = typeof part === 'string' ? part : findValue(part, context);
    if (value === 'unresolved') return 'unresolved';
    if (typeof value !== 'string') {
      if (value.text === undefined) isUnknown = true;
      else {
        text += value.text;
        for (const code of literal(value.text)) pattern.push(code);
      }
      continue;
    }
    text += value;
    for (const token of wildcards(value)) pattern.push(token);
  }
  return isUnknown ? 'unknown' : { text, pattern };
}

/** Returns the value of a variable, which has no wildcards; its text is undefined where the caller does not know the key. */
function findValue({ key, fallback }: Variable, context: Context): { text: string | undefined } | 'unresolved' {
  if (characters.includes(key)) return { text: key };
  const fact = context.find(key.toLowerCase());
  if (fact === 'unknown') return { text: undefined };
  if (fact === undefined) return fallback === undefined ? 'unresolved' : { text: fallback };
  return fact.isList || fact.values.length !== 1 ? 'unresolved' : { text: fact.values[0]! };
}
