import { beforeAll, describe, expect, test } from '@jest/globals';
import { parseConfig } from '../../src/server/config/config.ts';
import { type RunningArsia, startArsia } from '../support/arsia.ts';
import type { Body } from '../support/client.ts';
import { createOracle, type Oracle } from '../support/oracle.ts';
import { createOrganization, type Organization } from '../support/organization.ts';

let running: RunningArsia;
let oracle: Oracle;
let organization: Organization;
let path: string;

const good = {
  issuer: 'https://token.actions.githubusercontent.com',
  audience: 'https://arsia.example',
  conditions: [{ claim: 'repository', equals: 'acme/app' }],
};

beforeAll(async () => {
  running = await startArsia();
  oracle = await createOracle(running);
  organization = await createOrganization(running);
}, 60_000);

let made = 0;
async function newAccount(): Promise<string> {
  const { owner, group } = organization;
  const { id } = await owner.send('POST', '/service-accounts', { name: `a${++made}`, group });
  return `/service-accounts/${id}/trust-rules`;
}

describe('trust rules', () => {
  beforeAll(async () => {
    path = await newAccount();
  });

  test('are created, listed and deleted, each with its record', async () => {
    const { owner, id } = organization;
    const body = {
      ...good,
      conditions: [...good.conditions, { claim: '/kubernetes.io/namespace', matches: 'ci-*' }],
      single_use: true,
      description: 'Releases.',
    };
    const answer = await owner.ask('POST', path, body);
    expect([answer.status, answer.body]).toEqual([
      201,
      {
        ...body,
        maximum_lifetime: 86_400,
        warnings: [],
        jwks: null,
        id: expect.stringMatching(/^trust_[0-9a-z]{26}$/),
        service_account_id: expect.stringMatching(/^sa_/),
        organization_id: id,
        created_at: expect.any(String),
      },
    ]);
    expect((await owner.send('GET', path)).items).toEqual([answer.body]);
    const gone = await owner.ask('DELETE', `${path}/${answer.body.id}`);
    expect(gone.status).toBe(204);
    expect((await owner.send('GET', path)).items).toEqual([]);
    const { issuer, audience, conditions, single_use } = body;
    const detail = {
      trust_rule_id: answer.body.id,
      issuer,
      audience,
      conditions,
      single_use,
      maximum_lifetime: 86_400,
    };
    for (const [one, action] of [
      [answer, 'trust_rule.create'],
      [gone, 'trust_rule.delete'],
    ] as const)
      expect(await oracle.recordsOf(one)).toEqual([
        expect.objectContaining({ action, outcome: 'success', target_id: answer.body.service_account_id, detail }),
      ]);
  });

  test('of an issuer that Arsia does not know come with a warning', async () => {
    const { owner } = organization;
    const at = await newAccount();
    const rule = await owner.send('POST', at, { ...good, issuer: 'https://ci.unknown.example' });
    expect(rule.warnings).toEqual([expect.stringContaining('who gets tokens of https://ci.unknown.example.')]);
    expect((await owner.send('GET', at)).items).toEqual([rule]);
  });

  test('keep the issuer and the values of conditions as they are written', async () => {
    const { owner } = organization;
    const at = await newAccount();
    const environment = { claim: 'environment', equals: '\u{1f469}\u200d\u{1f680} prod' };
    for (const issuer of ['https://STS.Contoso.com/adfs', 'https://gitlab.example.com:443']) {
      const rule = await owner.send('POST', at, { ...good, issuer, conditions: [environment] });
      expect([rule.issuer, rule.conditions]).toEqual([issuer, [environment]]);
    }
    const hidden = { claim: 'environment', equals: 'a\u202eb' };
    expect((await owner.ask('POST', at, { ...good, conditions: [hidden] })).status).toBe(400);
  });

  test('of another service account are not found', async () => {
    const { owner } = organization;
    const rule = await owner.send('POST', path, good);
    const other = await newAccount();
    await oracle.refuses(() => owner.ask('DELETE', `${other}/${rule.id}`), { status: 404, code: 'not_found' });
    expect((await owner.send('GET', other)).items).toEqual([]);
  });

  test.each<[string, Body, string]>([
    ['no condition', { issuer: 'https://id.example', conditions: [] }, '/conditions'],
    ['no audience', { audience: undefined }, '/audience'],
    ['an empty audience', { audience: '' }, '/audience'],
    ['an audience with a space', { audience: 'a b' }, '/audience'],
    ['an audience of AWS', { audience: 'sts.amazonaws.com' }, '/audience'],
    ['neither operator', { conditions: [{ claim: 'sub' }] }, '/conditions/0'],
    ['both operators', { conditions: [{ claim: 'sub', equals: 'x', matches: 'x' }] }, '/conditions/0'],
    ['another operator', { conditions: [{ claim: 'sub', regex: '.*' }] }, '/conditions/0/regex'],
    ['an empty value', { conditions: [{ claim: 'sub', equals: '' }] }, '/conditions/0/equals'],
    ['a pattern for all', { conditions: [{ claim: 'sub', matches: '*' }] }, '/conditions/0/matches'],
    ['21 conditions', { conditions: Array.from({ length: 21 }, () => good.conditions[0]) }, '/conditions'],
    ['everybody at GitHub', { conditions: [{ claim: 'ref', equals: 'refs/heads/main' }] }, '/conditions'],
    [
      'a nested claim with dots',
      { conditions: [{ claim: 'kubernetes.io.namespace', equals: 'x' }] },
      '/conditions/0/claim',
    ],
  ])('with %s are refused, naming the field', async (_name, change, pointer) => {
    const { answer } = await oracle.refuses(() => organization.owner.ask('POST', path, { ...good, ...change }), {
      status: 400,
      code: 'invalid_request',
      action: 'trust_rule.create',
    });
    expect(answer.body.errors.map((one: Body) => one.pointer)).toContain(pointer);
  });

  test('N30 N31 of internal or disguised issuers are refused with one constant text', async () => {
    const texts = new Set<string>();
    for (const issuer of [
      'https://127.0.0.1',
      'https://169.254.169.254/latest',
      'https://[::1]',
      'https://[::ffff:127.0.0.1]',
      'https://0',
      'https://2130706433',
      'https://0177.0.0.1',
      'http://127.0.0.1:9000',
      'http://good.example',
      'gopher://good.example',
      'file:///etc/passwd',
      'https://good.example:22',
      'https://user@good.example',
      'https://good.example@evil',
      'https://evil.example/?https://good.example',
      'GOOD.example',
      'https:good.example',
    ]) {
      const { answer } = await oracle.refuses(() => organization.owner.ask('POST', path, { ...good, issuer }), {
        status: 400,
        code: 'invalid_request',
      });
      texts.add(JSON.stringify(answer.body.errors));
    }
    expect([...texts]).toEqual([expect.stringContaining('must be the https URL of a public host')]);
  });

  test('N19 with Arsia as issuer are refused', async () => {
    const own = await startArsia({ settings: { ARSIA_OUTSIDE_ISSUERS_LOOPBACK: 'true' } });
    const { owner, launcherId } = await createOrganization(own);
    for (const issuer of [own.issuer, `${own.issuer}/oauth2`]) {
      const answer = await owner.ask('POST', `/service-accounts/${launcherId}/trust-rules`, { ...good, issuer });
      expect([answer.status, answer.body.errors]).toEqual([
        400,
        [{ pointer: '/issuer', detail: expect.stringContaining('this installation of Arsia') }],
      ]);
    }
  });

  test('are at most ten for an account, also when created concurrently', async () => {
    const { owner } = organization;
    const full = await newAccount();
    const answers = await Promise.all(Array.from({ length: 14 }, () => owner.ask('POST', full, good)));
    const statuses = answers.map(({ status }) => status);
    // Under contention a change may have to be tried again, but an eleventh rule must never exist.
    for (let tries = 0; (await owner.send('GET', full)).items.length < 10 && tries < 10; tries++)
      await owner.ask('POST', full, good);
    expect(statuses.filter((status) => ![201, 409, 503].includes(status))).toEqual([]);
    expect((await owner.send('GET', full)).items).toHaveLength(10);
    const { answer } = await oracle.refuses(() => owner.ask('POST', full, good), {
      status: 409,
      code: 'quota_exceeded',
    });
    expect(answer.body.detail).toContain('has reached its quota of 10 trust rules');
  });

  test('must name an allowed issuer when the organisation restricts them', async () => {
    const { owner, id } = organization;
    const allow = (issuers: string) =>
      oracle.execute(
        `INSERT INTO organization_settings (organization_id, allowed_issuers) VALUES ($1, ${issuers})
         ON CONFLICT (organization_id) DO UPDATE SET allowed_issuers = excluded.allowed_issuers`,
        [id],
      );
    await allow(`ARRAY['https://gitlab.acme.example']`);
    const { answer } = await oracle.refuses(() => owner.ask('POST', path, good), {
      status: 400,
      code: 'invalid_request',
    });
    expect(answer.body.errors).toEqual([
      { pointer: '/issuer', detail: 'is not among the issuers that the organisation allows' },
    ]);
    await owner.send('POST', path, { ...good, issuer: 'https://gitlab.acme.example' });
    await allow('NULL');
    await owner.send('POST', path, good);
  });
});

test('N60 loopback issuers are for development: the setting is a fault when ARSIA_ISSUER is https', () => {
  const settings = { ARSIA_ISSUER: 'https://arsia.example', ARSIA_OUTSIDE_ISSUERS_LOOPBACK: 'true' };
  expect(() => parseConfig(settings)).toThrow(/ARSIA_OUTSIDE_ISSUERS_LOOPBACK must be false/);
  expect(parseConfig({ ...settings, ARSIA_OUTSIDE_ISSUERS_LOOPBACK: 'false' }).allowLoopbackIssuers).toBe(false);
  expect(parseConfig({}).allowLoopbackIssuers).toBe(false);
  expect(parseConfig({ ARSIA_OUTSIDE_ISSUERS_LOOPBACK: 'true' }).allowLoopbackIssuers).toBe(true);
});
