import { execFileSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { aws } from '../../../src/providers/aws/index.ts';
import { settings as schema } from '../../../src/providers/aws/settings.ts';
import { shellWord } from '../../../src/providers/facts.ts';
import type { TrustFacts } from '../../../src/providers/provider.ts';
import { claimsFor, issuer, trustFacts } from '../samples.ts';
import { anyFacts, anySettings } from './anytrust.ts';

const plain = schema.parse({ role_arn: 'arn:aws:iam::111122223333:role/deploy' });
const { trust, evaluate } = aws.federated!;
const host = 'arsia.example.com/oidc';

interface Policy {
  Version: string;
  Statement: {
    Effect: string;
    Principal: { Federated: string };
    Action: string | string[];
    Condition: Record<string, Record<string, string>>;
  }[];
}

/** Lists the faults of a generated policy. */
function policyFaults(policy: Policy, facts: TrustFacts, audience: string): string[] {
  const [statement, ...others] = policy.Statement;
  const prefix = facts.issuer.replace('https://', '');
  const { StringEquals = {}, StringLike = {}, ...operators } = statement?.Condition ?? {};
  const likes = facts.is_subject_pattern ? { [`${prefix}:sub`]: facts.subject } : {};
  const equals = {
    [`${prefix}:aud`]: audience,
    ...(facts.is_subject_pattern ? {} : { [`${prefix}:sub`]: facts.subject }),
  };
  const text = JSON.stringify(policy);
  const wildcards = text.match(/\*/g)?.length ?? 0;
  return [
    ...(policy.Version === '2012-10-17' ? [] : ['version']),
    ...(others.length === 0 && statement?.Effect === 'Allow' ? [] : ['not one Allow']),
    ...(typeof statement?.Principal.Federated === 'string' ? [] : ['not one provider']),
    ...(JSON.stringify(StringEquals) === JSON.stringify(equals) ? [] : ['StringEquals']),
    ...(JSON.stringify(StringLike) === JSON.stringify(likes) ? [] : ['StringLike']),
    ...(Object.keys(operators).length === 0 ? [] : ['further operators']),
    ...(wildcards === Object.keys(likes).length && !/[?$]|ForA|IfExists/.test(text) ? [] : ['wildcard']),
  ];
}

describe('the trust policy', () => {
  test('N35 has StringEquals on aud and sub for 10 000 random identities, and no wildcard except in the last part of a user-scoped subject', () => {
    fc.assert(
      fc.property(anyFacts, anySettings, (facts, settings) => {
        const made = trust(settings, facts);
        const faults = policyFaults(JSON.parse(made.documents[0]!.text), facts, made.audience);
        if (faults.length > 0) throw new Error(faults.join());
      }),
      { numRuns: 10_000 },
    );
  });

  test('N35 without either condition would allow a wrong token, and the checker of this test finds it', () => {
    for (const user of [undefined, null]) {
      const facts = trustFacts('workspace_user', { user });
      const made = trust(plain, facts);
      const right = { ...claimsFor(aws, plain, facts) };
      for (const [key, wrong] of [
        ['aud', { aud: 'x' }],
        ['sub', { sub: 'x' }],
      ] as const) {
        const policy: Policy = JSON.parse(made.documents[0]!.text);
        for (const block of Object.values(policy.Statement[0]!.Condition)) delete block[`${host}:${key}`];
        expect(evaluate(JSON.stringify(policy), { ...right, ...wrong })).toEqual({ allow: true });
        expect(policyFaults(policy, facts, made.audience)).not.toEqual([]);
        expect(evaluate(made.documents[0]!.text, { ...right, ...wrong }).allow).toBe(false);
      }
    }
  });

  test('has exactly this text', () => {
    const facts = trustFacts('workspace', { organization_id: 'grp_01kabcdefghjkmnpqrstvwxyz0', tenancy: 'multi' });
    expect(JSON.parse(trust(plain, facts).documents[0]!.text)).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { Federated: `arn:aws:iam::111122223333:oidc-provider/${host}` },
          Action: 'sts:AssumeRoleWithWebIdentity',
          Condition: {
            StringEquals: { [`${host}:aud`]: 'aws:grp_01kabcdefghjkmnpqrstvwxyz0', [`${host}:sub`]: facts.subject },
          },
        },
      ],
    });
  });

  test('has sts:TagSession and sts:SetSourceIdentity only when the identity opts in', () => {
    const actionsOf = (more: object) =>
      JSON.parse(trust(schema.parse({ ...plain, ...more }), trustFacts()).documents[0]!.text).Statement[0].Action;
    expect(actionsOf({})).toBe('sts:AssumeRoleWithWebIdentity');
    expect(actionsOf({ session_tags: { 'arsia:stage': 'stage' } })).toContain('sts:TagSession');
    expect(actionsOf({ source_identity: true })).toEqual(['sts:AssumeRoleWithWebIdentity', 'sts:SetSourceIdentity']);
  });

  test('for Ceph RGW is compact and has a provider without an account', () => {
    const ceph = schema.parse({ role_arn: 'arn:aws:iam:::role/deploy' });
    const { text } = trust(ceph, trustFacts()).documents[0]!;
    expect(text).not.toMatch(/\s/);
    expect(JSON.parse(text).Statement[0].Principal.Federated).toBe(`arn:aws:iam:::oidc-provider/${host}`);
  });

  test.each([
    ['an account', 'RGW12345678901234567'],
    ['a tenant', 'research'],
  ])('for %s of Ceph RGW names the provider there, and its own evaluate accepts it', (_what, account) => {
    const ceph = schema.parse({ role_arn: `arn:aws:iam::${account}:role/application/S3Access` });
    const facts = trustFacts();
    const { text } = trust(ceph, facts).documents[0]!;
    expect(text).not.toMatch(/\s/);
    expect(JSON.parse(text).Statement[0].Principal.Federated).toBe(`arn:aws:iam::${account}:oidc-provider/${host}`);
    expect(evaluate(text, { ...claimsFor(aws, ceph, facts) })).toEqual({ allow: true });
  });

  test('for Ceph RGW never names sts:SetSourceIdentity, which RGW refuses, and says so', () => {
    const ceph = schema.parse({
      role_arn: 'arn:aws:iam::research:role/deploy',
      source_identity: true,
      session_tags: { 'arsia:user': 'user_id' },
    });
    const facts = trustFacts('workspace');
    const made = trust(ceph, facts);
    const { text } = made.documents[0]!;
    expect(JSON.parse(text).Statement[0].Action).toEqual(['sts:AssumeRoleWithWebIdentity', 'sts:TagSession']);
    expect(evaluate(text, { ...claimsFor(aws, ceph, facts) })).toEqual({ allow: true });
    expect(made.warnings.join('\n')).toMatch(/Ceph RGW has no source identity: .*leaves sts:SetSourceIdentity out/);
  });

  test('does not exist at MinIO, and the trust says what that means', () => {
    const minio = schema.parse({ role_arn: 'arn:minio:iam:::role/abc' });
    const { documents, warnings } = trust(minio, trustFacts());
    expect(documents.map(({ name }) => name)).toEqual(['minio-provider']);
    expect(warnings.join()).toContain('not at the subject or the role');
  });
});

