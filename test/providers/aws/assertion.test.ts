import { describe, expect, test } from '@jest/globals';
import { awsRolesClaim, awsSourceIdentityClaim, awsTagsClaim } from '../../../src/core/claims.ts';
import { assertion } from '../../../src/providers/aws/assertion.ts';
import { settings as schema } from '../../../src/providers/aws/settings.ts';
import { id, trustFacts } from '../samples.ts';

const role_arn = 'arn:aws:iam::111122223333:role/deploy';
const settingsOf = (more: object = {}) => schema.parse({ role_arn, ...more });

describe('the claims for AWS', () => {
  test('are the role only, unless the identity opts in to more', () => {
    expect(assertion(settingsOf(), trustFacts())).toEqual({ audience: 'aws', claims: { [awsRolesClaim]: [role_arn] } });
  });

  test('have the organisation in the audience when there are several', () => {
    const facts = trustFacts('workspace', { tenancy: 'multi' });
    expect(assertion(settingsOf(), facts).audience).toBe(`aws:${facts.organization_id}`);
  });

  test('have tags from facts of the job, each a list of one; a missing fact gives no tag', () => {
    const session_tags = {
      'arsia:user': 'user',
      'arsia:workspace': 'workspace',
      'arsia:stage': 'stage',
      Org: 'organization',
    };
    const settings = settingsOf({ session_tags, transitive_tag_keys: ['arsia:user', 'Org'] });
    expect(assertion(settings, trustFacts()).claims[awsTagsClaim]).toEqual({
      principal_tags: {
        'arsia:user': ['alice@acme'],
        'arsia:workspace': ['acme/research/sim'],
        'arsia:stage': ['apply'],
        Org: ['acme'],
      },
      transitive_tag_keys: ['arsia:user', 'Org'],
    });
    const noUser = { ...trustFacts(), user: undefined, stage: undefined };
    expect(assertion(settings, noUser).claims[awsTagsClaim]).toEqual({
      principal_tags: { 'arsia:workspace': ['acme/research/sim'], Org: ['acme'] },
      transitive_tag_keys: ['Org'],
    });
    const onlyUser = settingsOf({ session_tags: { 'arsia:user': 'user' } });
    expect(assertion(onlyUser, noUser).claims).toEqual({ [awsRolesClaim]: [role_arn] });
  });

  test('are refused before signing when AWS would refuse a tag value, with advice', () => {
    const workspace = { id: id('workspace'), path: `acme/${'x'.repeat(300)}` };
    const settings = settingsOf({ session_tags: { where: 'workspace' } });
    expect(() => assertion(settings, trustFacts('workspace', { workspace }))).toThrow(
      expect.objectContaining({ code: 'claims_refused', advice: expect.stringContaining('workspace_id') }),
    );
  });

  test('have the login as source identity, or the id when AWS does not allow the login, or none without a user', () => {
    const settings = settingsOf({ source_identity: true });
    const sourceOf = (facts: ReturnType<typeof trustFacts>) =>
      assertion(settings, facts).claims[awsSourceIdentityClaim];
    const user = { id: id('user'), login: 'a' };
    expect(sourceOf(trustFacts())).toBe('alice@acme');
    expect(sourceOf(trustFacts('workspace', { user }))).toBe(user.id);
    expect(sourceOf({ ...trustFacts(), user: undefined })).toBeUndefined();
  });
});
