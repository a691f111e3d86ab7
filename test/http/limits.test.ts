import { readFileSync } from 'node:fs';
import { maxHeaderSize } from 'node:http';
import { beforeAll, describe, expect, test } from '@jest/globals';
import {
  accessTokenLifetime,
  adminLinkLifetime,
  idempotencyLifetime,
  jobDeadline,
  loginTombstone,
  outsideTokens,
  signInLifetimes,
  tokenLifetime,
} from '../../src/core/lifetimes.ts';
import { maximumDepth } from '../../src/core/namespace.ts';
import { trustLimits } from '../../src/core/outsidetrust.ts';
import { quotaNames, quotas } from '../../src/core/quotas.ts';
import { openApiDocument } from '../../src/http/api/openapi.ts';
import { maximumBody } from '../../src/http/kernel/body.ts';
import { describeSettings } from '../../src/server/config/config.ts';
import { maximumAnswer } from '../../src/signing/outside/fetch.ts';
import { loginIssuer, type RunningArsia, startArsia } from '../support/arsia.ts';
import { type Answer, type Body, createClient } from '../support/client.ts';
import { createOracle, type Oracle } from '../support/oracle.ts';
import { createOrganization, type Organization } from '../support/organization.ts';
import { makeThings, type Things } from './things.ts';

/** A limit of docs/limits.md, with its value in the code. */
interface Limit {
  /** The value as the document shows it. */
  value: string;
  /** File and text with the number, where nothing exports it. */
  source?: [file: string, text: string];
  /** Sends a request beyond the limit, for limits of the API. */
  beyond?: () => Promise<Answer>;
  /** The test of the limit, for other limits. */
  test?: [file: string, title: string];
}

const document = readFileSync('docs/limits.md', 'utf8');

/** Returns the cells of the table below a heading, by the first cell of each row. */
function tableOf(heading: string): Record<string, string[]> {
  const [, section = ''] = document.split(`\n## ${heading}\n`);
  const lines = section
    .split('\n## ')[0]!
    .split('\n')
    .filter((line) => line.startsWith('| '));
  const cells = lines.slice(1).map((line) => line.slice(2, -2).split(' | '));
  expect(new Set(cells.map(([name]) => name)).size).toBe(cells.length);
  return Object.fromEntries(cells.map(([name, ...rest]) => [name!, rest]));
}

let running: RunningArsia;
let oracle: Oracle;
let acme: Organization;
let things: Things;

beforeAll(async () => {
  running = await startArsia({ signIn: true });
  oracle = await createOracle(running);
  acme = await createOrganization(running);
  ({ things } = await makeThings(acme));
}, 60_000);

const x = (length: number) => 'x'.repeat(length);
const numbered = (count: number) => Array.from({ length: count }, (_, n) => `x${n}`);
const record = (count: number) => Object.fromEntries(numbered(count).map((name) => [name, 'x']));
const post = (path: string, body: Body, headers?: Record<string, string>) =>
  acme.owner.ask('POST', path, body, headers);
const get = (path: string) => acme.owner.ask('GET', path);
const group = (more: Body) => post('/groups', { name: 'x', parent: 'acme', ...more });
const user = (more: Body) => post('/users', { login: 'x', ...more });
const tie = (more: Body) => post(`/users/${things.user}/tie`, more);
const job = (more: Body) => post(`/workspaces/${acme.workspaceId}/jobs`, more);
const right = (more: Body) =>
  post(`/service-accounts/${things.account}/may-act`, { namespace: acme.group, users: ['*'], ...more });
const rule = (values: string[]) =>
  post(`/managed-identities/${things.identity}/access-rules`, { kind: 'stage', values });
const account = (jwks: object) => post('/service-accounts', { name: 'x', group: acme.group, jwks });
const role_arn = 'arn:aws:iam::111122223333:role/x';
const identity = (more: Body, settings: Body = {}) =>
  post('/managed-identities', {
    name: 'x',
    group: acme.group,
    type: 'aws',
    settings: { role_arn, ...settings },
    ...more,
  });
