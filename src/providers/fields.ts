import { z } from 'zod';

/**
 * A field of settings, declared once: validation, OpenAPI, forms and docs use its title, help and example. Every message
 * shows the example.
 */
export interface FieldText<Value> {
  title: string;
  description: string;
  example: Value;
}

export function textField(text: FieldText<string>, pattern: RegExp, rule: string): z.ZodString {
  const error = mustBe(rule, text.example);
  return z.string({ error }).regex(pattern, { error }).meta(toMeta(text));
}

export function choiceField<const Choices extends readonly [string, ...string[]]>(
  text: FieldText<Choices[number]>,
  choices: Choices,
) {
  const error = mustBe(`one of ${choices.join(', ')}`, text.example);
  return z.enum(choices, { error }).meta(toMeta(text));
}

export function secondsField(text: FieldText<number>, least: number, most: number): z.ZodNumber {
  const error = mustBe(`whole seconds from ${least} to ${most}`, text.example);
  return z.number({ error }).int({ error }).min(least, { error }).max(most, { error }).meta(toMeta(text));
}

export function booleanField(text: FieldText<boolean>): z.ZodBoolean {
  return z.boolean({ error: mustBe('true or false', text.example) }).meta(toMeta(text));
}

export function mustBe(rule: string, example: unknown): string {
  return `must be ${rule}, such as ${JSON.stringify(example)}`;
}

export function toMeta<Value>({ title, description, example }: FieldText<Value>) {
  return { title, description, examples: [example] };
}
