import { execFileSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { yamlParse } from 'yaml-cfn';
import { makeId } from '../../../src/core/ids.ts';
import type { SubjectScope } from '../../../src/core/subject.ts';
import { aws } from '../../../src/providers/aws/index.ts';
import { settings as schema } from '../../../src/providers/aws/settings.ts';
import { findStoreFault } from '../../../src/providers/aws/storedpolicy.ts';
import type { Trust, TrustDocument } from '../../../src/providers/provider.ts';
import { expectGolden } from '../golden.ts';
import { parseHcl, parseJsonencode } from '../hcl.ts';
import { now, trustFacts } from '../samples.ts';
import { anyFacts, anySettings } from './anytrust.ts';

const { trust, mergeTrust } = aws.federated!;

const fixed = (kind: Parameters<typeof makeId>[0], number: number) =>
  makeId(kind, now, (size) => new Uint8Array(size).fill(number));

/** Facts with the same ids in every run. */
function factsOf(scope: SubjectScope, number: number, more: Parameters<typeof trustFacts>[1] = {}) {
  return trustFacts(scope, {
    organization_id: fixed('group', 1),
    identity_id: fixed('managed_identity', number),
    identity: `acme/research/deploy-${number}`,
    workspace: { id: fixed('workspace', 1), path: 'acme/research/sim' },
    user: { id: fixed('user', 1), login: 'alice' },
    ...more,
  });
}

const full = schema.parse({
  role_arn: 'arn:aws:iam::111122223333:role/acme/deploy.it',
  max_duration: 7200,
  session_tags: { 'arsia:workspace': 'workspace' },
  source_identity: true,
});
const shared = schema.parse({ role_arn: 'arn:aws:iam::111122223333:role/acme/shared' });
const inWorkspace = (number: number) => ({ workspace: { id: fixed('workspace', number), path: `acme/w${number}` } });

const scenarios: Record<string, () => Pick<Trust, 'documents' | 'warnings'>> = {
  'all-settings': () => trust(full, factsOf('workspace', 1)),
  china: () =>
    trust(
      schema.parse({ role_arn: 'arn:aws-cn:iam::111122223333:role/deploy' }),
      factsOf('identity', 1, { tenancy: 'multi', issuer: 'https://arsia.example.com' }),
    ),
  'every-user': () =>
    trust(
      schema.parse({ role_arn: 'arn:aws-us-gov:iam::111122223333:role/deploy' }),
      factsOf('user', 1, { user: null }),
    ),
  ceph: () => trust(schema.parse({ role_arn: 'arn:aws:iam::research:role/deploy' }), factsOf('workspace', 1)),
  minio: () => trust(schema.parse({ role_arn: 'arn:minio:iam:::role/abc' }), factsOf('workspace', 1)),
  merged: () =>
    mergeTrust!([
      { settings: shared, facts: factsOf('workspace', 1, inWorkspace(1)) },
      { settings: shared, facts: factsOf('workspace', 1, inWorkspace(2)) },
      { settings: { ...shared, source_identity: true }, facts: factsOf('identity', 2) },
      { settings: { ...shared, max_duration: 7200 }, facts: factsOf('user', 3, { user: null, delivery: 'both' }) },
    ]),
  split: () =>
    mergeTrust!(
      Array.from({ length: 40 }, (_, index) => ({ settings: shared, facts: factsOf('workspace', index + 1) })),
    ),
};

interface Role {
  name: string;
  path?: string;
  max_session_duration?: number;
  policy: unknown;
}

const resourceOf = (parsed: Record<string, unknown>, type: string) =>
  Object.values((parsed.resource as Record<string, Record<string, Record<string, unknown>[]>>)[type]!)[0]![0]!;

/** Returns the roles of Terraform configurations. */
function terraformRoles(texts: readonly string[]): Role[] {
  const resources = parseHcl(texts).map((parsed) => resourceOf(parsed, 'aws_iam_role'));
  const policies = parseJsonencode(resources.map(({ assume_role_policy }) => assume_role_policy));
  return resources.map(({ assume_role_policy: _, ...rest }, index) => ({ ...rest, policy: policies[index] }) as Role);
}

function cloudFormationRole(text: string): Role {
  const { Type, Properties } = yamlParse(text).Resources.Role;
  expect(Type).toBe('AWS::IAM::Role');
  const { RoleName: name, Path: path, MaxSessionDuration: duration, AssumeRolePolicyDocument: policy } = Properties;
  return { name, ...(path && { path }), ...(duration && { max_session_duration: duration }), policy };
}

const named = (documents: readonly TrustDocument[], name: string) => documents.find((one) => one.name === name)!;

describe('the documents for AWS', () => {
  test.each(Object.entries(scenarios))('are those of the golden files: %s', (name, make) => {
    expectGolden(`test/providers/aws/golden/${name}`, make());
  });

  test('have the same role, policy and provider in every form, for 200 random identities', () => {
    const cases = fc.sample(fc.record({ facts: anyFacts, settings: anySettings }), 200).map(({ facts, settings }) => ({
      facts,
      settings,
      ...trust(settings, facts),
    }));
    const hcl = (name: string) => cases.map(({ documents }) => named(documents, name).text);
    const roles = terraformRoles(hcl('role-terraform'));
    const providers = parseHcl(hcl('oidc-provider-terraform'));
    for (const [index, { documents, facts, settings, audience }] of cases.entries()) {
      const [, , path, name] = /^(.*?:role)(\/|\/.*\/)([^/]+)$/.exec(settings.role_arn)!;
      const policy = JSON.parse(documents[0]!.text);
      expect(findStoreFault(documents[0]!.text)).toBeUndefined();
      const role = { name, ...(path !== '/' && { path }), policy };
      expect(roles[index]).toEqual(role);
      expect(cloudFormationRole(named(documents, 'role-cloudformation').text)).toEqual(role);
      const provider = { url: facts.issuer, client_id_list: [audience] };
      expect(resourceOf(providers[index]!, 'aws_iam_openid_connect_provider')).toEqual(provider);
      expect(yamlParse(named(documents, 'oidc-provider-cloudformation').text).Resources.Provider).toEqual({
        Type: 'AWS::IAM::OIDCProvider',
        Properties: { Url: facts.issuer, ClientIdList: [audience] },
      });
      expect(JSON.parse(named(documents, 'oidc-provider-json').text)).toMatchObject({
        Url: facts.issuer,
        ClientIDList: [audience],
      });
    }
  });

  test('have the session duration and the path of the role in every form', () => {
    const { documents } = trust(full, factsOf('workspace', 1));
    const role = { name: 'deploy.it', path: '/acme/', max_session_duration: 7200 };
    expect(terraformRoles([named(documents, 'role-terraform').text])[0]).toMatchObject(role);
    expect(cloudFormationRole(named(documents, 'role-cloudformation').text)).toMatchObject(role);
    expect(named(documents, 'aws-cli').text).toContain('--max-session-duration 7200');
  });

  /** Options of the AWS command line reference. */
  const options: Record<string, string[]> = {
    'create-open-id-connect-provider': ['--url', '--client-id-list', '--thumbprint-list'],
    'add-client-id-to-open-id-connect-provider': ['--open-id-connect-provider-arn', '--client-id'],
    'create-role': ['--role-name', '--path', '--assume-role-policy-document', '--max-session-duration'],
    'update-assume-role-policy': ['--role-name', '--policy-document'],
  };

  /** Reads words as the AWS command line does: what begins with a dash is an option. */
  function optionsOf(words: readonly string[]): string[] {
    const given = words.filter((word) => word.startsWith('-'));
    expect(words.length).toBe(given.length + given.filter((word) => !word.includes('=')).length);
    return given.map((word) => word.split('=', 1)[0]!);
  }

  test('have commands that a shell reads as the AWS command line documents them, in every partition', () => {
    for (const { settings, facts } of fc.sample(fc.record({ facts: anyFacts, settings: anySettings }), 60)) {
      const { documents } = trust(settings, facts);
      const script = `aws() { printf '%s\\n' "$@" ''; }\n${named(documents, 'aws-cli').text}`;
      const commands = execFileSync('/bin/sh', ['-c', script]).toString().split('\n\n').slice(0, -1);
      const words = commands.map((command) => command.split('\n'));
      const global = settings.role_arn.startsWith('arn:aws:') ? [] : ['--region', expect.any(String)];
      expect(words.map((word) => word.slice(0, global.length + 1))).toEqual(
        Object.keys(options).map(() => [...global, 'iam']),
      );
      expect(words.map((word) => word[global.length + 1])).toEqual(Object.keys(options));
      for (const word of words) {
        const [command, ...rest] = word.slice(global.length + 1);
        expect(options[command!]).toEqual(expect.arrayContaining(optionsOf(rest)));
      }
    }
  });

  test('have commands for a role whose name begins with a dash', () => {
    const { documents } = trust(
      schema.parse({ role_arn: 'arn:aws:iam::111122223333:role/-x' }),
      factsOf('workspace', 1),
    );
    expect(named(documents, 'aws-cli').text).toContain('  --role-name=-x ');
  });

  test('have no CloudFormation template for a path that CloudFormation would replace by a secret, and say so', () => {
    const role_arn = 'arn:aws:iam::111122223333:role/{{resolve:secretsmanager:x}}/deploy';
    const made = trust(schema.parse({ role_arn }), factsOf('workspace', 1));
    expect(made.documents.map(({ name }) => name)).not.toContain('role-cloudformation');
    expect(made.warnings.join()).toContain('{{resolve:');
    expect(terraformRoles([named(made.documents, 'role-terraform').text])[0]!.path).toBe(
      '/{{resolve:secretsmanager:x}}/',
    );
  });
});
