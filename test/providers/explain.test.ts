import { describe, expect, test } from '@jest/globals';
import type { ArsiaError, ErrorCode } from '../../src/core/errors.ts';
import { scrub } from '../../src/providers/faults.ts';
import { providers } from '../../src/providers/registry.ts';
import { issuer, sampleSettings, trustFacts } from './samples.ts';

const facts = trustFacts('workspace');
const exchangingTypes = providers.filter(({ exchanging }) => exchanging !== undefined).map(({ type }) => type);
const host = 'arsia.example.com/oidc';

/** Errors as the three SDKs throw them; the exchange tests check that with the SDKs. */
const thrownBy = {
  aws: (code: string, status: number, message = 'no') =>
    Object.assign(new Error(message), { name: `${code}Exception`, Code: code, $metadata: { httpStatusCode: status } }),
  azure: (code: string, status: number, message = 'no') => {
    const number = /^\d+$/.test(code) ? { errorNo: code, errorCode: 'invalid_client' } : { errorCode: code };
    return Object.assign(new Error(message), { ...number, errorMessage: message, response: { status, headers: {} } });
  },
  gcp: (code: string, status: number, message = 'no') => {
    const isApi = /^[A-Z_]+$/.test(code);
    const data = isApi
      ? { error: { status: code, message, code: status } }
      : { error: code, error_description: message };
    return Object.assign(new Error('x'), { response: { status, data } });
  },
} satisfies Record<string, (code: string, status: number, message?: string) => unknown>;

function explain(type: keyof typeof thrownBy | string, thrown: unknown): ArsiaError {
  const provider = providers.find((one) => one.type === type)!;
  return provider.exchanging!.explain(thrown, facts, sampleSettings(provider));
}

type Case = [
  type: keyof typeof thrownBy,
  code: string,
  status: number,
  message: string,
  ours: ErrorCode,
  condition?: string,
];

const noProvider = `No OpenIDConnect provider found in your account for ${issuer}`;
const noRecord = 'No matching federated identity record found for presented assertion';