const google = (settings: Body) =>
  post('/managed-identities', {
    name: 'x',
    group: acme.group,
    type: 'gcp',
    settings: { project_number: '123456789012', pool: 'arsia-pool', provider: 'arsia', ...settings },
  });
const condition = (more: Body = {}) => ({ claim: 'sub', equals: 'x', ...more });
const trust = (more: Body) =>
  post(`/service-accounts/${things.account}/trust-rules`, {
    issuer: 'https://ci.acme.example',
    audience: 'arsia',
    conditions: [condition()],
    ...more,
  });
const settings = (allowed_issuers: string[]) => acme.owner.ask('PATCH', '/organization-settings', { allowed_issuers });

const requests: Record<string, Limit> = {
  'body of an API request': { value: `${maximumBody} bytes`, beyond: () => group({ description: x(maximumBody) }) },
  'form at `/oauth2`': {
    value: '56 KiB',
    source: ['src/oidc/errors.ts', 'send at most 56 KiB'],
    test: ['test/oidc/clientassertions.test.ts', 'N7 a body above the limit is 413, announced or not'],
  },
  'form of a sign-in page': { value: '1024 bytes', source: ['src/oidc/signin/context.ts', 'maximumForm = 1024'] },
  'headers of a request': {
    value: `${maxHeaderSize} bytes`,
    test: ['test/http/requests.test.ts', 'headers of 64 kB return 431, a broken request 400'],
  },
  'time until the headers are there': { value: '10 s', source: ['src/server/serving.ts', 'headersTimeout: 10_000'] },
  'time until the request is there': { value: '30 s', source: ['src/server/serving.ts', 'requestTimeout: 30_000'] },
  'time between two requests of a connection': {
    value: '65 s',
    source: ['src/server/serving.ts', 'keepAliveTimeout: 65_000'],
  },
  'requests of one caller to one replica': {
    value: '200 in a second, twice as many once in 10 s',
    source: ['src/http/limits/limits.ts', 'burstWindow = 10'],
    test: ['test/http/ratelimits.test.ts', 'gets a problem with a wait time; other callers are served'],
  },
  'unknown tokens of one address to one replica': {
    value: '200 in a second',
    test: [
      'test/http/ratelimits.test.ts',
      'N41 many invalid tokens block further invalid tokens of their address, and no valid token',
    ],
  },
  'sign-ins and device codes that one address begins at one replica': {
    value: '6000 in 600 s',
    source: ['src/http/limits/signinstarts.ts', 'most = 6_000'],
    test: ['test/http/signinstarts.test.ts', 'N68 limits the sign-ins and device codes that one address starts'],
  },
  'rows of one page of a list': { value: '200', beyond: () => get('/groups?limit=201') },
  '`cursor`': { value: '512 characters', beyond: () => get(`/groups?cursor=${x(513)}`) },
  'id or path in a URL': { value: '1400 characters', beyond: () => get(`/groups/${x(1401)}`) },
  '`Idempotency-Key`': {
    value: '255 characters',
    beyond: () => post('/groups', { name: 'x', parent: 'acme' }, { 'idempotency-key': x(256) }),
  },
  '`If-Match`': {
    value: '1000 characters',
    beyond: () =>
      acme.owner.ask('PATCH', `/groups/${things.group}`, { description: '' }, { 'if-match': `"${x(1000)}"` }),
  },
  'bearer token': {
    value: '512 characters',
    source: ['src/services/pipeline/callers.ts', 'maximumTokenLength = 512'],
    beyond: () => createClient(running.issuer, x(513)).ask('GET', '/groups'),
  },
  'faults that one answer names': {
    value: '32',
    source: ['src/http/route.ts', 'maximumFaults = 32'],
    test: ['test/http/limits.test.ts', 'an answer names the first 32 faults'],
  },
};

