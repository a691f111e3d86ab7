import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { AuditEvent } from '../../../src/core/audit.ts';
import { ArsiaError } from '../../../src/core/errors.ts';
import { serverOrigin } from '../../../src/core/origin.ts';
import type { Database } from '../../../src/database/connections.ts';
import { unavailable } from '../../../src/database/failures.ts';
import { systemClock } from '../../../src/server/clock.ts';
import type { IdentityRequest } from '../../../src/services/issuing/decide.ts';
import {
  createDeliver,
  type Deliver,
  type DeliveryMethod,
  type Preparation,
} from '../../../src/services/issuing/deliver.ts';
import { countRefusals } from '../../../src/services/pipeline/refusals.ts';
import { createAuditStore, everyOrganization, isReceipt } from '../../../src/store/audit/events.ts';
import { hashToken } from '../../../src/store/issuing/artifacts.ts';
import { createMintFactsReader } from '../../../src/store/issuing/mintfacts.ts';
import { errorOf } from '../../signing/rig.ts';
import { auditKeys } from '../../store/events.ts';
import { assign, id, insertIdentity, insertOrganization, now, type Organization } from '../../store/organization.ts';
import { databaseKinds, freshDatabase } from '../../support/databases.ts';

/** What a kind without a token adds: a certificate for the user's name. Nothing here decides or records. */
interface Certificate {
  principal: string;
  event_id: string;
}

describe.each(databaseKinds)('a delivery without a token: %s', (kind) => {
  const clock = { now: () => now, random: systemClock.random };
  let database: Database;
  let acme: Organization;
  let identity: string;
  let token: string;
  let deliver: Deliver;
  let isAuditDown: boolean;
  /** Whether the record was committed at the moment of each delivery. */
  let deliveries: boolean[];

  const certificates: DeliveryMethod<string, Preparation & { principal: string }, Certificate> = {
    action: 'certificate.issue',
    outlet: 'credentials',
    prepare({ facts }, public_key) {
      if (public_key === '') throw new ArsiaError('invalid_request', 'The public key is missing.');
      return { principal: facts.user!.login, record: { detail: { public_key } } };
    },
    async deliver({ principal }, receipt) {
      deliveries.push(isReceipt(receipt) && (await records()).some((event) => event.id === receipt.event_id));
      return { principal, event_id: receipt.event_id };
    },
  };

  beforeAll(async () => {
    ({ database } = await freshDatabase(kind));
  }, 90_000);

  beforeEach(async () => {
    deliveries = [];
    isAuditDown = false;
    token = `arsia_job_${Buffer.from(systemClock.random(32)).toString('base64url')}`;
    acme = await insertOrganization(database);
    const { query } = database;
    await query
      .updateTable('jobs')
      .set({ token_hash: hashToken(token), launcher_id: null })
      .where('id', '=', acme.job)
      .execute();
    const role = { namespace_id: acme.lab, principal_id: acme.user, role: 'deployer' as const };
    await query
      .insertInto('memberships')
      .values({ ...role, id: id('membership'), organization_id: acme.root, created_at: new Date(now) })
      .execute();
    identity = await insertIdentity(database, acme, acme.lab, 'cluster');
    const settings = { role_arn: 'arn:aws:iam::123456789012:role/sim' };
    await query.updateTable('managed_identities').set({ settings }).where('id', '=', identity).execute();
    await assign(database, acme, identity);
    const store = createAuditStore(database, auditKeys);
    const record = async (event: AuditEvent) => {
      if (isAuditDown) throw unavailable('The audit record cannot be written right now.');
      return await store.record(event);
    };
    const audit = countRefusals({ ...store, record }, clock);
    deliver = createDeliver({ reader: createMintFactsReader(database, { keySet: 'workload' }), audit, clock });
  });

  afterEach(async () => {
    await database.query.deleteFrom('jobs').where('id', '=', acme.job).execute();
  });

  const records = async () => {
    const events = await createAuditStore(database, auditKeys).list(
      { organization_id: everyOrganization, action: 'certificate.issue' },
      { limit: 100 },
    );
    return events.filter((event) => [acme.root, null].includes(event.organization_id));
  };
  const ask = (change: Partial<IdentityRequest> = {}, public_key = 'ssh-ed25519 AAAA') =>
    deliver(certificates, { token, managed_identity: identity, origin: serverOrigin, ...change }, public_key);

  test('is decided, recorded once, and made after its record is committed', async () => {
    const { principal, event_id } = await ask();
    expect(principal).toBe(`${acme.name}.ada`);
    expect(deliveries).toEqual([true]);
    expect(await records()).toEqual([
      expect.objectContaining({
        id: event_id,
        outcome: 'success',
        actor_kind: 'job',
        actor_id: acme.job,
        organization_id: acme.root,
        workspace_id: acme.workspace,
        user_id: acme.user,
        identity_id: identity,
        job_id: acme.job,
        jti: null,
        signing_input_sha256: null,
        detail: { public_key: 'ssh-ed25519 AAAA' },
      }),
    ]);
  });

  test('on kept facts rests on the same premise: a removed assignment refuses the next one', async () => {
    for (let count = 1; count <= 3; count++) {
      await ask();
      expect(await records()).toHaveLength(count);
    }
    await database.query.deleteFrom('assignments').where('identity_id', '=', identity).execute();
    expect((await errorOf(() => ask())).code).toBe('identity_not_assigned');
    expect(deliveries).toEqual([true, true, true]);
    expect((await records()).filter(({ outcome }) => outcome !== 'success')).toEqual([
      expect.objectContaining({ outcome: 'refused', code: 'identity_not_assigned' }),
    ]);
  });

  const endJob = () =>
    database.query
      .updateTable('jobs')
      .set({ ended_at: new Date(now) })
      .where('id', '=', acme.job)
      .execute();
  const deliverTokens = () =>
    database.query.updateTable('managed_identities').set({ delivery: 'token' }).where('id', '=', identity).execute();
  const leave = () =>
    database.query.updateTable('users').set({ is_active: false }).where('id', '=', acme.user).execute();
  const refusals: {
    what: string;
    code: string;
    change?: () => Promise<unknown>;
    request?: Partial<IdentityRequest>;
    public_key?: string;
  }[] = [
    { what: 'of an ended job', code: 'job_ended', change: endJob },
    { what: 'of a deactivated user', code: 'user_inactive', change: leave },
    { what: 'of an identity that delivers tokens only', code: 'delivery_refused', change: deliverTokens },
    { what: 'of an unknown identity', code: 'not_found', request: { managed_identity: 'acme/none' } },
    { what: 'of what names no identity', code: 'not_found', request: { managed_identity: 'a\0b' } },
    { what: 'that its own method refuses', code: 'invalid_request', public_key: '' },
  ];

  test.each(refusals)('is refused with one record and not made: $what', async (refusal) => {
    const { code, change, request, public_key } = refusal;
    await change?.();
    expect((await errorOf(() => ask(request, public_key))).code).toBe(code);
    expect(await records()).toEqual([expect.objectContaining({ outcome: 'refused', code, job_id: acme.job })]);
    expect(deliveries).toEqual([]);
  });

  test('is not made where its record cannot be written', async () => {
    isAuditDown = true;
    expect((await errorOf(() => ask())).code).toBe('unavailable');
    expect([deliveries, await records()]).toEqual([[], []]);
  });
});
