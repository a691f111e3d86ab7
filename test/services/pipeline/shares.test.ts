import { beforeEach, describe, expect, test } from '@jest/globals';
import { serverOrigin } from '../../../src/core/origin.ts';
import type { Caller } from '../../../src/core/principals.ts';
import type { Database, Queries } from '../../../src/database/connections.ts';
import { createActionTable } from '../../../src/services/actions.ts';
import type { Action, Place } from '../../../src/services/pipeline/action.ts';
import { createPipeline, type Pipeline } from '../../../src/services/pipeline/pipeline.ts';
import type { Audit } from '../../../src/services/pipeline/refusals.ts';
import { createShares, type Load } from '../../../src/services/pipeline/shares.ts';

const place: Place = { organization_id: 'grp_a', lineage: [] };
const clock = { now: () => 1_800_000_000_000, random: (bytes: number) => new Uint8Array(bytes) };
const account = (organization_id: string): Caller => ({
  kind: 'service_account',
  id: 'sa_a',
  name: 'a',
  organization_id,
});

describe('F25 the share that an organisation has in the database', () => {
  let pipeline: Pipeline;
  let refused: unknown[];
  let tenants: (string | undefined)[];

  beforeEach(() => {
    refused = [];
    tenants = [];
    const database = {
      query: {} as Queries,
      transaction: (work, options) => {
        tenants.push(options?.tenant);
        return work({} as Queries);
      },
    } as Pick<Database, 'query' | 'transaction'> as Database;
    const audit = {
      insert: async () => {},
      refuse: async (event) => void refused.push(event),
    } as Pick<Audit, 'insert' | 'refuse'> as Audit;
    pipeline = createPipeline({ database, audit, clock, shares: createShares({ connections: 10, share: 0.5 }) });
  });

  const action = (run: () => Promise<unknown>, load?: Load, changes = false): Action<object, Place, unknown> => ({
    name: 'thing.do',
    needs: 'anyone',
    changes,
    ...(load !== undefined && { load: () => load }),
    find: async () => place,
    run,
  });
  const perform = (organization: string, run: () => Promise<unknown>, load?: Load) =>
    pipeline.perform(action(run, load), { caller: account(organization), origin: serverOrigin }, {});
  const hang = () => new Promise<never>(() => {});

  test.each(['change', 'read', 'heavy', 'search', 'evaluation'] as const)(
    'leaves places to the others when its requests hang: %s',
    async (load) => {
      let begun = 0;
      const hostile = () => {
        begun++;
        return hang();
      };
      for (let n = 0; n < 20; n++) void perform('grp_hostile', hostile, load).catch(() => {});
      expect(
        await Promise.all(Array.from({ length: 10 }, (_, n) => perform('grp_other', async () => n, load))),
      ).toHaveLength(10);
      expect(begun).toBe({ change: 1, read: 1, heavy: 1, search: 4, evaluation: 1 }[load]);
    },
  );

  test('keeps its heavy changes and its reads apart from its other changes', async () => {
    for (let n = 0; n < 20; n++) void perform('grp_a', hang, 'heavy').catch(() => {});
    for (let n = 0; n < 20; n++) void perform('grp_a', hang, 'read').catch(() => {});
    expect(await perform('grp_a', async () => 'made', 'change')).toBe('made');
  });

  test('refuses a request without a record while too many of it wait', async () => {
    for (let n = 0; n < 21; n++) void perform('grp_a', hang, 'heavy').catch(() => {});
    await expect(perform('grp_a', hang, 'heavy')).rejects.toMatchObject({
      code: 'unavailable',
      message: '20 deletions and moves of this organisation are waiting already.',
      more: { retry_after: 1 },
    });
    expect(refused).toEqual([]);
  });

  test('is that of the organisation of the caller', async () => {
    const change = action(async () => {}, undefined, true);
    await pipeline.perform(change, { caller: account('grp_a'), origin: serverOrigin }, {});
    await pipeline.performTogether('thing.do', { caller: account('grp_b'), origin: serverOrigin }, async () => {});
    expect(tenants).toEqual(['grp_a', 'grp_b']);
  });

  test('has its own places for deletions and moves of trees, for audit searches and for evaluations', () => {
    const table = createActionTable({} as Parameters<typeof createActionTable>[0]);
    const loads = Object.values(table)
      .flatMap((ofNoun) => Object.values(ofNoun))
      .map(
        (one: { name: string; load?(input: object): Load }) =>
          `${one.name} ${one.load?.({ force: true, name: 'renamed' }) ?? ''}`,
      )
      .filter((one) => !one.endsWith(' '));
    expect(loads.toSorted()).toEqual([
      'alias.delete heavy',
      'audit_event.export search',
      'audit_event.list search',
      'group.delete heavy',
      'group.move heavy',
      'group.update heavy',
      'identity_mask.create heavy',
      'job.beat change',
      'managed_identity.delete heavy',
      'managed_identity.evaluate evaluation',
      'managed_identity.move heavy',
      'name.list change',
      'service_account.delete heavy',
      'workspace.delete heavy',
      'workspace.move heavy',
      'workspace.update heavy',
    ]);
  });
});