const stored: Record<string, Limit> = {
  name: { value: '64 characters', beyond: () => group({ name: x(65) }) },
  '`iss` of a tie': { value: '2048 characters', beyond: () => tie({ iss: x(2049), sub: 'x' }) },
  '`sub` of a tie': { value: '255 characters', beyond: () => tie({ iss: loginIssuer, sub: x(256) }) },
  'e-mail address of an invitation or a tie': {
    value: '254 characters',
    beyond: () => post('/invitations', { email: `${x(60)}@${`${x(60)}.`.repeat(4)}example` }),
  },
  login: { value: '64 characters', beyond: () => user({ login: x(65) }) },
  'display name': { value: '128 characters', beyond: () => user({ display_name: x(129) }) },
  description: { value: '1000 characters', beyond: () => group({ description: x(1001) }) },
  'depth of groups': {
    value: `${maximumDepth}`,
    async beyond() {
      let parent = 'acme';
      for (let depth = 1; depth < maximumDepth; depth++)
        parent = (await acme.owner.send('POST', '/groups', { name: 'd', parent })).path;
      return await post('/groups', { name: 'd', parent });
    },
  },
  'managed identities assigned with a new workspace': {
    value: '20',
    beyond: () =>
      post('/workspaces', {
        name: 'x',
        group: acme.group,
        managed_identities: numbered(21).map((profile) => ({ managed_identity: things.identity, profile })),
      }),
  },
  'labels of a job': { value: '32', beyond: () => job({ labels: record(33) }) },
  'value of a label': { value: '256 characters', beyond: () => job({ labels: { a: x(257) } }) },
  '`reference` of a job': { value: '256 characters', beyond: () => job({ reference: x(257) }) },
  '`task_index`': { value: '1000000', beyond: () => job({ parent: things.job, task_index: 1_000_001 }) },
  '`heartbeat`': { value: '10 to 86400 s', beyond: () => job({ heartbeat: 86_401 }) },
  'deadline of a job': {
    value: `${jobDeadline.minimum} to ${jobDeadline.maximum} s, ${jobDeadline.default} by default`,
    beyond: () => job({ deadline: jobDeadline.maximum + 1 }),
  },
  'token lifetime of an identity': {
    value: `${tokenLifetime.minimum} to ${tokenLifetime.maximum} s, ${tokenLifetime.default} by default`,
    beyond: () => identity({ token_lifetime: tokenLifetime.maximum + 1 }),
  },
  'session tags of an AWS identity': {
    value: '50',
    source: ['src/providers/aws/settings.ts', 'maximumTags = 50'],
    test: ['test/http/openapibodies.test.ts', '%d session tags get %d, and the document agrees'],
  },
  'transitive tag keys of an AWS identity': {
    value: '50',
    beyond: () =>
      identity({}, { session_tags: { a: 'x' }, transitive_tag_keys: Array.from({ length: 51 }, () => 'a') }),
  },
  'scopes of a Google identity': {
    value: '20',
    beyond: () => google({ scopes: numbered(21).map((scope) => `https://www.googleapis.com/auth/${scope}`) }),
  },
  'values of an access rule': { value: '100', beyond: () => rule(numbered(101)) },
  'value of an access rule': { value: '128 characters', beyond: () => rule([x(129)]) },
  '`users` of a right to act': { value: '100', beyond: () => right({ users: numbered(101) }) },
  '`stages` of a right to act': { value: '32', beyond: () => right({ stages: numbered(33) }) },
  '`labels` of a right to act': { value: '32', beyond: () => right({ labels: record(33) }) },
  'conditions of a trust rule': {
    value: `${trustLimits.conditions}`,
    beyond: () => trust({ conditions: Array.from({ length: trustLimits.conditions + 1 }, () => condition()) }),
  },
  'claim of a condition': {
    value: `${trustLimits.claim} characters`,
    beyond: () => trust({ conditions: [condition({ claim: x(trustLimits.claim + 1) })] }),
  },
  'value of a condition': {
    value: `${trustLimits.value} characters`,
    beyond: () => trust({ conditions: [condition({ equals: x(trustLimits.value + 1) })] }),
  },
  'audience of a trust rule': {
    value: `${trustLimits.audience} characters`,
    beyond: () => trust({ audience: x(trustLimits.audience + 1) }),
  },
  'allowed issuers of an organisation': {
    value: '100',
    beyond: () => settings(numbered(101).map((name) => `https://${name}.example`)),
  },
  'allowed issuer': { value: '512 characters', beyond: () => settings([`https://${x(505)}`]) },
  'public keys of a service account': {
    value: '10',
    source: ['src/core/clientkeys.ts', 'maximumKeys = 10'],
    beyond: () => account({ keys: numbered(11).map((kid) => ({ kty: 'EC', kid })) }),
  },
  'public keys of a trust rule': {
    value: '10',
    source: ['src/core/clientkeys.ts', 'maximumKeys = 10'],
    beyond: () => trust({ jwks: { keys: numbered(11).map((kid) => ({ kty: 'EC', kid })) } }),
  },
  'different uploaded keys of one issuer in the trust rules of a service account': {
    value: String(trustLimits.uploadedKeys),
    test: [
      'test/e2e/uploadedkeys.test.ts',
      'are at most 20 of an issuer in all rules of an account, and one that several rules have counts once',
    ],
  },
  'RSA key of a service account': {
    value: '2048 to 8192 bits',
    source: ['src/core/clientkeys.ts', 'modulus = { minimum: 2048, maximum: 8192 }'],
    beyond: () => account({ keys: [{ kty: 'RSA', e: 'AQAB', n: Buffer.alloc(1025, 255).toString('base64url') }] }),
  },
  'pasted trust document': {
    value: '20000 characters',
    beyond: () => post(`/managed-identities/${things.identity}/trust/evaluate`, { document: x(20_001) }),
  },
  'session policy of a request for AWS credentials': {
    value: '2048 characters',
    source: ['src/providers/aws/credentials.ts', 'maximumPolicy = 2048'],
  },
  'audiences that an organisation gave up in 30 days': {
    value: '1000',
    source: ['src/services/identities/audiences.ts', 'maximumFreed = 1000'],
    test: [
      'test/services/identities/audiences.test.ts',
      'N74: are at most 1,000 of one organisation, which may still take its own again',
    ],
  },
};

