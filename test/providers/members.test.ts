import { describe, expect, test } from '@jest/globals';
import { ArsiaError } from '../../src/core/errors.ts';
import * as aws from '../../src/providers/aws/evaluate.ts';
import * as azure from '../../src/providers/azure/evaluate.ts';
import type { Members } from '../../src/providers/document.ts';
import * as gcp from '../../src/providers/gcp/evaluate.ts';
import * as kubernetes from '../../src/providers/kubernetes/evaluate.ts';
import * as oidc from '../../src/providers/oidc/evaluate.ts';
import { providerTypes } from '../../src/providers/registry.ts';

type Claims = Readonly<Record<string, unknown>>;
type Json = Record<string, unknown>;

interface Walk {
  members: Readonly<Record<string, Members>>;
  evaluate(document: string, claims: Claims): { allow: boolean };
  claims: Claims;
  /** The objects that have the members, each in a document that is allowed as it is. */
  places: Record<string, (change: Json) => Json>;
  /** Values of each member that deny the token. */
  refused: Record<string, unknown[]>;
}

const iss = 'https://issuer.example.com/path';
const host = 'issuer.example.com/path';
const claims = { iss, sub: 'mi_1:ws_1', aud: 'aud', uid: 'u', groups: ['a'], number: 7 };
const absent = undefined;

const statement = {
  Sid: 'Arsia',
  Effect: 'Allow',
  Principal: { Federated: `arn:aws:iam::111122223333:oidc-provider/${host}` },
  Action: 'sts:AssumeRoleWithWebIdentity',
  Condition: { StringEquals: { [`${host}:sub`]: claims.sub } },
};
const deny = { Effect: 'Deny', Action: 'sts:*' };

const credential = { name: 'n', issuer: iss, subject: claims.sub, audiences: [claims.aud] };
const arm = {
  id: '/x',
  name: 'n',
  type: 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials',
};
const refusedByAzure = {
  issuer: [absent, null, '', `${iss}/`, 'x'.repeat(601)],
  subject: [absent, 7, 'MI_1:ws_1', 'x'.repeat(601)],
  audiences: [absent, [], 'aud', ['x'], ['aud', 'aud'], [null]],
  claimsMatchingExpression: [{ value: "claims['sub'] matches '*'", languageVersion: 1 }, ''],
};
const prefixed = (place: string, refused: Record<string, unknown[]>) =>
  Object.fromEntries(Object.entries(refused).map(([name, values]) => [`${place}${name}`, values]));

const name = 'projects/123/locations/global/workloadIdentityPools/pool/providers/arsia';
const provider = {
  name,
  oidc: { issuerUri: iss },
  attributeMapping: { 'google.subject': 'assertion.sub' },
  state: 'ACTIVE',
};

const rule = { claim: 'sub', requiredValue: claims.sub };
const begins = { expression: "claims.sub.startsWith('mi_1')", message: 'no' };
const username = { claim: 'sub', prefix: 'arsia:' };
const entry = { issuer: { url: iss, audiences: [claims.aud] }, claimMappings: { username } };
const configuration = (change: Json) => ({
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'AuthenticationConfiguration',
  jwt: [{ ...entry, ...change }],
});
const mappings = (change: Json) => configuration({ claimMappings: { username, ...change } });