const cases: Case[] = [
  [
    'aws',
    'AccessDenied',
    403,
    'Not authorized to perform sts:AssumeRoleWithWebIdentity',
    'cloud_denied',
    'trust policy',
  ],
  ['aws', 'AccessDenied', 403, 'x with an explicit deny in a resource control policy', 'cloud_denied', 'explicit deny'],
  ['aws', 'Unknown', 403, 'Unknown', 'cloud_denied', 'trust policy'],
  ['aws', 'InvalidIdentityToken', 400, noProvider, 'cloud_denied', 'Provider URL'],
  ['aws', 'InvalidIdentityToken', 400, 'Incorrect token audience', 'cloud_denied', 'Audience'],
  [
    'aws',
    'InvalidIdentityToken',
    400,
    'The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for requirements.',
    'cloud_denied',
    'Audience',
  ],
  [
    'aws',
    'InvalidIdentityToken',
    400,
    'The target role ARN is not present in the roles claim of the identity token',
    'cloud_denied',
    'https://aws.amazon.com/roles',
  ],
  [
    'aws',
    'InvalidIdentityToken',
    400,
    "Couldn't retrieve verification key from your identity provider,  please reference",
    'cloud_refused',
  ],
  [
    'aws',
    'InvalidIdentityToken',
    400,
    "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint",
    'cloud_refused',
  ],
  ['aws', 'InvalidIdentityToken', 400, 'Missing a required claim: sub', 'cloud_refused'],
  ['aws', 'ExpiredTokenException', 400, 'Token too old: 1', 'cloud_refused'],
  ['aws', 'IDPRejectedClaim', 403, 'x', 'cloud_refused'],
  ['aws', 'IDPCommunicationError', 400, 'could not reach', 'cloud_refused'],
  ['aws', 'MalformedPolicyDocument', 400, 'x', 'invalid_request'],
  ['aws', 'PackedPolicyTooLarge', 400, 'x', 'invalid_request'],
  [
    'aws',
    'ValidationError',
    400,
    'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
    'cloud_refused',
  ],
  ['aws', 'ValidationError', 400, 'Request ARN is invalid', 'cloud_refused'],
  ['aws', 'RegionDisabledException', 403, 'x', 'cloud_refused'],
  ['aws', 'Throttling', 400, 'Rate exceeded', 'cloud_unavailable'],
  ['aws', 'InternalFailure', 500, 'x', 'cloud_unavailable'],
  ['aws', 'STSNotInitialized', 503, 'x', 'cloud_unavailable'],
  ['aws', 'InvalidParameterValue', 400, 'x', 'cloud_refused'],
  ['azure', '70021', 401, `${noRecord}.`, 'cloud_denied', 'federated credential'],
  ['azure', '700211', 401, `${noRecord} issuer 'x'.`, 'cloud_denied', 'issuer'],
  ['azure', '700212', 401, `${noRecord} audience 'x'.`, 'cloud_denied', 'audience'],
  ['azure', '700213', 401, `${noRecord} subject 'x'.`, 'cloud_denied', 'subject'],
  ['azure', '70025', 401, 'x', 'cloud_denied', 'federated credential'],
  ['azure', '7002381', 401, 'x', 'cloud_denied', 'tenant policy'],
  ['azure', '53003', 400, 'x', 'cloud_denied', 'tenant policy'],
  ['azure', 'unauthorized_client', 400, 'x', 'cloud_denied', 'federated credential'],
  ['azure', '700016', 400, 'x', 'cloud_refused'],
  ['azure', '90002', 400, 'x', 'cloud_refused'],
  ['azure', '700024', 401, 'x', 'cloud_refused'],
  ['azure', '700027', 401, 'x', 'cloud_refused'],
  ['azure', '50166', 400, 'x', 'cloud_refused'],
  ['azure', '90061', 400, 'x', 'cloud_refused'],
  ['azure', '70011', 400, 'x', 'cloud_refused'],
  ['azure', '50027', 401, 'x', 'cloud_refused'],
  ['azure', '90033', 503, 'x', 'cloud_unavailable'],
  ['azure', 'temporarily_unavailable', 429, 'x', 'cloud_unavailable'],
  [
    'gcp',
    'unauthorized_client',
    400,
    'The given credential is rejected by the attribute condition.',
    'cloud_denied',
    'attributeCondition',
  ],
  [
    'gcp',
    'invalid_grant',
    400,
    'The audience in ID Token [x] does not match the expected audience.',
    'cloud_denied',
    'oidc.allowedAudiences',
  ],
  [
    'gcp',
    'invalid_grant',
    400,
    'The issuer in ID Token x does not match the expected ones: y',
    'cloud_denied',
    'oidc.issuerUri',
  ],
  ['gcp', 'invalid_grant', 400, 'ID Token issued at 1 is stale to sign-in.', 'cloud_refused'],
  ['gcp', 'invalid_grant', 400, "Error connecting to the given credential's issuer.", 'cloud_refused'],
  ['gcp', 'invalid_request', 400, 'The size of mapped attribute exceeds the 127 bytes limit.', 'cloud_refused'],
  [
    'gcp',
    'invalid_target',
    400,
    'The target service indicated by the "audience" parameters is invalid.',
    'cloud_refused',
  ],
  ['gcp', 'invalid_request', 400, 'Scope(s) must be provided.', 'cloud_refused'],
  [
    'gcp',
    'PERMISSION_DENIED',
    403,
    "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).",
    'cloud_denied',
    'roles/iam.workloadIdentityUser',
  ],
  ['gcp', 'NOT_FOUND', 404, 'x', 'cloud_refused'],
  ['gcp', 'INVALID_ARGUMENT', 400, 'The access token lifetime cannot exceed 3600 seconds.', 'cloud_refused'],
  ['gcp', 'RESOURCE_EXHAUSTED', 429, 'x', 'cloud_unavailable'],
  ['gcp', 'UNAVAILABLE', 503, 'x', 'cloud_unavailable'],
];

