import { beforeAll, describe, expect, test } from '@jest/globals';
import { startArsia } from '../../support/arsia.ts';
import type { Body, Client } from '../../support/client.ts';
import { createOracle, type Oracle } from '../../support/oracle.ts';
import { createOrganization, type Organization } from '../../support/organization.ts';

let oracle: Oracle;
let acme: Organization;
let owner: Client;
let identity: Body;

beforeAll(async () => {
  const running = await startArsia();
  oracle = await createOracle(running);
  acme = await createOrganization(running);
  ({ owner } = acme);
  const body = { name: 'api', group: acme.group, type: 'oidc', settings: { audience: 'https://api.example' } };
  identity = await owner.send('POST', '/managed-identities', body);
}, 60_000);

describe('deleting a team', () => {
  test('that was given something is refused with the list of it, unless forced', async () => {
    const team = await owner.send('POST', '/teams', { name: 'crew' });
    const principal = team.id;
    await owner.send('POST', '/memberships', { namespace: acme.groupId, principal, role: 'viewer' });
    await owner.send('POST', `/managed-identities/${identity.id}/grants`, { principal });
    const assigned = { managed_identity: identity.id, principal };
    await owner.send('POST', `/workspaces/${acme.workspaceId}/managed-identities`, assigned);
    const { answer } = await oracle.refuses(() => owner.ask('DELETE', '/teams/crew'), {
      status: 409,
      code: 'conflict',
    });
    expect(answer.body.detail).toBe(
      `The team crew has a role on ${acme.group}, and may use ${identity.path}, and has identities of its own in ${acme.workspace}.`,
    );
    expect(answer.body.advice).toContain('?force=true');
    const removed = await owner.ask('DELETE', '/teams/crew?force=true');
    expect(removed.status).toBe(204);
    const [record] = await oracle.recordsOf(removed);
    expect(record!.detail).toEqual({
      name: 'crew',
      force: true,
      roles: [acme.group],
      use_grants: [identity.path],
      assignments: [acme.workspace],
    });
    const left = await oracle.execute(
      `SELECT id FROM memberships WHERE principal_id = $1 UNION ALL SELECT id FROM use_grants WHERE principal_id = $1
       UNION ALL SELECT id FROM assignments WHERE principal_id = $1`,
      [principal],
    );
    expect(left).toEqual([]);
  });

  test('that was given nothing needs no force', async () => {
    await owner.send('POST', '/teams', { name: 'idle' });
    await owner.send('POST', '/teams/idle/members', { user: acme.userId });
    expect((await owner.ask('DELETE', '/teams/idle')).status).toBe(204);
  });
});
