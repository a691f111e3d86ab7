import { z } from 'zod';
import type { Column } from './columns.ts';
import { nameMember, type nameOfId, namesMember, type namesOfIds } from './names.ts';

/** A field of an entity. Tables, requests, answers and audit records are derived from it. */
export interface Field {
  /** The type of its column. A field without a column is not stored, and appears only in requests or only in answers. */
  column?: Column;
  /** True where the column has a default in the database. */
  hasDefault?: true;
  /** The schema in answers. Default: that of the column. `null`: answers do not have the field. */
  answer?: z.ZodType | null;
  /**
   * The description in the OpenAPI document, of answers and of requests whose schema has none. Default: that of the field
   * names which most entities have.
   */
  meaning?: string;
  /**
   * The field whose id this names in answers: a login, the name of a team, or a path. It has no column: the kernel fills it in
   * (src/http/kernel/names.ts). `meaning` is then of requests.
   */
  nameOf?: string;
  /** The same for a field that is a list of ids: an object with the names by id. */
  namesOf?: string;
  /** A value that is valid in requests and answers, for the OpenAPI document. */
  example?: unknown;
  /** The schema in create requests. Without it, the server sets the field. */
  create?: z.ZodType;
  /** The schema in change requests. Without it, the field never changes. */
  change?: z.ZodType;
  /** True where the audit record of the creation has the field. The record of a change has every field in the request. */
  audited?: true;
}

export type Fields = Record<string, Field>;
type Values = Record<string, unknown>;

/** A row of the table. */
export type Row<Entity extends { fields: Fields }> = Listed<StoredValues<Entity['fields']>>;

/** The parsed request that creates the entity. */
export type Created<Entity extends { create: z.ZodType }> = z.output<Entity['create']>;

/** The parsed request that changes the entity. */
export type Changed<Entity extends { change: z.ZodType }> = z.output<Entity['change']>;

/** The same type with its members expanded, for readable messages of the compiler. */
type Listed<Type> = Type extends infer Members ? { [Name in keyof Members]: Members[Name] } : never;

type StoredValues<All extends Fields> = {
  -readonly [Name in keyof All as All[Name] extends { column: Column } ? Name : never]: All[Name] extends {
    column: Column<infer Value>;
  }
    ? Value
    : never;
};

type AnswerOf<One extends Field> = One extends { nameOf: string }
  ? typeof nameOfId
  : One extends { namesOf: string }
    ? typeof namesOfIds
    : One extends { answer: infer Answer }
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

/** The input of `present`: the values of the columns, and, as in the answer, those of fields that are neither stored nor names. */
type Shown<All extends Fields> = {
  [Name in keyof AnswerShape<All> as All[Name & keyof All] extends { nameOf: string } | { namesOf: string }
    ? never
    : Name]: All[Name & keyof All] extends { column: Column<infer Value> } ? Value : z.output<AnswerShape<All>[Name]>;
};

interface Entity<All extends Fields> {
  table: string;
  fields: All;
  /** The names of the columns, in the order of the fields. */
  columns: (keyof StoredValues<All> & string)[];
  create: z.ZodObject<RequestShape<All, 'create'>, z.core.$strict>;
  change: z.ZodObject<RequestShape<All, 'change'>, z.core.$strict>;
  answer: z.ZodObject<AnswerShape<All>, z.core.$strict>;
  /** Returns the answer for a row. Other members of the row are left out. */
  present(row: Listed<Shown<All>>): z.output<z.ZodObject<AnswerShape<All>, z.core.$strict>>;
  /**
   * Returns the columns that a request gives, for the new row: null where the request leaves out a column that may be null.
   * The action sets a column whose rows have another type than the request.
   */
  given(input: Pick<z.output<z.ZodObject<RequestShape<All, 'create'>>>, keyof Given<All>>): Listed<Given<All>>;
  /** Returns the audited fields of a new row, for `detail` of its audit record. */
  recorded(row: Listed<Audited<All>>): Values;
}

/**
 * Declares an entity: the name of its table, the name of its schema in the OpenAPI document, and its fields. The document
 * lists members in the order of the fields. `createFirst` names those that are first in the create request.
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
  const shapeOf = (schemaOf: (field: Field, name: string) => z.ZodType | null | undefined, first: string[] = []) => {
    const names = [...first, ...all.filter(([name, field]) => schemaOf(field, name)).map(([name]) => name)];
    return Object.fromEntries(names.map((name) => [name, schemaOf(fields[name]!, name)!]));
  };
  const answer = shapeOf(answerOf);
  const answered = Object.keys(answer);
  const recorded = namesOf((field) => field.audited === true);
  const given = namesOf((field) => field.create !== undefined && field.column !== undefined);
  const parts = {
    table,
    fields,
    columns: namesOf((field) => field.column !== undefined),
    create: z.strictObject(shapeOf((field, name) => describe(field.create, field, name), createFirst)),
    change: z.strictObject(shapeOf((field, name) => describe(field.change, field, name))),
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

/** Meanings of fields that most entities have. */
const usualMeanings: Readonly<Record<string, string>> = {
  id: 'The id. It never changes.',
  organization_id: 'The id of the organisation that it belongs to.',
  created_at: 'The time of its creation.',
};

function answerOf({ answer, column, ...field }: Field, name: string): z.ZodType | null | undefined {
  if (field.nameOf !== undefined) return nameMember(field.nameOf, field.example);
  if (field.namesOf !== undefined) return namesMember(field.namesOf);
  const schema = answer === undefined ? column?.answer : answer;
  const meaning = field.meaning ?? usualMeanings[name];
  return schema && withMeta(schema, meaning, field.example);
}

/** Returns the schema of a request with the description and example of its field. Its own description remains. */
function describe(schema: z.ZodType | undefined, { meaning, example }: Field, name: string): z.ZodType | undefined {
  return schema && withMeta(schema, schema.description ?? meaning ?? usualMeanings[name], example);
}

function withMeta(schema: z.ZodType, description: string | undefined, example: unknown): z.ZodType {
  const meta = {
    ...(description !== undefined && description !== schema.description && { description }),
    ...(example !== undefined && { examples: [example] }),
  };
  return Object.keys(meta).length === 0 ? schema : schema.meta(meta);
}

function shown(value: unknown, { column, nameOf, namesOf }: Field): unknown {
  if (nameOf !== undefined) return null;
  if (namesOf !== undefined) return {};
  return value === null || column?.show === undefined ? value : column.show(value);
}
