import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { quotas } from '../../src/core/quotas.ts';
import { freePort } from '../support/arsia.ts';
import { rounds } from '../support/rounds.ts';
import { mint, serve, startIssuing } from './issuing.ts';

const requests = rounds(600, 6_000);
/** Megabytes. Enough for a server, and too little for the copies of facts that such requests once left in memory. */
const heap = 160;
const growth = 120;

/** Resident memory of a process in megabytes. */
function residentOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
}

test('N67 mints with a changing profile, refused and granted, leave the memory of a replica as it was', async () => {
  const issuing = await startIssuing();
  const { owner, name } = issuing.organization;
  // The maximum that an operator can set.
  await issuing.seed.arsia.quotas.change(name, { access_rule_bytes: quotas.access_rule_bytes.maximum });
  for (let rule = 0; rule < 50; rule++) {
    const values = Array.from({ length: 99 }, (_, index) => `s${rule}-${index}-${'x'.repeat(38)}`);
    await owner.send('POST', `/managed-identities/${issuing.identity.id}/access-rules`, {
      kind: 'stage',
      values: ['run', ...values],
    });
  }
  const address = `127.0.0.1:${await freePort()}`;
  const replica = await serve(issuing, { ARSIA_LISTEN: address, NODE_OPTIONS: `--max-old-space-size=${heap}` });
  const named = [issuing.identity.id, issuing.identity.path, 'oidc'];
  const ask = (managed_identity: string, profile?: string) =>
    mint(issuing, `http://${address}`, { body: { managed_identity, ...(profile !== undefined && { profile }) } });
  for (const one of named) expect((await ask(one)).status).toBe(200);
  const before = residentOf(replica.child.pid!);
  const statuses: Record<number, number> = {};
  for (let count = 0; count < requests; ) {
    const batch = Array.from({ length: 8 }, () => {
      const turn = count++;
      return ask(named[turn % 3]!, turn % 4 === 3 ? undefined : `p${turn}`);
    });
    for (const { status } of await Promise.all(batch)) statuses[status] = (statuses[status] ?? 0) + 1;
  }
  expect(replica.child.exitCode).toBeNull();
  expect(Object.keys(statuses).sort()).toEqual(['200', '403', '404']);
  expect(statuses[200]).toBe(requests / 4);
  expect(residentOf(replica.child.pid!) - before).toBeLessThan(growth);
}, 600_000);
