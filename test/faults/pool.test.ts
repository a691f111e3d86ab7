import { execFileSync } from 'node:child_process';
import { closeSync, constants, open, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { makeHome, startArsia } from '../support/arsia.ts';
import type { Answer } from '../support/client.ts';
import { databaseKinds } from '../support/databases.ts';
import { createIdentity, createOrganization, startJob } from '../support/organization.ts';

/** More than the number of threads of the pool of this process. */
const files = 1100;

/** Holds every thread of libuv's pool: each `open` of a pipe waits for a writer. Returns a function that releases them. */
function blockPool(pipe: string): () => Promise<void> {
  execFileSync('mkfifo', [pipe]);
  const opened = Array.from(
    { length: files },
    () =>
      new Promise<number>((resolve, reject) =>
        open(pipe, 'r', (error, file) => (error ? reject(error) : resolve(file))),
      ),
  );
  return async () => {
    const writer = openSync(pipe, constants.O_RDWR);
    for (const file of await Promise.all(opened)) closeSync(file);
    closeSync(writer);
  };
}

test.each(databaseKinds)(
  'F31 tokens are signed while every thread of the pool is held by other work: %s',
  async (kind) => {
    if (process.platform === 'win32') return;
    const home = await makeHome(kind);
    const running = await startArsia({ home });
    const organization = await createOrganization(running);
    const settings = { audience: 'https://api.acme.example' };
    await createIdentity(organization, { name: 'api', type: 'oidc', settings, delivery: 'both' });
    const job = await startJob(organization);
    const mint = () => job.client.ask('POST', '/tokens', { managed_identity: 'acme/lab/api' });
    expect((await mint()).status).toBe(200);

    const release = blockPool(join(home.folder, 'pipe'));
    const answers: Answer[] = [];
    const minting = (async () => {
      for (let count = 0; count < 30; count++) answers.push(await mint());
    })();
    await Promise.race([minting, sleep(20_000, undefined, { ref: false })]);
    const meanwhile = answers.map(({ status }) => status);
    await release();
    await minting;
    expect(meanwhile).toEqual(Array(30).fill(200));
  },
  60_000,
);
