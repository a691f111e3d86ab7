import { z } from 'zod';
import { type IdKind, idPrefixes } from '../core/ids.ts';

/** The type of a column: in PostgreSQL (`stored`), in a row (`Value`) and in an answer (`Answer`). */
export interface Column<Value = unknown, Answer extends z.ZodType = z.ZodType> {
  /** The PostgreSQL name of the type. */
  stored: 'text' | 'text[]' | 'integer' | 'boolean' | 'bytea' | 'jsonb' | 'timestamp with time zone';
  isNullable: boolean;
  answer: Answer;
  /** The allowed values, where the schema has a CHECK list. */
  values?: readonly string[];
  /** Converts a value that is not null for an answer. Without it, an answer has the value itself. */
  show?(value: Value): z.input<Answer>;
  /** Never set. It carries the type `Value`. */
  readonly value?: Value;
}

function column<Value, Answer extends z.ZodType>(
  stored: Column['stored'],
  answer: Answer,
  values?: readonly string[],
): Column<Value, Answer> {
  return { stored, isNullable: false, answer, ...(values && { values }) };
}

export const text = column<string, z.ZodString>('text', z.string());
export const texts = column<string[], z.ZodArray<z.ZodString>>('text[]', z.array(z.string()));
export const integer = column<number, z.ZodInt>('integer', z.int());
export const boolean = column<boolean, z.ZodBoolean>('boolean', z.boolean());
export const bytes = column<Uint8Array, z.ZodNever>('bytea', z.never());

/** A time: a `Date` in a row, RFC 3339 in UTC in an answer. */
export const time: Column<Date, z.ZodISODateTime> = {
  ...column('timestamp with time zone', z.iso.datetime().meta({ examples: ['2026-01-31T12:00:00.000Z'] })),
  show: (date) => date.toISOString(),
};

/** Counts the changes of a row. */
export const version = column<number, z.ZodInt>(
  'integer',
  z
    .int()
    .min(0)
    .meta({ description: 'Goes up with every change; the `ETag` of the answer.', examples: [3] }),
);

/** The random part of the ids in examples. */
const exampleId = '01jd2ze0q8v5n3w4x6y7t9m2ab';

/** Returns the column of an id of this kind. */
export function id(kind: IdKind): Column<string, z.ZodString> {
  const prefix = idPrefixes[kind];
  const answer = z.string().regex(new RegExp(`^${prefix}_[0-9a-z]{26}$`));
  return column('text', answer.meta({ examples: [`${prefix}_${exampleId}`] }));
}

/**
 * Returns the column of one of these values. The database has the same list as a CHECK; test/database/schema.test.ts
 * compares.
 */
export function oneOf<const Values extends readonly string[]>(values: Values) {
  return column<Values[number], z.ZodEnum<{ [Value in Values[number]]: Value }>>(
    'text',
    z.enum(values, `must be one of ${values.join(', ')}`),
    values,
  );
}

/** Returns the column of an object in `jsonb`. Never an array: pg would send it as a PostgreSQL array. */
export function json<Answer extends z.ZodType>(answer: Answer): Column<z.output<Answer>, Answer> {
  return column('jsonb', answer);
}

export function nullable<Value, Answer extends z.ZodType>(
  of: Column<Value, Answer>,
): Column<Value | null, z.ZodNullable<Answer>> {
  return { ...of, isNullable: true, answer: of.answer.nullable() } as Column<Value | null, z.ZodNullable<Answer>>;
}
