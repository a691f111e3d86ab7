import { describe, expect, test } from '@jest/globals';
import { lintClaims } from '../../src/core/claims.ts';
import { ArsiaError } from '../../src/core/errors.ts';
import { identityTypePattern } from '../../src/core/names.ts';
import { subjectScopes } from '../../src/core/subject.ts';
import type { Federated, Provider, Trust, TrustFacts, Verdict } from '../../src/providers/provider.ts';
import { isCloudAudience, providers, providerTypes, requireProvider } from '../../src/providers/registry.ts';
import { claimsFor, examplesOf, id, issuer, sampleSettings, trustFacts } from './samples.ts';

/** A policy variable, which IAM would replace. */
const interpolation = '$'.concat('{aws:username}');

const notRight = [null, -1.5, '', '*', 'with space and "quote"', ['*'], { '*': 1 }, { workspace: 'nothing' }];

describe.each(providers.map((provider) => [provider.type, provider] as const))('the type %s', (type, provider) => {
  const examples = examplesOf(provider);
  const members = Object.keys(examples);

  test('has a valid name and a title, and is found by its name', () => {
    expect(type).toMatch(identityTypePattern);
    expect(provider.title).not.toBe('');
    expect(requireProvider(type)).toBe(provider);
  });

  test('declares every setting with title, help and a valid example, and accepts its examples', () => {
    expect(members.length).toBeGreaterThan(0);
    for (const member of members) expect([member, examples[member]]).not.toEqual([member, undefined]);
    expect(provider.settings.safeParse(examples)).toMatchObject({ success: true });
  });

  test('refuses settings that it does not know, by name', () => {
    const parsed = provider.settings.safeParse({ ...examples, surprise: 1 });
    expect(parsed.error?.issues.map(({ message }) => message).join()).toContain('surprise');
  });

  test.each(members)('refuses a wrong %s with a message that shows a valid value', (member) => {
    const faults = notRight.flatMap((wrong) => {
      const issues = provider.settings.safeParse({ ...examples, [member]: wrong }).error?.issues ?? [];
      return issues.filter(({ path }) => path[0] === member).map(({ message }) => message);
    });
    expect(faults.length).toBeGreaterThan(1);
    for (const fault of faults) expect(fault).toContain('such as ');
  });

  test('makes tokens that the claims linter accepts, in every subject scope', () => {
    for (const facts of everyScope()) {
      const claims = claimsFor(provider, sampleSettings(provider), facts);
      expect(lintClaims({ ...claims }, facts.issuer)).toEqual([]);
    }
  });
});

function everyScope(more: Partial<Omit<TrustFacts, 'user'>> = {}): TrustFacts[] {
  return [
    ...subjectScopes.map((scope) => trustFacts(scope, more)),
    ...(['user', 'workspace_user'] as const).map((scope) => trustFacts(scope, { ...more, user: null })),
  ];
}

const federatedKinds = providers.flatMap((provider) =>
  provider.federated === undefined ? [] : [[provider.type, provider, provider.federated] as const],
);

/** Returns the trust, or undefined where the provider refuses a pattern with advice. */
function trustOf(federated: Federated<unknown>, settings: unknown, facts: TrustFacts): Trust | undefined {
  try {
    return federated.trust(settings, facts);
  } catch (thrown) {
    expect(facts.is_subject_pattern).toBe(true);
    expect(thrown).toBeInstanceOf(ArsiaError);
    expect((thrown as ArsiaError).code).toBe('invalid_request');
    expect((thrown as ArsiaError).advice).toContain('?user=');
    return undefined;
  }
}

