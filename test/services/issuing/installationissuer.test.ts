import { describe, expect, test } from '@jest/globals';
import type { Queries } from '../../../src/database/connections.ts';
import { storeFirstIssuer, verifyIssuer } from '../../../src/services/issuing/installationissuer.ts';
import { databaseKinds, freshDatabase } from '../../support/databases.ts';

const [first, second] = ['https://arsia.example.com', 'https://id.example.com'];

async function start(db: Queries, issuer: string): Promise<void> {
  await storeFirstIssuer(db, issuer);
  await verifyIssuer(db, issuer);
}

describe.each(databaseKinds)('the issuer of an installation (%s)', (kind) => {
  test('is that of the first start, and only this one may start again', async () => {
    const { query } = (await freshDatabase(kind)).database;
    await verifyIssuer(query, second);
    await start(query, first);
    await start(query, first);
    await expect(start(query, second)).rejects.toMatchObject({
      code: 'conflict',
      message: `The issuer of this installation is ${first}, and not ${second}.`,
    });
  }, 60_000);

  test('is one, when servers with different issuers start at once', async () => {
    const { database, another } = await freshDatabase(kind);
    const { query } = await another();
    const started = await Promise.allSettled([start(database.query, first), start(query, second)]);
    expect(started.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  }, 60_000);
});
