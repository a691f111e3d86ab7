import type { z } from 'zod';
import { createSchema, type ZodOpenApiOverride } from 'zod-openapi';
import { identityType, settings } from '../../../entities/inputs.ts';
import { identityKinds } from '../../../services/identities/kinds.ts';

type Kind = (typeof identityKinds)[number];
type Form = 'input' | 'output';

/**
 * The settings of every type, for the OpenAPI document. A request may leave out members with a default, and an answer always
 * has them, so a type with defaults has two forms: `AwsSettings` in requests, `AwsSettingsOutput` in answers.
 */
export function settingsComponents() {
  return Object.fromEntries(
    identityKinds.flatMap((kind) => formsOf(kind).map((form) => [nameOf(kind, form), schemaOf(kind, form)])),
  );
}

/** Descriptions for readers of the document, in addition to those of the schemas. */
export const withSettings: ZodOpenApiOverride = (context) => {
  const { jsonSchema, zodSchema, io } = context;
  plain(context);
  // The member `type` says which of them it is.
  if (isMadeFrom(zodSchema, settings))
    Object.assign(jsonSchema, {
      type: 'object',
      anyOf: identityKinds.map((kind) => ({ $ref: `#/components/schemas/${nameOf(kind, io)}` })),
      propertyNames: undefined,
      additionalProperties: undefined,
    });
  if (isMadeFrom(zodSchema, identityType))
    Object.assign(jsonSchema, { enum: identityKinds.map(({ type }) => type), pattern: undefined });
};

/** Returns whether the schema is `base`, or `base` with another description. */
function isMadeFrom(schema: z.core.$ZodType, base: z.core.$ZodType): boolean {
  return schema === base || (schema._zod.parent !== undefined && isMadeFrom(schema._zod.parent, base));
}

/** Removes what does not help a reader: the pattern of dates with leap years, and the limits of JavaScript's integers. */
const plain: ZodOpenApiOverride = ({ jsonSchema }) => {
  if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
};

function schemaOf({ settings }: Kind, io: Form) {
  return createSchema(settings, { io, opts: { override: plain } }).schema;
}

function formsOf(kind: Kind): Form[] {
  const isOne = JSON.stringify(schemaOf(kind, 'input')) === JSON.stringify(schemaOf(kind, 'output'));
  return isOne ? ['input'] : ['input', 'output'];
}

function nameOf(kind: Kind, io: Form): string {
  const words = kind.type.split('_').map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`);
  const name = `${words.join('')}Settings`;
  return io === 'output' && formsOf(kind).includes('output') ? `${name}Output` : name;
}