const seconds = (value: number) => `${value} s`;
const lifetimes: Record<string, Limit> = {
  'access token of a service account': {
    value: seconds(accessTokenLifetime),
    test: ['test/oidc/accesstokens.test.ts', 'an expired token is inactive before it is swept'],
  },
  'access token of a person': { value: seconds(signInLifetimes.accessToken) },
  'client secret': {
    value: seconds(90 * 86_400),
    test: [
      'test/services/namespaces/organizations.test.ts',
      'have at most two client secrets, each shown once and valid for 90 days',
    ],
  },
  'client assertion': {
    value: seconds(3600),
    test: [
      'test/oidc/clientassertions.test.ts',
      'N14 accepts times with 60 s of tolerance and an expiry of at most an hour',
    ],
  },
  'token of an outside issuer, from `iat` to `exp`': {
    value: `${seconds(outsideTokens.lifetime.maximum)}, ${outsideTokens.lifetime.default} by default (\`maximum_lifetime\` of the trust rule)`,
    test: [
      'test/e2e/outsidedecisions.test.ts',
      'accepts a lifetime of 24 h, or up to the maximum of the rule, which is at most 7 days',
    ],
  },
  'sign-in, from the first page': { value: seconds(signInLifetimes.interaction) },
  'authorization code': { value: seconds(signInLifetimes.code) },
  'device code': {
    value: seconds(signInLifetimes.deviceCode),
    test: [
      'test/oidc/signin.device.test.ts',
      'a code that was not typed in time has expired, for the device and for the person',
    ],
  },
  'session of a browser': {
    value: seconds(signInLifetimes.session),
    test: [
      'test/oidc/signin.flow.test.ts',
      'N20 a session ends 12 hours after signing in, and the console`s tokens with it',
    ],
  },
  'refresh token, unused': { value: seconds(signInLifetimes.refreshToken) },
  'grant of a client': { value: seconds(signInLifetimes.grant) },
  invitation: {
    value: seconds(signInLifetimes.invitation),
    test: ['test/oidc/signin.invitations.test.ts', 'refuses a withdrawn or expired invitation'],
  },
  'tie by address': {
    value: seconds(signInLifetimes.tie),
    test: ['test/oidc/signin.ties.test.ts', 'ends after two weeks'],
  },
  'former login': {
    value: seconds(loginTombstone),
    test: ['test/http/users.test.ts', 'reserves the login of a deleted user for 30 days'],
  },
  'link of `arsia server admin link`': { value: seconds(adminLinkLifetime) },
  'answer kept for an `Idempotency-Key`': {
    value: seconds(idempotencyLifetime),
    test: ['test/http/idempotency.test.ts', 'is deleted after a day'],
  },
};

