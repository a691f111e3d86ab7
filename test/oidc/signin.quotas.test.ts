import { beforeAll, describe, expect, test } from '@jest/globals';
import { createBrowser } from '../support/browser.ts';
import { type Answer, type Client, createClient } from '../support/client.ts';
import { createOracle, type Oracle } from '../support/oracle.ts';
import { createOperator } from '../support/organization.ts';
import {
  authorizationRequest,
  codeOf,
  refresh,
  type SignInWorld,
  signInPerson,
  startSignIn,
  visit,
} from '../support/people.ts';

let world: SignInWorld;
let oracle: Oracle;
let owner: Client;
let operator: Client;

beforeAll(async () => {
  world = await startSignIn({ kind: 'postgres', settings: { ARSIA_SIGN_IN_TEAMS_CLAIM: 'groups' } });
  oracle = await createOracle(world.running);
  const { running, issuer } = world;
  const { token } = await running.arsia.operators.bootstrap({ organization: 'acme', login: 'owner' });
  owner = createClient(issuer, token.access_token);
  operator = await createOperator(running);
  for (const name of ['physics', 'chemistry']) await owner.send('POST', '/teams', { name });
}, 60_000);

const setQuotas = (quotas: Record<string, number | null>) =>
  operator.send('PATCH', '/organizations/acme/quotas', { quotas });
const comes = (sub: string, more: object = {}) =>
  world.upstream.people.set(sub, { email: `${sub}@acme.example`, email_verified: true, ...more });

/** Returns the page of a refused sign-in and its audit events by code. */
async function refusedSignIn(sub: string): Promise<{ text: string; codes: unknown[] }> {
  world.upstream.visitor = sub;
  const request = authorizationRequest(world.issuer);
  const visited = await visit(createBrowser(), request);
  expect(codeOf(request, visited)).toBeUndefined();
  const records = await oracle.recordsOf(visited as unknown as Answer);
  return { text: visited.text, codes: records.map(({ action, code }) => [action, code]) };
}

const rowsOf = async (table: string) =>
  Number((await oracle.execute(`SELECT count(*)::int AS count FROM ${table}`))[0]!.count);

describe('N68 people who sign in count towards the quotas of their organisation', () => {
  test('users: refuses a new user beyond the quota, and keeps the existing ones', async () => {
    comes('grace');
    await signInPerson(world, 'grace');
    await setQuotas({ users: 1 });
    comes('alan');
    const before = await rowsOf('users');
    const { text, codes } = await refusedSignIn('alan');
    expect(text).toContain('Organisation acme has reached its quota of 1 users.');
    expect(codes).toEqual([['user.sign_in', 'quota_exceeded']]);
    expect(await rowsOf('users')).toBe(before);
    await signInPerson(world, 'grace');
    await setQuotas({ users: null });
    await signInPerson(world, 'alan');
  });

  test.each([
    ['teams_per_user', 'User ada@acme.example has reached its quota of 1 teams.'],
    ['team_members', 'has reached its quota of 1 members.'],
  ])('%s: teams of the groups claim count', async (quota, detail) => {
    comes('ada', { groups: ['physics'] });
    comes('lise', { groups: ['chemistry'] });
    for (const sub of ['ada', 'lise']) await signInPerson(world, sub);
    await setQuotas({ [quota]: 1 });
    comes('ada', { groups: ['physics', 'chemistry'] });
    const before = await rowsOf('team_members');
    const { text, codes } = await refusedSignIn('ada');
    expect(text).toContain(detail);
    expect(codes).toEqual([['user.sign_in', 'quota_exceeded']]);
    expect(await rowsOf('team_members')).toBe(before);
    // No team is added, so that nothing is refused.
    await setQuotas({ [quota]: 0 });
    comes('ada', { groups: ['physics'] });
    await signInPerson(world, 'ada');
    await setQuotas({ [quota]: null });
    comes('ada', { groups: ['physics', 'chemistry'] });
    await signInPerson(world, 'ada');
  });

  test('sign_ins: the sessions and grants that one person may hold', async () => {
    comes('mary');
    const { client } = await signInPerson(world, 'mary');
    const [row] = await oracle.execute(
      `SELECT count(*)::int AS count FROM oidc_artifacts WHERE model IN ('Session', 'Grant', 'RefreshToken')
       AND principal_id = (SELECT id FROM users WHERE login = 'mary@acme.example')`,
    );
    await setQuotas({ sign_ins: Number(row!.count) });
    const { text } = await refusedSignIn('mary');
    expect(text).toContain(`User mary@acme.example has reached its quota of ${row!.count} live sign-ins`);
    // Existing sessions continue.
    expect((await client.ask('GET', '/groups')).status).toBe(200);
    await setQuotas({ sign_ins: null });
    await signInPerson(world, 'mary');
  });

  test('sign_ins: refreshing adds none, also where the quota is reached', async () => {
    comes('emmy');
    const { refresh_token } = await signInPerson(world, 'emmy');
    const held = `SELECT count(*)::int AS count FROM oidc_artifacts WHERE model = 'RefreshToken'
      AND principal_id = (SELECT id FROM users WHERE login = 'emmy@acme.example')`;
    await setQuotas({ sign_ins: 1 });
    let token = refresh_token;
    for (let n = 0; n < 105; n++) {
      const answer = await refresh(world.issuer, 'console', token);
      expect(answer).toMatchObject({ status: 200 });
      token = answer.body.refresh_token;
    }
    // The newest hundred used ones are kept, so that a second use is detected.
    expect((await oracle.execute(held))[0]!.count).toBe(101);
    await setQuotas({ sign_ins: null });
  });
});
