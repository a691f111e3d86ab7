/** Meanings and examples of path parameters, by the segment before them. */
const parameters: Readonly<Record<string, readonly [meaning: string, example: string]>> = {
  groups: ['The group, by id or path.', 'acme%2Fresearch'],
  workspaces: ['The workspace, by id or path.', 'acme%2Fresearch%2Fwing'],
  organizations: ['The organisation, by id or name.', 'acme'],
  users: ['The user, by id or login.', 'ada@acme.example'],
  teams: ['The team, by id or name.', 'aero'],
  'service-accounts': ['The service account, by id or path.', 'acme%2Fresearch%2Flauncher'],
  'managed-identities': [
    'The managed identity, by id or path. Reads take the path of an alias too.',
    'acme%2Fresearch%2Faws',
  ],
  assignments: ['The id of the assignment.', 'asg_01jd2ze0q8v5n3w4x6y7t9m2ab'],
  masks: ['The managed identity that is masked, by id or path.', 'acme%2Fresearch%2Faws'],
  members: ['The user, by id or login.', 'ada@acme.example'],
  memberships: ['The id of the membership.', 'mem_01jd2ze0q8v5n3w4x6y7t9m2ab'],
  invitations: ['The id of the invitation.', 'inv_01jd2ze0q8v5n3w4x6y7t9m2ab'],
  secrets: ['The id of the client secret.', 'sec_01jd2ze0q8v5n3w4x6y7t9m2ab'],
  'may-act': ['The id of the right to act.', 'act_01jd2ze0q8v5n3w4x6y7t9m2ab'],
  'trust-rules': ['The id of the trust rule.', 'trust_01jd2ze0q8v5n3w4x6y7t9m2ab'],
  grants: ['The id of the use grant.', 'grant_01jd2ze0q8v5n3w4x6y7t9m2ab'],
  'subject-grants': ['The id of the subject grant.', 'subj_01jd2ze0q8v5n3w4x6y7t9m2ab'],
  'access-rules': ['The id of the access rule.', 'rule_01jd2ze0q8v5n3w4x6y7t9m2ab'],
  aliases: ['The id of the alias.', 'alias_01jd2ze0q8v5n3w4x6y7t9m2ab'],
  jobs: ['The id of the job.', 'job_01jd2ze0q8v5n3w4x6y7t9m2ab'],
};

/**
 * Returns the description of a path parameter, for the OpenAPI document. Empty for a parameter that the table does not have:
 * `npm run check` reports it.
 */
export function describeParameter(path: string, name: string): { description?: string; examples?: string[] } {
  const segments = path.split('/');
  const found = parameters[segments[segments.indexOf(`:${name}`) - 1] ?? ''];
  return found === undefined ? {} : { description: found[0], examples: [found[1]] };
}
