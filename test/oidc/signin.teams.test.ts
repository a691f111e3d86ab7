import { beforeAll, describe, expect, test } from '@jest/globals';
import { type Body, type Client, createClient } from '../support/client.ts';
import { servedKinds } from '../support/databases.ts';
import { type SignInWorld, signInPerson, startSignIn } from '../support/people.ts';

describe.each(servedKinds)('teams from the groups claim, on the %s database', (kind) => {
  let world: SignInWorld;
  let owner: Client;

  beforeAll(async () => {
    world = await startSignIn({ kind, settings: { ARSIA_SIGN_IN_TEAMS_CLAIM: 'groups' } });
    const made = await world.running.arsia.operators.bootstrap({ organization: 'acme', login: 'owner' });
    owner = createClient(world.issuer, made.token.access_token);
    for (const name of ['physics', 'chemistry', 'by-hand']) await owner.send('POST', '/teams', { name });
  }, 60_000);

  const membersOf = async (team: string) =>
    ((await owner.send('GET', `/teams/${team}/members`)).items as Body[]).map(({ login, source }) => [login, source]);
  const all = async () => [await membersOf('physics'), await membersOf('chemistry'), await membersOf('by-hand')];
  const signIn = async (groups: unknown) => {
    world.upstream.people.set('ada', { email: 'ada@acme.example', email_verified: true, groups });
    await signInPerson(world, 'ada');
  };
  const ada = ['ada@acme.example', 'sign_in'];

  test('each sign-in updates them, and keeps memberships that an owner added', async () => {
    await signIn(['physics', 'no-such-team', 'Chemistry', 7, null]);
    expect(await all()).toEqual([[ada], [], []]);
    await owner.send('POST', '/teams/by-hand/members', { user: 'ada@acme.example' });
    await signIn(['chemistry', 'chemistry']);
    expect(await all()).toEqual([[], [ada], [['ada@acme.example', 'manual']]]);
    await signIn(['by-hand']);
    expect(await all()).toEqual([[], [], [['ada@acme.example', 'manual']]]);
    await signIn('physics');
    expect(await all()).toEqual([[ada], [], [['ada@acme.example', 'manual']]]);
    const [event] = (await owner.send('GET', '/audit-events?action=user.sign_in')).items as Body[];
    expect(event!.detail.teams).toEqual(['physics']);
  });

  test.each([
    ['absent', undefined],
    ['empty', []],
    ['no list', { physics: true }],
  ])('a claim that is %s removes them', async (_name, groups) => {
    await signIn(['physics']);
    await signIn(groups);
    expect((await all())[0]).toEqual([]);
  });

  test('N43 ignores a name that PostgreSQL does not accept', async () => {
    await signIn(['phys\u0000ics', '\ud800', 'x'.repeat(100_000), 'physics']);
    expect((await all())[0]).toEqual([ada]);
  });

  test('limits a claim of thousands of groups', async () => {
    await signIn(['physics', ...Array.from({ length: 5000 }, (_, index) => `group-${index}`)]);
    expect((await all())[0]).toEqual([ada]);
  });
});