const replica: Record<string, Limit> = {
  'connections to PostgreSQL': { value: '20' },
  'wait for a connection': {
    value: '900 ms',
    source: ['src/database/server.ts', 'patience = 900;'],
    test: [
      'test/database/faults.test.ts',
      'has no connection left: callers get `unavailable`, and open connections go on',
    ],
  },
  'wait for the embedded database': { value: '15 s', source: ['src/database/embedded.ts', 'patience = 15_000'] },
  'requests that wait for the embedded database': {
    value: '2000',
    source: ['src/database/embedded.ts', 'maximumWaiting = 2_000'],
  },
  'requests that wait for a connection': {
    value: '2000',
    source: ['src/database/server.ts', 'maximumWaiting = 2_000'],
  },
  statement: {
    value: '5 s',
    source: ['src/database/server.ts', 'statement_timeout: 5_000'],
    test: [
      'test/database/faults.test.ts',
      'M13: is slow: the answer of an abandoned statement never reaches the next one',
    ],
  },
  'change that loses against others': { value: '5 s', source: ['src/database/database.ts', 'patience = 5_000'] },
  'changes that wait to be tried again': {
    value: '500, and 200 of one organisation',
    source: ['src/database/database.ts', 'waitingRetries = { maximumWaiting: 500, maximumWaitingPerTenant: 200 }'],
  },
  'audit records that wait': {
    value: '10000, and 5000 of one organisation',
    source: ['src/store/audit/events.ts', 'maximumWaiting = 10_000'],
    test: [
      'test/store/audit/events.test.ts',
      'F25 refuses events of one organisation beyond its half of the queue at once',
    ],
  },
  'mints that wait for their facts': {
    value: '10000, and 5000 of one organisation',
    source: ['src/store/issuing/mintstatement.ts', 'maximumWaiting: 10_000'],
  },
  'audit searches at once': {
    value: '3, one of each organisation, and 200 that wait',
    source: ['src/store/audit/events.ts', 'most: 3,\n    mostPerTenant: 1,\n    maximumWaiting: 200,'],
  },
  'changes at once': {
    value: 'a quarter of the connections; with several organisations half of these of one',
    source: ['src/services/pipeline/shares.ts', "limitConnections('changes', 0.25)"],
  },
  'reads at once': {
    value: 'a fifth of the connections; with several organisations half of these of one',
    source: ['src/services/pipeline/shares.ts', "limitConnections('reads', 0.2)"],
  },
  'forced deletions and moves at once': {
    value: '2, one of each organisation, and 100 that wait',
    source: [
      'src/services/pipeline/shares.ts',
      "tasks: 'deletions and moves',\n      most: 2,\n      mostPerTenant: 1,\n      maximumWaiting: 100,",
    ],
  },
  'documents that `trust/evaluate` judges at once': {
    value: '2, one of each organisation, and 100 that wait',
    source: [
      'src/services/pipeline/shares.ts',
      "tasks: 'evaluations of documents',\n      most: 2,\n      mostPerTenant: 1,\n      maximumWaiting: 100,",
    ],
  },
  'exchanges at once for each endpoint': {
    value: '64, and 128 that wait; with several organisations half of these of one',
    source: ['src/providers/calls.ts', 'queue = 128'],
    test: [
      'test/providers/calls.test.ts',
      'F10 a cloud that hangs fills only its own places; beyond its queue callers get a Retry-After',
    ],
  },
  exchange: {
    value: '10 s',
    test: [
      'test/providers/calls.test.ts',
      'F10 ends a hanging attempt with cloud_timeout, even if the attempt ignores its signal',
    ],
  },
  'tries of an exchange': {
    value: '3',
    source: ['src/providers/calls.ts', 'maximumTries = 3'],
    test: [
      'test/e2e/credentials.test.ts',
      'a cloud that throttles or fails is tried three times at most, then 502; a single failure is retried',
    ],
  },
  'token of an outside issuer': {
    value: '20000 characters',
    source: ['src/signing/outside/verify.ts', 'maximumTokenLength = 20_000'],
    test: ['test/signing/outside/verify.test.ts', 'N7 when it is longer than 20,000 characters'],
  },
  'document of an outside issuer': { value: `${maximumAnswer} bytes` },
  'keys of an outside issuer': {
    value: '100',
    source: ['src/signing/outside/keys.ts', 'maximumKeys = 100'],
    test: ['test/signing/outside/documents.test.ts', 'are read up to a hundred'],
  },
  'keys of outside issuers that are kept': {
    value: '16 MiB, and 8 MiB of one organisation',
    source: ['src/signing/outside/documents.ts', 'maximumBytes: 16 * mebibyte,\n  shareBytes: 8 * mebibyte,'],
    test: [
      'test/signing/outside/documents.test.ts',
      'N67 are kept up to the share of an organisation in bytes, failures included, and push out none of another organisation',
    ],
  },
  'fetches from outside issuers at once': {
    value: '64',
    source: ['src/signing/outside/documents.ts', 'maximumFetches = 64'],
    test: ['test/signing/outside/documents.test.ts', 'are refused while too many issuers are being fetched'],
  },
  'answer of the identity provider': {
    value: '262144 bytes',
    source: ['src/oidc/upstream/fetch.ts', 'maximumAnswer = 256 * 1024'],
  },
  'teams that one ID token names': {
    value: '1000',
    source: ['src/oidc/upstream/person.ts', 'maximumTeams = 1000'],
    test: ['test/oidc/signin.teams.test.ts', 'limits a claim of thousands of groups'],
  },
  'known good tokens that a replica remembers': {
    value: '50000',
    source: ['src/http/limits/recognition.ts', 'maximumKnown = 50_000'],
  },
  'made-up tokens that a replica remembers': {
    value: '10000, for 10 s',
    source: ['src/http/limits/recognition.ts', 'maximumAbsent = 10_000'],
    test: ['test/http/ratelimits.test.ts', 'there is one for a credential, however often it is sent'],
  },
  'unknown tokens of one address that wait to be looked up': {
    value: '256',
    source: ['src/http/limits/recognition.ts', 'maximumWaiting = 256'],
    test: ['test/http/ratelimits.test.ts', 'there is at most one batch at a time for each address'],
  },
  'unknown tokens that wait to be looked up': {
    value: '4096',
    source: ['src/store/machines/livecredentials.ts', 'maximumWaiting = 4_096'],
    test: ['test/services/machines/livecredentials.test.ts', 'nothing while 4,096 wait, but answers `unavailable`'],
  },
};