describe('other parts of the trust', () => {
  test('the provider has the fields of the AWS console, in its order', () => {
    expect(trust(plain, trustFacts()).documents[1]!.fields).toEqual([
      { label: 'Provider type', value: 'OpenID Connect' },
      { label: 'Provider URL', value: issuer },
      { label: 'Audience', value: 'aws' },
    ]);
  });

  const shellOf = (role_arn: string, more: object = {}) =>
    trust(schema.parse({ role_arn, ...more }), trustFacts()).documents.find(({ form }) => form === 'shell')!.text;

  test('the command that creates the provider has a thumbprint, without which the CLI of Debian 12 does not run', () => {
    for (const role_arn of [plain.role_arn, 'arn:aws:iam:::role/deploy'])
      expect(shellOf(role_arn)).toMatch(/^aws [^#]*iam create-open-id-connect-provider [^#]*--thumbprint-list 0{40}$/m);
    expect(shellOf(plain.role_arn)).toContain('\naws iam add-client-id-to-open-id-connect-provider ');
  });

  test('for Ceph RGW the commands go to the gateway, and a further audience means delete and create', () => {
    const text = shellOf('arn:aws:iam::research:role/deploy');
    expect(text).not.toContain('add-client-id');
    expect(text).toContain(
      `\n# aws --endpoint-url "$RGW_URL" iam delete-open-id-connect-provider --open-id-connect-provider-arn arn:aws:iam::research:oidc-provider/${host}\n`,
    );
    const commands = text.split('\n').filter((line) => line.startsWith('aws '));
    expect(commands).toHaveLength(3);
    for (const command of commands) expect(command).toMatch(/^aws --endpoint-url "\$RGW_URL" iam /);
    const named = shellOf('arn:aws:iam:::role/deploy', { sts_endpoint: 'https://rgw.example.com' });
    expect(named).toContain('aws --endpoint-url https://rgw.example.com iam create-role ');
    expect(named).not.toContain('RGW_URL');
  });

  test('warnings: a token in hand, an issuer that AWS cannot use, long sessions', () => {
    const warningsOf = (facts: Partial<TrustFacts>, more: object = {}) =>
      trust(schema.parse({ ...plain, ...more }), trustFacts('identity', facts as object)).warnings.join('\n');
    expect(warningsOf({})).toBe('');
    for (const delivery of ['token', 'both'] as const)
      expect(warningsOf({ delivery })).toMatch(/chooses the session name and the duration/);
    expect(warningsOf({ issuer: 'http://127.0.0.1:8080' })).toMatch(/only https issuers[\s\S]*port 8080/);
    expect(warningsOf({ issuer: 'https://arsia.example.com:8443' })).toMatch(/port 8443/);
    expect(warningsOf({ issuer: 'https://arsia.internal' })).toMatch(/private/);
    expect(warningsOf({}, { max_duration: 7200 })).toMatch(/at least 7200/);
  });

  test('N34 commands quote texts that people chose, so that a shell reads each as one word', () => {
    const words = fc
      .sample(fc.string({ unit: 'grapheme', maxLength: 40 }), 300)
      .map((word) => word.replaceAll('\0', ''));
    const script = `printf '%s\\0' ${words.map(shellWord).join(' ')}`;
    const heard = execFileSync('/bin/sh', ['-c', script]).toString().split('\0').slice(0, -1);
    expect(heard).toEqual(words);
  });
});
