import type { RunningArsia } from '../support/arsia.ts';
import { type Client, createClient } from '../support/client.ts';
import type { Organization } from '../support/organization.ts';
import { cases } from './cases.ts';

/** Creates callers for routes that service accounts may not use: an operator, and a second owner who is a person and can leave. */
export interface People {
  operator: Client;
  person: Client;
}

export async function createPeople(running: RunningArsia, { owner, name, id }: Organization): Promise<People> {
  const { operators } = running.arsia;
  const redeem = async (token: string) =>
    createClient(
      running.issuer,
      (await createClient(running.issuer).send('POST', '/admin-links/redeem', { token })).access_token,
    );
  await owner.send('POST', '/users', { login: 'second.owner' });
  await owner.send('POST', '/memberships', { namespace: id, principal: 'second.owner', role: 'owner' });
  const link = await operators.recover({ organization: name, owner: 'second.owner' });
  return { operator: await redeem((await operators.link('test.operator')).token), person: await redeem(link.token) };
}

/** Returns a caller that can call the route: the job, an operator, a person, or else `actor`, who owns the organisation. */
export function callerOf(key: string, callers: People & { actor: Client; job: Client }): Client {
  const { least } = cases[key]!;
  return least === 'job' || least === 'operator' || least === 'person' ? callers[least] : callers.actor;
}