const tables = {
  'Limits of requests': requests,
  'Limits of what is stored': stored,
  Lifetimes: lifetimes,
  'Limits of one replica': replica,
};

describe('N68 docs/limits.md', () => {
  test('lists every quota with its values', () => {
    const rows = Object.fromEntries(
      quotaNames.map((name) => {
        const { default: initial, maximum, per, counts, counted } = quotas[name];
        return [
          `\`${name}\``,
          [`${initial}`, `${maximum}`, per.replace('_', ' '), counts, counted === 'before' ? 'no' : 'yes'],
        ];
      }),
    );
    expect(tableOf('Quotas')).toEqual(rows);
  });

  test('names the bound of each table of the database, with quotas that exist', async () => {
    const listed = tableOf('What bounds each table');
    const found = await oracle.execute(`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`);
    expect(Object.keys(listed).sort()).toEqual(found.map(({ name }) => `\`${name}\``).sort());
    for (const [, bound] of Object.values(listed).flatMap(([text = '']) => [
      ...text.matchAll(/quotas? (.*?)(?:;|$| counts)/g),
    ]))
      for (const [, name] of bound!.matchAll(/`(\w+)`/g)) expect(quotaNames).toContain(name);
  });

  describe.each(Object.entries(tables))('%s', (heading, limits) => {
    const rows = tableOf(heading);
    test('lists exactly the limits of this test', () => {
      expect(Object.keys(rows).sort()).toEqual(Object.keys(limits).sort());
    });

    test.each(Object.entries(limits))('%s', async (name, { value, source, beyond, test: named }) => {
      const [shown, changedBy = '', refusal = ''] = rows[name]!;
      expect(shown).toBe(value);
      const setting = describeSettings().find((one) => `\`${one.name}\`` === changedBy);
      if (changedBy === 'fixed') expect(setting).toBeUndefined();
      else expect(value).toMatch(new RegExp(`^${setting!.default}\\b`));
      if (source !== undefined) expect(readFileSync(source[0], 'utf8')).toContain(source[1]);
      if (named !== undefined) expect(readFileSync(named[0], 'utf8')).toContain(named[1]);
      if (beyond === undefined) return;
      const { status, body, text } = await beyond();
      expect([`${status} \`${body.code}\``, text]).toEqual([refusal, text]);
    });
  });

  test('an answer names the first 32 faults', async () => {
    const { status, body } = await group(record(40));
    expect([status, body.errors.length]).toEqual([400, 32]);
  });
});

