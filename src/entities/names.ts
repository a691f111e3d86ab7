import { z } from 'zod';

/** The key in the metadata of a schema, also in the OpenAPI document: the member whose id, or whose ids, this one names. */
export const nameMark = 'x-name-of';

export const nameOfId = z.string().nullable();
export const namesOfIds = z.record(z.string(), z.string());

/** Returns the schema of a member of an answer that names the id in another one. */
export function nameMember(of: string, example: unknown = 'acme/research'): typeof nameOfId {
  return nameOfId.meta({
    description: `The login, name or path of \`${of}\` now; null where it has none, or you may not see it.`,
    examples: [example],
    [nameMark]: of,
  });
}

/** Returns the schema of a member of an answer that names the ids in a list. */
export function namesMember(of: string): typeof namesOfIds {
  return namesOfIds.meta({
    description: `The logins, names and paths of \`${of}\` now, by id; without those that you may not see.`,
    examples: [{ usr_01jd2ze0q8v5n3w4x6y7t9m2ab: 'ada@acme.example' }],
    [nameMark]: of,
  });
}
