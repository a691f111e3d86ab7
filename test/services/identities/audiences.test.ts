import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { day, hour } from '../../../src/core/lifetimes.ts';
import { makeHome, type RunningArsia, startArsia } from '../../support/arsia.ts';
import type { Answer, Body, Client } from '../../support/client.ts';
import { databaseKinds } from '../../support/databases.ts';
import { createOracle } from '../../support/oracle.ts';
import { createOrganization } from '../../support/organization.ts';
import { rounds } from '../../support/rounds.ts';

/** An organisation and its owner. */
interface Side {
  name: string;
  client: Client;
}

const settings = { ARSIA_TENANCY: 'multi' };

async function sideOf(running: RunningArsia, name: string): Promise<Side> {
  return { name, client: (await createOrganization(running, name)).owner };
}

const newAudience = () => `https://${randomUUID()}.example`;
const make = (side: Side, audience: string, group = side.name, type = 'oidc'): Promise<Answer> =>
  side.client.ask('POST', '/managed-identities', {
    name: `i${randomUUID()}`,
    group,
    type,
    settings: { audience },
    delivery: 'token',
  });
const made = async (...args: Parameters<typeof make>): Promise<Body> => {
  const answer = await make(...args);
  expect({ status: answer.status, text: answer.status === 201 ? '' : answer.text }).toEqual({ status: 201, text: '' });
  return answer.body;
};
const remove = ({ client }: Side, { id, name }: Body) =>
  client.send('DELETE', `/managed-identities/${id}?name=${name}`);
const group = (side: Side, parent = side.name): Promise<Body> =>
  side.client.send('POST', '/groups', { name: `g${randomUUID()}`, parent });

describe.each(databaseKinds)('the audience of a managed identity: %s', (kind) => {
  let running: RunningArsia;
  let acme: Side;
  let globex: Side;

  beforeAll(async () => {
    running = await startArsia({ home: await makeHome(kind), settings });
    acme = await sideOf(running, 'acme');
    globex = await sideOf(running, 'globex');
    // Access tokens live for an hour of the machine's time: what tests let pass lies before now.
    running.clock.advance(-200 * day * 1000);
  }, 90_000);

  const pass = (seconds: number) => running.clock.advance(seconds * 1000);
  const refused = async (side: Side, audience: string) => {
    const { status, body } = await make(side, audience);
    expect({ status, code: body.code, detail: body.detail }).toEqual({
      status: 409,
      code: 'conflict',
      detail: `The audience "${audience}" is not yours to use.`,
    });
    expect(body.advice).toContain('ask an operator of this installation to free it');
    expect(JSON.stringify(body)).not.toContain('acme');
  };

  test('N74: belongs to the organisation while one identity has it and for 30 days after, in which only it may take it again', async () => {
    const audience = newAudience();
    const [first, second] = [await made(acme, audience), await made(acme, audience, 'acme', 'kubernetes')];
    await remove(acme, first);
    pass(31 * day);
    await refused(globex, audience);
    await remove(acme, second);
    await refused(globex, audience);
    await remove(acme, await made(acme, audience));
    pass(30 * day - hour);
    await refused(globex, audience);
    pass(2 * hour);
    const theirs = await made(globex, audience);
    const { status, body } = await make(acme, audience);
    expect({ status, detail: body.detail }).toEqual({
      status: 409,
      detail: `The audience "${audience}" is not yours to use.`,
    });
    await remove(globex, theirs);
  }, 60_000);

  test('N74: is freed by other settings, and by the forced deletion of a group', async () => {
    const [changed, deleted, kept] = [newAudience(), newAudience(), newAudience()];
    const { id } = await made(acme, changed);
    const path = `/managed-identities/${id}`;
    await acme.client.send('PATCH', path, { description: 'the same audience' });
    await acme.client.send('PATCH', path, { settings: { audience: newAudience() } });
    const gone = await group(acme);
    const below = await group(acme, gone.path);
    for (const audience of [deleted, kept]) await made(acme, audience, below.path);
    await made(acme, kept);
    await acme.client.send('DELETE', `/groups/${gone.id}?force=true`);
    pass(31 * day);
    for (const audience of [changed, deleted]) await made(globex, audience);
    await refused(globex, kept);
  }, 60_000);

  test('N74: stays with an identity that is moved, has an alias, or is changed otherwise', async () => {
    const audience = newAudience();
    const [from, to] = [await group(acme), await group(acme)];
    const { id } = await made(acme, audience, from.path);
    const path = `/managed-identities/${id}`;
    const alias = await acme.client.send('POST', `${path}/aliases`, { group: to.id });
    await acme.client.send('DELETE', `${path}/aliases/${alias.id}`);
    await acme.client.send('POST', `${path}/move`, { group: to.id });
    await acme.client.send('DELETE', `/groups/${from.id}?force=true`);
    await acme.client.send('PATCH', path, { token_lifetime: 300, settings: { audience } });
    pass(31 * day);
    await refused(globex, audience);
  }, 60_000);

  test('N74: is freed at once by an operator, for all or for one organisation, unless it is in use', async () => {
    const { audiences } = running.arsia;
    const audience = newAudience();
    const identity = await made(acme, audience);
    await expect(audiences.free({ audience, organization: 'globex' })).rejects.toMatchObject({
      code: 'conflict',
      message: `The audience "${audience}" is used by 1 managed identities of the organisation acme.`,
    });
    await remove(acme, identity);
    await expect(audiences.free({ audience, organization: 'nobody' })).rejects.toMatchObject({ code: 'not_found' });
    await audiences.free({ audience, organization: 'globex' });
    expect((await make(acme, audience)).status).toBe(409);
    await remove(globex, await made(globex, audience));
    await audiences.free({ audience });
    await made(acme, audience);
    await expect(audiences.free({ audience: newAudience() })).rejects.toMatchObject({ code: 'not_found' });
  }, 60_000);

  test('N74: goes to one of two organisations that ask at the same moment', async () => {
    const times = rounds(5, 100);
    const audiences = Array.from({ length: times * 2 }, newAudience);
    const freed = audiences.slice(times);
    const gone = await group(acme);
    for (const audience of freed) await made(acme, audience, gone.path);
    await acme.client.send('DELETE', `/groups/${gone.id}?force=true`);
    pass(31 * day);
    for (const audience of audiences) {
      const answers = await Promise.all([make(acme, audience), make(globex, audience)]);
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
    }
  }, 120_000);
});

