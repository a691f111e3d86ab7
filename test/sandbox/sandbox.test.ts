import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type CloudName, cloudNames, startSandbox } from '../../src/sandbox/sandbox.ts';
import {
  askEntra,
  askGoogle,
  assumeRole,
  azureAudience,
  type Bench,
  clientId,
  googleAudience,
  overTls,
  pasteAws,
  pasteAzure,
  pasteGoogle,
  type Reply,
  roleArn,
  startBench,
  tenant,
} from './clouds.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
  pasteAws(bench);
  pasteAzure(bench);
  pasteGoogle(bench);
});
afterAll(() => bench.close());
afterEach(() => bench.sandbox.clearFaults());

const ask: Record<CloudName, () => Promise<Reply>> = {
  aws: async () => assumeRole(bench, await bench.issuer.token()),
  azure: async () => askEntra(bench, await bench.issuer.token({ aud: azureAudience })),
  google: async () => askGoogle(bench, await bench.issuer.token({ aud: googleAudience, team: 'cfd' })),
};

describe.each(cloudNames)('%s', (cloud) => {
  test('counts requests and logs their parameters without tokens', async () => {
    const { [cloud]: log } = bench.sandbox.requests;
    const before = log.count;
    await ask[cloud]();
    expect(log.count).toBe(before + 1);
    const expected = {
      aws: { operation: 'AssumeRoleWithWebIdentity', parameters: { RoleArn: roleArn, RoleSessionName: 'ada' } },
      azure: {
        operation: 'Token',
        parameters: { tenant, client_id: clientId, scope: 'https://management.azure.com/.default' },
      },
      google: {
        operation: 'Token',
        parameters: { audience: googleAudience, scope: 'https://www.googleapis.com/auth/cloud-platform' },
      },
    };
    expect(log.calls.at(-1)).toEqual({ ...expected[cloud], at: bench.clock.now(), status: 200 });
    expect(JSON.stringify(log.calls)).not.toMatch(/eyJ/);
  });

  test('fails as often as injected, in its own form, then works again', async () => {
    for (const status of [429, 500, 503] as const) {
      bench.sandbox.inject(cloud, { kind: 'fail', status }, 2);
      const replies = [await ask[cloud](), await ask[cloud](), await ask[cloud]()];
      expect(replies.map((reply) => reply.status)).toEqual([status, status, 200]);
      expect(replies[0]!.text).toMatch(
        { aws: /<Code>\w+<\/Code>/, azure: /"error_codes":\[\d+\]/, google: /"status":"[A-Z_]+"/ }[cloud],
      );
    }
  });

  test('a request that hangs ends with the sandbox and not before', async () => {
    const other = await startSandbox();
    other.inject(cloud, { kind: 'hang' });
    const { aws, azure, google, ca, requests } = other;
    const base = { aws: aws.endpoint, azure: azure.authority_host, google: google.sts_endpoint }[cloud];
    const hung =
      cloud === 'azure' ? overTls(`${base}/t/discovery/v2.0/keys`, ca) : fetch(base).then(() => undefined as never);
    const ended = expect(hung).rejects.toThrow();
    while (requests[cloud].count === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(requests[cloud].calls[0]).not.toHaveProperty('status');
    await other.close();
    await ended;
  });

  test('does not count health checks', async () => {
    const { aws, azure, google } = bench.sandbox;
    const base = { aws: aws.endpoint, azure: azure.authority_host, google: google.sts_endpoint }[cloud];
    const before = bench.sandbox.requests[cloud].count;
    const status =
      cloud === 'azure'
        ? (await overTls(`${base}/healthz`, bench.sandbox.ca)).status
        : (await fetch(`${base}/healthz`)).status;
    expect(status).toBe(200);
    expect(bench.sandbox.requests[cloud].count).toBe(before);
  });
});

test('N40 a body over the limit is refused with 413', async () => {
  const reply = await assumeRole(bench, 'x'.repeat(300_000));
  expect(reply.status).toBe(413);
  expect((await ask.aws()).status).toBe(200);
});

test('two sandboxes share no state', async () => {
  const other = await startSandbox({ clock: bench.clock });
  try {
    const reply = await assumeRole({ ...bench, sandbox: other }, await bench.issuer.token());
    expect(reply.text).toContain('No OpenIDConnect provider found in your account');
    expect(other.ca).not.toBe(bench.sandbox.ca);
  } finally {
    await other.close();
  }
});
