import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { describeIssue } from '../../src/core/issuetexts.ts';
import { routes } from '../../src/http/api/routes.ts';
import { parseWith } from '../../src/http/route.ts';
import { providers } from '../../src/providers/registry.ts';
import { parseSettings } from '../../src/providers/requestedsettings.ts';
import { badValuesFor, fieldsOf, withValue } from '../http/badvalues.ts';

type Thrown = { more?: { fields?: { pointer: string; detail: string }[] } };

function textsOf(parse: () => unknown): string[] {
  try {
    parse();
    return [];
  } catch (thrown) {
    return ((thrown as Thrown).more?.fields ?? []).map(({ detail }) => detail);
  }
}

test.each<[z.ZodType, unknown, string]>([
  [z.array(z.string()), undefined, 'is missing and must be a list'],
  [z.array(z.string()), 'x', 'must be a list'],
  [z.string(), 1, 'must be text'],
  [z.int(), 'x', 'must be a number'],
  [z.int(), 1.5, 'must be a whole number'],
  [z.number(), 'x', 'must be a number'],
  [z.boolean(), 'x', 'must be true or false'],
  [z.strictObject({}), [], 'must be an object'],
  [z.record(z.string(), z.string()), 'x', 'must be an object'],
  [z.literal('ended'), 'x', 'must be "ended"'],
  [z.enum(['a', 'b']), 'x', 'must be one of "a", "b"'],
  [z.string().min(2), 'x', 'must have at least 2 characters'],
  [z.string().max(1), 'xx', 'must have at most 1 characters'],
  [z.array(z.string()).min(1), [], 'must have at least 1 item'],
  [z.array(z.string()).max(2), ['a', 'b', 'c'], 'must have at most 2 items'],
  [z.number().min(3), 1, 'must be at least 3'],
  [z.number().lt(3), 3, 'must be less than 3'],
  [z.number().multipleOf(5), 3, 'must be a multiple of 5'],
  [z.iso.datetime(), 'x', 'must be a time such as 2026-11-21T13:00:00Z'],
  [z.string().regex(/^a$/), 'x', 'must match /^a$/'],
  [z.union([z.string(), z.boolean()]), 1, 'must be text, or must be true or false'],
  [z.string().refine(() => false), 'x', 'is not valid'],
])('says in words what a value must be (%#)', (schema, value, text) => {
  const parsed = schema.safeParse(value, { error: describeIssue });
  expect(parsed.error?.issues.map(({ message }) => message)).toEqual([text]);
});

test('a schema that has a text of its own keeps it', () => {
  const parsed = z.string('a name is needed').safeParse(1, { error: describeIssue });
  expect(parsed.error?.issues[0]?.message).toBe('a name is needed');
});

describe('no refusal has the words of the validator', () => {
  const ofValidator = /invalid|expected|received|too (?:big|small)|undefined/i;

  test.each(routes.flatMap(({ method, path, body }) => (body ? [[`${method} ${path}`, body] as const] : [])))(
    '%s',
    (_key, schema) => {
      const texts = textsOf(() => parseWith(schema, {}, '/'));
      for (const field of fieldsOf(schema))
        for (const value of badValuesFor(field))
          texts.push(...textsOf(() => parseWith(schema, JSON.parse(withValue({}, field.pointer, value)), '/')));
      expect(texts.filter((text) => ofValidator.test(text))).toEqual([]);
    },
  );

  test.each(routes.flatMap(({ method, path, query }) => (query ? [[`${method} ${path}`, query] as const] : [])))(
    'the query of %s',
    (_key, schema) => {
      const twice = Object.fromEntries(fieldsOf(schema).map(({ pointer }) => [pointer.slice(1), ['x', 'y']]));
      const texts = [{}, twice].flatMap((query) => textsOf(() => parseWith(schema, query, '')));
      expect(texts.filter((text) => ofValidator.test(text))).toEqual([]);
    },
  );

  test.each(providers.map((provider) => [provider.type, provider] as const))('settings of %s', (_type, provider) => {
    const texts = textsOf(() => parseSettings(provider, {}));
    for (const field of fieldsOf(provider.settings))
      for (const value of badValuesFor(field))
        texts.push(...textsOf(() => parseSettings(provider, JSON.parse(withValue({}, field.pointer, value)))));
    expect(texts.length).toBeGreaterThan(0);
    expect(texts.filter((text) => ofValidator.test(text))).toEqual([]);
  });
});
