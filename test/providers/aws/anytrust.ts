import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { type IdKind, makeId } from '../../../src/core/ids.ts';
import { subjectScopes } from '../../../src/core/subject.ts';
import { type AwsSettings, settings as schema } from '../../../src/providers/aws/settings.ts';
import type { TrustFacts } from '../../../src/providers/provider.ts';
import { now, trustFacts } from '../samples.ts';

const partitions = ['aws', 'aws-cn', 'aws-us-gov', 'aws-eusc', 'aws-iso', 'aws-iso-b', 'aws-iso-e', 'aws-iso-f'];

/** Random ids, each from one number: fast-check would need a second for the bytes of 40 000 ids. */
export const idOf = (kind: IdKind) =>
  fc
    .nat()
    .map((seed) =>
      makeId(kind, now, (size) => createHash('sha256').update(`${kind}${seed}`).digest().subarray(0, size)),
    );

export const anyFacts: fc.Arbitrary<TrustFacts> = fc
  .record({
    scope: fc.constantFrom(...subjectScopes),
    identity_id: idOf('managed_identity'),
    workspace: idOf('workspace').map((id) => ({ id, path: 'acme/a/b' })),
    user: fc.option(idOf('user').map((id) => ({ id, login: 'alice' }))),
    organization_id: idOf('group'),
    tenancy: fc.constantFrom('single' as const, 'multi' as const),
    identity: fc.string(),
    issuer: fc.constantFrom(
      'https://arsia.example.com',
      'https://a.b-c.example/x/y~z',
      "https://xn--bcher-kva.example/it's",
    ),
  })
  .map(({ scope, ...more }) => trustFacts(scope, more));

export const anySettings: fc.Arbitrary<AwsSettings> = fc
  .record({
    partition: fc.constantFrom(...partitions),
    account: fc.nat({ max: 999_999_999_999 }).map((number) => String(number).padStart(12, '0')),
    path: fc.constantFrom('', 'acme/', 'a/b/c/', '$(x)/', "*/'/{}/", '$'.concat('{aws:username}/')),
    name: fc.string({ unit: fc.constantFrom(...'aZ09_+=,.@-'), minLength: 1, maxLength: 64 }),
    source_identity: fc.boolean(),
    session_tags: fc.option(fc.constant({ 'arsia:workspace': 'workspace' as const }), { nil: undefined }),
  })
  .map(({ partition, account, path, name, ...more }) =>
    schema.parse({ role_arn: `arn:${partition}:iam::${account}:role/${path}${name}`, ...more }),
  );