const walks: Record<string, Walk> = {
  aws: {
    ...aws,
    claims,
    places: {
      '': (change) => ({ Version: '2012-10-17', Id: 'x', Statement: [statement], ...change }),
      'Statement.': (change) => ({ Version: '2012-10-17', Statement: [{ ...statement, ...change }] }),
      'Statement.Principal.': (change) => ({
        Version: '2012-10-17',
        Statement: [
          statement,
          'AWS' in change ? { ...deny, Principal: change } : { ...statement, Principal: change },
        ].slice('AWS' in change ? 0 : 1),
      }),
    },
    refused: {
      Version: ['2020-01-01', 2012, null, []],
      Statement: [absent, [], null, 'x', [7], [{ ...deny, Principal: '*' }, statement]],
      'Statement.Sid': ['a b', 7, null, ['x']],
      'Statement.Effect': [absent, 'Deny', 'allow', true],
      'Statement.Principal': [absent, {}, '*', 'x', { Service: 'ec2.amazonaws.com' }],
      'Statement.Action': [absent, [], 7, 'sts:AssumeRole'],
      'Statement.Condition': [null, [], { StringEquals: { [`${host}:sub`]: 'x' } }],
      'Statement.Principal.Federated': [[], 7, '*', 'arn:aws:iam::111122223333:oidc-provider/other.example.com'],
      'Statement.Principal.AWS': ['*', ['111122223333', '*'], 7, []],
    },
  },
  azure: {
    ...azure,
    claims,
    places: {
      '': (change) => ({ ...credential, ...change }),
      'ARM: ': (change) => ({ ...arm, properties: credential, ...change }),
      'ARM: properties.': (change) => ({ ...arm, properties: { ...credential, ...change } }),
    },
    refused: {
      ...refusedByAzure,
      ...prefixed('ARM: properties.', refusedByAzure),
      'ARM: properties': [absent, {}, null, 'x', { ...credential, subject: 'x' }],
      'ARM: type': ['Microsoft.ManagedIdentity/userAssignedIdentities', 7, null],
    },
  },
  gcp: {
    ...gcp,
    claims: { ...claims, aud: `https://iam.googleapis.com/${name}` },
    places: {
      '': (change) => ({ ...provider, ...change }),
      'oidc.': (change) => ({ ...provider, oidc: { issuerUri: iss, ...change } }),
    },
    refused: {
      name: [absent, null, 7, '', 'providers/arsia', name.replace('123', '124')],
      state: ['DELETED', 'STATE_UNSPECIFIED', 'active', '', null, 1],
      disabled: [true, 'true', 'false', null, 1],
      expireTime: ['2026-12-20T00:00:00Z', '2020-01-01T00:00:00Z', '', null, 0],
      oidc: [absent, null, {}, 'x'],
      attributeMapping: [absent, null, {}, { 'google.subject': 'assertion.nothing' }],
      attributeCondition: ["assertion.sub == 'x'", 'true == false', null, true],
      'oidc.issuerUri': [absent, null, '', `${iss}/`],
      'oidc.allowedAudiences': [['x'], 'x', {}, [7], Array(11).fill('x'), ['x'.repeat(257)]],
      'oidc.jwksJson': [
        '',
        '{}',
        '{"keys":[]}',
        'x',
        null,
        { keys: [] },
        '{"keys":[{"kty":"RSA","n":"x","e":"AQAB"}]}',
      ],
    },
  },
  kubernetes: {
    ...kubernetes,
    claims,
    places: {
      '': (change) => ({ ...configuration({}), ...change }),
      'jwt[].': configuration,
      'jwt[].issuer.': (change) => configuration({ issuer: { ...entry.issuer, ...change } }),
      'jwt[].claimValidationRules[].': (change) =>
        configuration({
          claimValidationRules: [
            'expression' in change || 'message' in change ? { ...begins, ...change } : { ...rule, ...change },
          ],
        }),
      'jwt[].claimMappings.': mappings,
      'jwt[].claimMappings.username.': (change) => mappings({ username: { ...username, ...change } }),
      'jwt[].claimMappings.groups.': (change) => mappings({ groups: { claim: 'groups', prefix: 'arsia:', ...change } }),
      'jwt[].claimMappings.uid.': (change) => mappings({ uid: { claim: 'uid', ...change } }),
    },
    refused: {
      apiVersion: [absent, 'v1', 'apiserver.config.k8s.io/v1alpha1', 'apiserver.config.k8s.io/v2', null],
      kind: [absent, 'Config', null],
      jwt: [absent, [], {}, [entry, entry]],
      'jwt[].issuer': [absent, {}, null, 'x'],
      'jwt[].claimValidationRules': [null, {}, [7], [{ claim: 'sub', requiredValue: 'x' }]],
      'jwt[].claimMappings': [absent, null, {}, 'x'],
      'jwt[].issuer.url': [absent, null, `${iss}/`],
      'jwt[].issuer.discoveryURL': ['https://other.example.com/.well-known/openid-configuration', iss, 7],
      'jwt[].issuer.certificateAuthority': ['x', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', 7],
      'jwt[].issuer.audiences': [absent, [], 'aud', ['x'], [7]],
      'jwt[].issuer.audienceMatchPolicy': ['MatchAll', 'matchany', 7, null],
      'jwt[].claimValidationRules[].claim': [absent, 'aud', 7],
      'jwt[].claimValidationRules[].requiredValue': [absent, 'x', 7],
      'jwt[].claimValidationRules[].expression': ["claims.sub.startsWith('x')", 'true', 7, null],
      'jwt[].claimMappings.username': [absent, {}, null, { expression: 'claims.sub' }],
      'jwt[].claimMappings.groups': [{}, null, { expression: 'claims.groups' }, { claim: 'number', prefix: '' }],
      'jwt[].claimMappings.uid': [{}, null, { expression: 'claims.uid' }, { claim: 'nothing' }],
      'jwt[].claimMappings.username.claim': [absent, 'nothing', 'number', 7],
      'jwt[].claimMappings.username.prefix': [absent, 7, null],
      'jwt[].claimMappings.username.expression': ['claims.sub', ''],
      'jwt[].claimMappings.groups.claim': [absent, 'number', 7],
      'jwt[].claimMappings.groups.prefix': [absent, 7],
      'jwt[].claimMappings.groups.expression': ['claims.groups'],
      'jwt[].claimMappings.uid.claim': [absent, 'nothing', 'groups', 7],
      'jwt[].claimMappings.uid.expression': ['claims.uid'],
    },
  },
  oidc: {
    ...oidc,
    claims,
    places: {
      '': (change) => ({
        issuer: iss,
        audiences: [claims.aud],
        ...('subject_prefix' in change ? {} : { subject: claims.sub }),
        ...change,
      }),
    },
    refused: {
      issuer: [absent, null, `${iss}/`],
      audiences: [absent, [], 'aud', ['x'], [7]],
      subject: [absent, null, 7, 'x'],
      subject_prefix: ['', 'x', null, 7],
    },
  },
};

/** Returns whether the document allows the token. A document that cannot be judged does not. */
function isAllowed({ evaluate, claims: token }: Walk, document: Json): boolean {
  try {
    return evaluate(JSON.stringify(document), token).allow;
  } catch (thrown) {
    if (thrown instanceof ArsiaError && thrown.code !== 'internal') return false;
    throw thrown;
  }
}

test('N85 the members of every provider are walked', () => {
  expect(Object.keys(walks).sort()).toEqual([...providerTypes].sort());
});

describe.each(Object.entries(walks))('N85 the members of a document for %s', (_type, walk) => {
  const all = Object.entries(walk.members).flatMap(([place, members]) =>
    Object.entries(members).map(([member, use]) => ({ place, member, use })),
  );

  test('each have a sample', () => {
    const judged = all.filter(({ use }) => typeof use === 'function').map(({ place, member }) => `${place}${member}`);
    expect(Object.keys(walk.refused).sort()).toEqual(judged.sort());
    expect(Object.keys(walk.places)).toEqual(Object.keys(walk.members));
  });

  test.each(all.map((one) => [`${one.place}${one.member}`, one] as const))('%s', (title, { place, member, use }) => {
    const at = walk.places[place]!;
    if (typeof use !== 'function') {
      expect(use.irrelevant).toMatch(/^[A-Z].{20,}\.$/);
      for (const value of [absent, null, 'x', '', true, 7, {}])
        expect([value, isAllowed(walk, at({ [member]: value, ...companion(title) }))]).toEqual([value, true]);
      return;
    }
    for (const value of walk.refused[title]!)
      expect([value, isAllowed(walk, at({ [member]: value }))]).toEqual([value, false]);
  });

  test('are complete: another member is not supported', () => {
    for (const [place, at] of Object.entries(walk.places)) {
      const thrown = (() => {
        try {
          return walk.evaluate(JSON.stringify(at({ ...companion(`${place}x`), Zzz: 1 })), walk.claims);
        } catch (error) {
          return error;
        }
      })();
      expect([place, thrown]).toEqual([place, expect.objectContaining({ code: 'not_supported' })]);
    }
  });

  /** A principal has the provider beside what is walked. */
  function companion(title: string): Json {
    return title.startsWith('Statement.Principal.') ? statement.Principal : {};
  }
});

test('a document is allowed as long as nothing of it is changed', () => {
  for (const [type, walk] of Object.entries(walks))
    for (const [place, at] of Object.entries(walk.places)) {
      if (place === 'Statement.Principal.') continue;
      expect([type, place, isAllowed(walk, at({}))]).toEqual([type, place, true]);
    }
});

describe('N85 a provider of Google', () => {
  const key = { kty: 'RSA', use: 'sig', alg: 'RS256', kid: 'key-1', n: 'modulus', e: 'AQAB' };
  const judge = (change: Json, signing_key?: Json) =>
    gcp.evaluate(JSON.stringify({ ...provider, ...change }), walks.gcp!.claims, { signing_key });
  const upload = (...keys: Json[]) => ({ oidc: { issuerUri: iss, jwksJson: JSON.stringify({ keys }) } });

  test('denies every token where it is disabled or deleted', () => {
    for (const [change, condition, expected] of [
      [{ state: 'DELETED', expireTime: '2026-12-20T00:00:00Z' }, 'state', 'ACTIVE'],
      [{ disabled: true }, 'disabled', 'false'],
      [{ state: 'STATE_UNSPECIFIED' }, 'state', 'ACTIVE'],
    ] as const)
      expect(judge(change)).toMatchObject({ allow: false, condition, expected });
    expect(judge({ disabled: false, attributeCondition: '' })).toEqual({ allow: true });
  });

  test('denies the token where its uploaded keys lack the key that signs', () => {
    expect(judge(upload(key), key)).toEqual({ allow: true });
    expect(judge(upload({ ...key, kid: 'old', n: 'other' }, key), key)).toEqual({ allow: true });
    for (const other of [
      { ...key, kid: 'key-2' },
      { ...key, n: 'other' },
    ])
      expect(judge(upload(other), key)).toMatchObject({
        allow: false,
        condition: 'oidc.jwksJson',
        expected: 'the key key-1, which signs now',
      });
    // Google takes no other members, and no keys for encryption.
    for (const change of [{ x5c: ['x'] }, { use: 'enc' }, { kty: 'oct' }, { kid: undefined }])
      expect(judge(upload({ ...key, ...change }), key)).toMatchObject({ allow: false, condition: 'oidc.jwksJson' });
  });
});