describe('the schemas of requests', () => {
  const { paths } = openApiDocument('/api/v1') as Body;
  // The forms of `/oauth2` are read by oidc-provider, which bounds the whole form.
  const own = Object.entries(paths as Body).filter(([path]) => !path.startsWith('/oauth2/'));
  const bodies = own.flatMap(([path, methods]) =>
    Object.entries(methods as Body)
      .filter(([, operation]) => operation.requestBody !== undefined)
      .map(([method, operation]): [string, Body] => [
        `${method} ${path}`,
        operation.requestBody.content['application/json'].schema,
      ]),
  );
  const schemas = (openApiDocument('/api/v1') as Body).components.schemas as Body;

  /** Yields the collections and texts without a bound. */
  function* unbounded(schema: Body, at: string): Generator<string> {
    if (schema.$ref !== undefined) {
      yield* unbounded(schemas[schema.$ref.split('/').at(-1)], at);
      return;
    }
    if (schema.type === 'array' && schema.maxItems === undefined) yield at;
    const isRecord = schema.type === 'object' && schema.additionalProperties instanceof Object;
    if (isRecord && schema.maxProperties === undefined) yield at;
    if (isRecord) yield* unbounded(schema.additionalProperties, `${at}/*`);
    const { maxLength, pattern, format, enum: choices, const: only } = schema;
    if (schema.type === 'string' && [maxLength, pattern, format, choices, only].every((one) => one === undefined))
      yield at;
    for (const [name, member] of Object.entries((schema.properties ?? {}) as Body))
      yield* unbounded(member, `${at}/${name}`);
    if (schema.items !== undefined) yield* unbounded(schema.items, `${at}/*`);
    for (const [index, one] of ((schema.anyOf ?? schema.oneOf ?? []) as Body[]).entries())
      yield* unbounded(one, `${at}(${index})`);
  }

  test('are in the OpenAPI document', () => expect(bodies.length).toBeGreaterThan(20));

  test.each(bodies)('%s bounds every array, record and text', (_key, schema) => {
    expect([...unbounded(schema, '')]).toEqual([]);
  });
});
