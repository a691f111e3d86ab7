import { z } from 'zod';
import type { Body } from '../support/client.ts';

/** The JSON Schema of a field, made from the schema that validates requests. */
interface FieldSchema {
  type?: string;
  properties?: Record<string, FieldSchema>;
  additionalProperties?: boolean | FieldSchema;
  items?: FieldSchema;
  anyOf?: FieldSchema[];
  enum?: unknown[];
  const?: unknown;
  minimum?: number;
  maximum?: number;
}

export interface Field {
  /** RFC 6901 pointer in the body. */
  pointer: string;
  schema: FieldSchema;
}

/** Lists every field of a body, with nested ones; the root has the pointer ''. */
export function fieldsOf(schema: z.ZodType, at = ''): Field[] {
  return walk(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as FieldSchema, at);
}

function walk(schema: FieldSchema, pointer: string): Field[] {
  const members = Object.entries(schema.properties ?? {});
  return [{ pointer, schema }, ...members.flatMap(([name, member]) => walk(member, `${pointer}/${name}`))];
}

const huge = 'x'.repeat(30_000);
/** Placeholder of ten thousand nested arrays, which JSON.stringify cannot write. */
const deep = '<deep>';
/** N43: texts that a database or a parser may fail on. */
const badTexts = ['\0', 'a\0b', '\ud800', 'a\udfffb', '\u001b[2J', huge];
const badNumbers = [-1, 0, 0.5, 1e9, 2 ** 53, 1e308, -(2 ** 63), '900', '1e9', 'NaN'];
const wrongTypes: Record<string, unknown[]> = {
  string: [1, true, [], {}, null],
  integer: [true, [], {}, null],
  number: [true, [], {}, null],
  boolean: ['true', 1, [], {}, null],
  array: ['x', 1, {}, null, true],
  object: ['x', 1, [], null, true],
};

/** Returns values that are invalid for the field. */
export function badValuesFor({ schema }: Field): unknown[] {
  const { type, anyOf, enum: choices, const: only } = schema;
  if (anyOf !== undefined) return anyOf.some((one) => one.type === 'null') ? [1, true, 'x'] : [true, {}, [], -1, huge];
  if (choices !== undefined || only !== undefined) return ['nonsense', 'VIEWER', '\0', 1, null, [], {}];
  const wrong = type === undefined ? [] : (wrongTypes[type] ?? []);
  if (type === 'string') return [...wrong, ...badTexts, deep];
  if (type === 'integer' || type === 'number') {
    const { minimum = 0, maximum = Number.MAX_SAFE_INTEGER } = schema;
    const isRight = (value: unknown) =>
      Number.isSafeInteger(value) && Number(value) >= minimum && Number(value) <= maximum;
    return [...wrong, ...badNumbers.filter((value) => !isRight(value))];
  }
  if (type === 'array') return [...wrong, Array.from({ length: 10_000 }, () => 'x'), [deep], ['\0']];
  if (type === 'object') return [...wrong, { '\0': 'x' }, { surprise: deep }];
  return wrong;
}

/** Returns the body as text with the value at the pointer. Missing objects on the way are added. */
export function withValue(body: Body, pointer: string, value: unknown): string {
  const text = JSON.stringify(place(body, pointer, value));
  return text.replaceAll(JSON.stringify(deep), '['.repeat(10_000) + ']'.repeat(10_000));
}

function place(body: Body, pointer: string, value: unknown): unknown {
  if (pointer === '') return value;
  const copy = structuredClone(body);
  const names = pointer.slice(1).split('/');
  const last = names.pop()!;
  let node = copy;
  for (const name of names) {
    node[name] ??= {};
    node = node[name];
  }
  node[last] = value;
  return copy;
}

/** Returns whether an answer names this field, or one in it. */
export function names(answer: { body: Body }, pointer: string): boolean {
  const errors = (answer.body.errors ?? []) as { pointer: string; detail: string }[];
  return errors.some((one) => (one.pointer === pointer || one.pointer.startsWith(`${pointer}/`)) && one.detail !== '');
}
