import { createSchema, type ZodOpenApiOverride } from 'zod-openapi';
import { settings } from '../../../entities/inputs.ts';
import { identityKinds } from '../../../services/identities/kinds.ts';

type Kind = (typeof identityKinds)[number];
type Form = 'input' | 'output';

/**
 * The settings of every kind, for the OpenAPI document. What is sent may leave out what has a default and what is answered
 * has it, so that a kind with defaults has two forms: `AwsSettings` as it is sent, `AwsSettingsOutput` as it is answered.
 */
export function settingsComponents() {
  return Object.fromEntries(
    identityKinds.flatMap((kind) => formsOf(kind).map((form) => [nameOf(kind, form), schemaOf(kind, form)])),
  );
}

/** What the schemas say to a reader of the document, beside what they say by themselves. */
export const withSettings: ZodOpenApiOverride = (context) => {
  const { jsonSchema, zodSchema, io } = context;
  plain(context);
  // Which of them it is, `type` beside it says.
  if (zodSchema === settings)
    Object.assign(jsonSchema, {
      type: 'object',
      anyOf: identityKinds.map((kind) => ({ $ref: `#/components/schemas/${nameOf(kind, io)}` })),
      propertyNames: undefined,
      additionalProperties: undefined,
    });
};

/** The pattern of every leap year says nothing to a reader, nor do the limits of JavaScript's integers. */
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
