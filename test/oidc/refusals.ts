import { expect } from '@jest/globals';
import type { Database } from '../../src/database/connections.ts';
import type { Answer, World } from './support.ts';

export type RefusalCheck = (send: () => Promise<Answer>, status: number, error: string) => Promise<Answer>;

/** Expects a refusal with this status and error and one audit event, and that nothing was stored. */
export function refusalCheck(world: World, database: Database): RefusalCheck {
  const rows = async () => {
    const all = await database.query.selectFrom('oidc_artifacts').select('id_hash').orderBy('id_hash').execute();
    return JSON.stringify(all.map((row) => Buffer.from(row.id_hash).toString('hex')));
  };
  return async (send, status, error) => {
    const before = await rows();
    world.events.length = 0;
    const answer = await send();
    expect({ status: answer.status, error: answer.body.error }).toEqual({ status, error });
    expect(world.events).toHaveLength(1);
    expect(world.events[0]).toMatchObject({ outcome: 'refused', error, target_id: null });
    expect(await rows()).toBe(before);
    return answer;
  };
}