/** 24 wrong tokens, each with one claim that differs from the right one. */
const nearMisses: [string, 'sub' | 'aud' | 'iss', (right: string, other: string) => unknown][] = [
  ['the subject of another identity', 'sub', (sub, other) => sub.replace(/^mi_\w+/, other)],
  [
    'a subject with another scope',
    'sub',
    (sub) => (sub.includes(':') ? sub.split(':')[0] : `${sub}:${id('workspace')}`),
  ],
  ['a subject cut by one character', 'sub', (sub) => sub.slice(0, -1).replace(/^m/, 'n')],
  ['a subject with a character before it', 'sub', (sub) => `x${sub}`],
  ['a subject with a space before it', 'sub', (sub) => ` ${sub}`],
  ['a subject in capitals', 'sub', (sub) => sub.toUpperCase()],
  ['a subject that is a wildcard', 'sub', () => '*'],
  ['an empty subject', 'sub', () => ''],
  ['a subject in an object', 'sub', (sub) => ({ sub })],
  ['no subject', 'sub', () => undefined],
  ['another audience', 'aud', () => 'https://other.example.com'],
  ['the audience in capitals', 'aud', (aud) => aud.toUpperCase()],
  ['the audience with a slash', 'aud', (aud) => `${aud}/`],
  ['the audience cut by one character', 'aud', (aud) => aud.slice(0, -1)],
  ['the issuer as audience', 'aud', () => issuer],
  ['an empty audience', 'aud', () => ''],
  ['no audience', 'aud', () => undefined],
  ['another issuer', 'iss', () => 'https://evil.example.com/oidc'],
  ['the issuer with a slash', 'iss', (iss) => `${iss}/`],
  ['the issuer by http', 'iss', (iss) => iss.replace('https:', 'http:')],
  ['the issuer with another path', 'iss', (iss) => `${iss}2`],
  ['the issuer with capitals', 'iss', (iss) => iss.replace('arsia', 'ARSIA')],
  ['the issuer as user name of another', 'iss', (iss) => `${iss.replace('/oidc', '')}@evil.example.com/oidc`],
  ['no issuer', 'iss', () => undefined],
];

const conditionOf = {
  sub: /:sub$|subject|attributeCondition|claimValidationRules.* (?:sub|identity_id)$|username/,
  aud: /aud/i,
  iss: /iss|Federated/i,
};