describe('freed audiences', () => {
  test('N74: are at most 1,000 of one organisation, which may still take its own again', async () => {
    const running = await startArsia({ settings });
    const oracle = await createOracle(running);
    const acme = await sideOf(running, 'acme');
    const audience = newAudience();
    await remove(acme, await made(acme, audience));
    await oracle.execute(
      `INSERT INTO audiences SELECT 'https://' || i || '.example', organization_id, freed_at
       FROM audiences, generate_series(1, 999) AS i WHERE audience = $1`,
      [audience],
    );
    const { answer } = await oracle.refuses(() => make(acme, newAudience()), { status: 409, code: 'conflict' });
    expect(answer.body.detail).toContain('has given up 1000 audiences');
    await made(acme, audience);
    await made(acme, newAudience());
  }, 60_000);

  test('N74: leave one record of the operator in the audit of the organisation that had the audience', async () => {
    const running = await startArsia({ settings });
    const oracle = await createOracle(running);
    const [acme, globex] = [await sideOf(running, 'acme'), await sideOf(running, 'globex')];
    const audience = newAudience();
    await remove(acme, await made(acme, audience));
    await running.arsia.audiences.free({ audience, organization: globex.name });
    const records = await oracle.execute(
      `SELECT o.path, e.outcome, e.detail, e.actor_kind FROM audit_events e JOIN namespaces o ON o.id = e.organization_id
       WHERE action = 'audience.free'`,
    );
    const { id } = await globex.client.send('GET', '/groups/globex');
    expect(records).toEqual([
      { path: 'acme', outcome: 'success', actor_kind: 'system', detail: { audience, reserved_for: id } },
    ]);
  }, 60_000);
});
