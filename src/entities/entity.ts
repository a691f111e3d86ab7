import { z } from 'zod';
import type { Column } from './columns.ts';

/** One field of an entity. Everything that the tables, the requests, the answers and the audit say of it follows from this. */
export interface Field {
  /** The type of its column. A field without one is not stored: it is only asked for, or only shown. */
  column?: Column;
  /** True where the schema of the database gives the column a default. */
  hasDefault?: true;
  /** The schema in answers: that of the column unless it is given here. `null`: answers leave the field out. */
  answer?: z.ZodType | null;
  /** For readers of the OpenAPI document. */
  meaning?: string;
  /** The schema in the request that creates the entity. Without it the server sets the field. */
  create?: z.ZodType;
  /** The schema in the request that changes the entity. Without it the field never changes. */
  change?: z.ZodType;
  /** True where the audit record of the creation has the field. The record of a change has every field that was sent. */
  audited?: true;
}

export type Fields = Record<string, Field>;
type Values = Record<string, unknown>;

/** A row of the table. */
export type Row<Entity extends { fields: Fields }> = Listed<StoredValues<Entity['fields']>>;

/** What a request to create the entity holds, once its schema has parsed it. */
export type Created<Entity extends { create: z.ZodType }> = z.output<Entity['create']>;

/** What a request to change the entity holds, once its schema has parsed it. */
export type Changed<Entity extends { change: z.ZodType }> = z.output<Entity['change']>;

/** The same type, which messages of the compiler spell out member by member. */
type Listed<Type> = Type extends infer Members ? { [Name in keyof Members]: Members[Name] } : never;

type StoredValues<All extends Fields> = {
  -readonly [Name in keyof All as All[Name] extends { column: Column } ? Name : never]: All[Name] extends {
    column: Column<infer Value>;
  }
    ? Value
    : never;
};

type AnswerOf<One extends Field> = One extends { answer: infer Answer }
  ? Answer
  : One extends { column: Column<unknown, infer Answer> }
    ? Answer
    : null;

type AnswerShape<All extends Fields> = {
  -readonly [Name in keyof All as AnswerOf<All[Name]> extends z.ZodType ? Name : never]: AnswerOf<
    All[Name]
  > extends infer Answer extends z.ZodType
    ? Answer
    : never;
};

/** The values of the audited columns. */
type Audited<All extends Fields> = {
  [Name in keyof StoredValues<All> as All[Name & keyof All] extends { audited: true }
    ? Name
    : never]: StoredValues<All>[Name];
};

type RequestShape<All extends Fields, Request extends 'create' | 'change'> = {
  -readonly [Name in keyof All as All[Name] extends Record<Request, z.ZodType>
    ? Name
    : never]: All[Name] extends Record<Request, infer Schema extends z.ZodType> ? Schema : never;
};

/** The columns that a request to create the entity gives, as their rows have them. */
type Given<All extends Fields> = {
  [Name in keyof StoredValues<All> as All[Name & keyof All] extends { create: z.ZodType<infer Sent> }
    ? Exclude<Sent, undefined> extends StoredValues<All>[Name]
      ? Name
      : never
    : never]: StoredValues<All>[Name];
};

/** What an answer is made of: the values of its columns, and as it shows them those of fields that are not stored. */
type Shown<All extends Fields> = {
  [Name in keyof AnswerShape<All>]: All[Name & keyof All] extends { column: Column<infer Value> }
    ? Value
    : z.output<AnswerShape<All>[Name]>;
};

interface Entity<All extends Fields> {
  table: string;
  fields: All;
  /** The names of the columns, in the order of the fields. */
  columns: (keyof StoredValues<All> & string)[];
  create: z.ZodObject<RequestShape<All, 'create'>, z.core.$strict>;
  change: z.ZodObject<RequestShape<All, 'change'>, z.core.$strict>;
  answer: z.ZodObject<AnswerShape<All>, z.core.$strict>;
  /** Returns the answer for a row, without what else the row holds. */
  present(row: Listed<Shown<All>>): z.output<z.ZodObject<AnswerShape<All>, z.core.$strict>>;
  /**
   * Returns the columns that a request gives, for the new row: null where it leaves out one that may be null. A column whose
   * rows have another type than the request is for the action to set.
   */
  given(input: Pick<z.output<z.ZodObject<RequestShape<All, 'create'>>>, keyof Given<All>>): Listed<Given<All>>;
  /** Returns the audited fields of a new row, for the detail of its audit record. */
  recorded(row: Listed<Audited<All>>): Values;
}

/**
 * Declares an entity: the name of its table, that of its schema in the OpenAPI document, and its fields. The document lists
 * members in the order of the fields; `createFirst` names those that come first in the request that creates the entity.
 */
export function entity<All extends Fields>(declared: {
  table: string;
  schema: string;
  fields: All;
  createFirst?: (keyof RequestShape<All, 'create'> & string)[];
}): Entity<All> {
  const { table, schema, fields, createFirst = [] } = declared;
  const all = Object.entries<Field>(fields);
  const namesOf = (has: (field: Field) => boolean) => all.filter(([, field]) => has(field)).map(([name]) => name);
  const shapeOf = (schemaOf: (field: Field) => z.ZodType | null | undefined, first: string[] = []) => {
    const names = [...first, ...namesOf((field) => Boolean(schemaOf(field)))];
    return Object.fromEntries(names.map((name) => [name, schemaOf(fields[name]!)!]));
  };
  const answer = shapeOf(answerOf);
  const answered = Object.keys(answer);
  const recorded = namesOf((field) => field.audited === true);
  const given = namesOf((field) => field.create !== undefined && field.column !== undefined);
  const parts = {
    table,
    fields,
    columns: namesOf((field) => field.column !== undefined),
    create: z.strictObject(shapeOf((field) => field.create, createFirst)),
    change: z.strictObject(shapeOf((field) => field.change)),
    answer: z.strictObject(answer).meta({ id: schema }),
    present: (row: Values) => Object.fromEntries(answered.map((name) => [name, shown(row[name], fields[name]!)])),
    given: (input: Values) =>
      Object.fromEntries(
        given.map((name) => [name, input[name] ?? (fields[name]!.column!.isNullable ? null : undefined)]),
      ),
    recorded: (row: Values) => Object.fromEntries(recorded.map((name) => [name, row[name]])),
  };
  return parts as unknown as Entity<All>;
}

function answerOf({ answer, column, meaning }: Field): z.ZodType | null | undefined {
  const schema = answer === undefined ? column?.answer : answer;
  return meaning === undefined ? schema : schema?.meta({ description: meaning });
}

function shown(value: unknown, { column }: Field): unknown {
  return value === null || column?.show === undefined ? value : column.show(value);
}