describe('error codes of the clouds', () => {
  test.each(cases.map((row) => ({ row, name: row.slice(0, 4).join(' ') })))('$name', ({ row }) => {
    const [type, code, status, message, ours, condition] = row;
    const error = explain(type, thrownBy[type](code, status, message));
    expect([error.code, error.more.condition]).toEqual([ours, condition]);
    expect(error.more.cloud).toMatchObject({ provider: type, status, message });
    expect(error.more.cloud?.code).toContain(code === 'Unknown' ? 'AccessDenied' : code);
    expect(error.advice).not.toMatch(/undefined|\[object/);
    // A refused condition has the value that the trust document needs, and the message of the cloud.
    if (condition !== undefined) expect(error.more).toMatchObject({ expected: expect.any(String), actual: message });
  });

  test('a refusal has the value to paste and a link to the whole document', () => {
    const denied = explain('aws', thrownBy.aws('AccessDenied', 403, 'Not authorized'));
    expect(denied.more.expected).toContain(`${host}:sub = ${facts.subject}`);
    for (const part of [
      facts.subject,
      `${host}:sub`,
      'sts:TagSession',
      `/api/v1/managed-identities/${facts.identity_id}/trust`,
    ])
      expect(denied.advice).toContain(part);
    expect(explain('azure', thrownBy.azure('700213', 401)).advice).toContain(facts.subject);
    expect(explain('gcp', thrownBy.gcp('PERMISSION_DENIED', 403)).advice).toContain(`subject/${facts.subject}`);
  });

  test('a bad session policy is reported as a fault of its field', () => {
    const error = explain('aws', thrownBy.aws('MalformedPolicyDocument', 400, 'Syntax errors in policy.'));
    expect(error.more.fields).toEqual([{ pointer: '/aws/session_policy', detail: 'Syntax errors in policy.' }]);
  });
});

describe.each(exchangingTypes)('errors that are no answer of the cloud (%s)', (type) => {
  test.each(['ECONNREFUSED', 'ENOTFOUND', 'ECONNRESET', 'ETIMEDOUT'])(
    'F11 %s is cloud_unavailable and is tried again',
    (code) => {
      const provider = providers.find((one) => one.type === type)!;
      for (const thrown of [
        Object.assign(new Error('x'), { code }),
        new Error('y', { cause: Object.assign(new Error('x'), { code }) }),
      ]) {
        expect(explain(type, thrown)).toMatchObject({ code: 'cloud_unavailable', more: { cloud: { code } } });
        expect(provider.exchanging!.isTransient(thrown)).toBe(true);
      }
    },
  );

  test('a certificate error is cloud_unavailable, says where to add the authority, and is not tried again', () => {
    const provider = providers.find((one) => one.type === type)!;
    const thrown = Object.assign(new Error('x'), { code: 'SELF_SIGNED_CERT_IN_CHAIN' });
    expect(explain(type, thrown)).toMatchObject({
      code: 'cloud_unavailable',
      advice: expect.stringContaining('ARSIA_EXTRA_CA_FILE'),
    });
    expect(provider.exchanging!.isTransient(thrown)).toBe(false);
  });

  test('an answer of another kind of server is cloud_unavailable with a message that says so', () => {
    for (const thrown of [
      new Error('no credentials'),
      Object.assign(new Error('x'), { $metadata: { httpStatusCode: 200 } }),
    ])
      expect(explain(type, thrown)).toMatchObject({
        code: 'cloud_unavailable',
        message: expect.stringContaining('does not understand'),
      });
  });

  test('every thrown value is explained without another error', () => {
    for (const thrown of [
      undefined,
      null,
      'text',
      0,
      {},
      [],
      new Error(''),
      { response: null },
      { $metadata: 1, response: { data: 'x' } },
    ]) {
      const error = explain(type, thrown);
      expect(error.code).toBe('cloud_unavailable');
      expect(error.more.cloud?.provider).toBe(type);
    }
  });
});

describe('N45 messages of the clouds are scrubbed', () => {
  const jwt = 'eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.eyJzdWIiOiJtaV8xIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ';
  test.each([
    ['a token', `bad token ${jwt} here`],
    ['a token cut short', `bad token ${jwt.slice(0, 60)}`],
    ['a job token', 'x arsia_job_abcdefghijklmnopqrstuvwxyz0123456789 y'],
    ['an access token of Google', 'Bearer ya29.c.abcdefghij'],
    ['an access key', 'key ASIAEXAMPLEEXAMPLE00 denied'],
    ['a form', 'client_assertion=c2VjcmV0LXRleHQ&scope=x'],
    ['JSON', '{"access_token":"c2VjcmV0LXRleHQ","x":1}'],
    ['a long run', `x ${'Qk1'.repeat(60)} y`],
  ])('%s', (_name, message) => {
    const text = scrub(message);
    expect(text).toContain('[removed]');
    expect(text).not.toMatch(/eyJ|abcdefghij|ASIAEXAMPLE|c2VjcmV0|Qk1Qk1/);
  });

  test('keeps the other words, removes control characters and shortens long texts', () => {
    expect(scrub(`bad token ${jwt} here`)).toBe('bad token [removed] here');
    expect(scrub("Couldn't retrieve\r\n\u001b[31mkey")).toBe("Couldn't retrieve [31mkey");
    expect(scrub('word '.repeat(1e5)).length).toBeLessThan(1010);
    expect(scrub(`subject '${facts.subject}'`)).toBe(`subject '${facts.subject}'`);
  });

  test('for every provider', () => {
    for (const type of ['aws', 'azure', 'gcp'] as const) {
      const error = explain(type, thrownBy[type]('AccessDenied', 403, `no ${jwt}`));
      expect(JSON.stringify([error.message, error.more])).not.toContain('eyJ');
    }
  });
});