describe.each(federatedKinds)('the trust of the type %s', (_type, provider: Provider, federated) => {
  const settings = sampleSettings(provider);

  test('has issuer, subject and audience, and documents that say where they belong', () => {
    for (const facts of everyScope()) {
      const trust = trustOf(federated, settings, facts);
      if (trust === undefined) continue;
      expect(trust).toMatchObject({ issuer: facts.issuer, subject: facts.subject });
      expect(trust.audience).toBe(federated.assertion(settings, facts).audience);
      const names = trust.documents.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      for (const document of trust.documents) {
        expect(document.title).not.toBe('');
        expect(document.paste_into).not.toBe('');
        expect(document.text).not.toMatch(/undefined|null|\[object/);
        expect(document.form).toMatch(/^[a-z]+$/);
        if (document.form === 'json') expect(() => JSON.parse(document.text)).not.toThrow();
        if (document.form === 'fields') expect(document.fields?.every(({ label, value }) => label && value)).toBe(true);
      }
    }
  });

  test('N36 allows the token of its identity, as evaluate judges it', () => {
    for (const tenancy of ['single', 'multi'] as const) {
      for (const facts of everyScope({ tenancy })) {
        const trust = trustOf(federated, settings, facts);
        if (trust === undefined) continue;
        const verdict = federated.evaluate(trust.documents[0]!.text, { ...claimsFor(provider, settings, facts) });
        expect([facts.subject_scope, verdict]).toEqual([facts.subject_scope, { allow: true }]);
      }
    }
  });

  test.each(nearMisses)('N36 refuses %s and names the condition', (_what, claim, mutate) => {
    for (const facts of everyScope()) {
      const trust = trustOf(federated, settings, facts);
      if (trust === undefined) continue;
      const right = claimsFor(provider, settings, facts);
      const wrong = mutate(right[claim], id('managed_identity'));
      const verdict: Verdict = federated.evaluate(trust.documents[0]!.text, { ...right, [claim]: wrong });
      expect([facts.subject_scope, verdict.allow]).toEqual([facts.subject_scope, false]);
      if (verdict.allow) continue;
      expect(verdict.condition).toMatch(conditionOf[claim]);
      expect(verdict.expected).not.toBe('');
      expect(verdict.actual).not.toBe('');
    }
  });

  test('has an audience that the admin chooses, or one that the provider declares', () => {
    for (const tenancy of ['single', 'multi'] as const) {
      const { audience } = federated.assertion(settings, trustFacts('workspace', { tenancy }));
      expect(federated.freeAudience?.(settings)).toBe(isCloudAudience(audience) ? undefined : audience);
    }
  });

  test('refuses text that is not a document, and a document with a repeated member', () => {
    for (const text of ['', '[]', '"x"', '{', 'null', '{"a":1,"a":2}'])
      expect(() => federated.evaluate(text, {})).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  test('names a member that it does not support', () => {
    const facts = trustFacts();
    const document = JSON.parse(federated.trust(settings, facts).documents[0]!.text);
    const claims = { ...claimsFor(provider, settings, facts) };
    expect(() => federated.evaluate(JSON.stringify({ ...document, novelty: {} }), claims)).toThrow(
      expect.objectContaining({ code: 'not_supported', message: expect.stringContaining('novelty') }),
    );
  });

  test('N34 refuses facts that are not ids, and an invalid issuer', () => {
    const facts = trustFacts();
    const hostile = ['*', `${facts.identity_id}:*`, `${facts.identity_id}' || true || '`, interpolation, '"}'];
    for (const subject of hostile)
      expect(() => federated.trust(settings, { ...facts, subject })).toThrow(
        expect.objectContaining({ code: 'claims_refused' }),
      );
    for (const wrong of ['https://a.example.com/"', 'https://a.example.com/*?x', "https://a.example.com/' || '"])
      expect(() => federated.trust(settings, { ...facts, issuer: wrong })).toThrow(
        expect.objectContaining({ code: 'claims_refused' }),
      );
    const pattern = { subject: facts.subject, is_subject_pattern: true };
    expect(() => federated.trust(settings, { ...facts, ...pattern })).toThrow(ArsiaError);
  });

  test('warns what the holder of a delivered token can choose that Arsia would have set in an exchange', () => {
    const warningsOf = (delivery: TrustFacts['delivery']) =>
      federated.trust(settings, trustFacts('workspace', { delivery })).warnings.join('\n');
    expect(warningsOf('credentials')).not.toContain('jobs have the token itself');
    for (const delivery of ['token', 'both'] as const)
      expect(
        warningsOf(delivery).includes(`With delivery ${delivery} jobs have the token itself, and its holder chooses `),
      ).toBe(provider.exchanging !== undefined);
  });

  test('N34 escapes names that people chose', () => {
    const identity = `acme/"},*${interpolation}\n\\`;
    const trust = federated.trust(settings, trustFacts('workspace', { identity }));
    for (const { form, text } of trust.documents) if (form === 'json') expect(() => JSON.parse(text)).not.toThrow();
    for (const { form, text } of trust.documents) if (form === 'shell') expect(text).not.toContain(interpolation);
  });
});

test('a type name has at most 32 lower-case letters and `_`', () => {
  for (const type of ['aws', 'azure_host', 'x'.repeat(32)]) expect(type).toMatch(identityTypePattern);
  for (const type of ['', '_aws', 'Aws', 'aws2', 'aws-host', 'x'.repeat(33)])
    expect(type).not.toMatch(identityTypePattern);
});

test('the registry lists its types when it refuses another one', () => {
  expect(new Set(providerTypes).size).toBe(providers.length);
  for (const type of ['AWS', 'aws ', 'constructor', ''])
    expect(() => requireProvider(type)).toThrow(
      expect.objectContaining({ code: 'invalid_request', advice: expect.stringContaining(providerTypes.join(', ')) }),
    );
});
