import { z } from 'zod';

/** The key in the metadata of a schema, also in the OpenAPI document: the member whose id, or whose ids, this one names. */
export const nameMark = 'x-name-of';

export const nameOfId = z.string().nullable();
export const namesOfIds = z.record(z.string(), z.string());

/** Returns the schema of a member of an answer that names the id in another one. */
export function nameMember(of: string, meaning = `The login, name or path of \`${of}\`.`): typeof nameOfId {
  return nameOfId.meta({
    description: `${meaning} Null where there is none, or you may not see it.`,
    [nameMark]: of,
  });
}

/** Returns the schema of a member of an answer that names the ids in a list. */
export function namesMember(
  of: string,
  meaning = `The logins, names and paths of \`${of}\`, by id.`,
): typeof namesOfIds {
  return namesOfIds.meta({ description: `${meaning} Without those that you may not see.`, [nameMark]: of });
}
