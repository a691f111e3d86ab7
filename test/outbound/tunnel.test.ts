import { execFile } from 'node:child_process';
import { request } from 'node:https';
import type { Socket } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createOutbound, type OutboundSettings } from '../../src/outbound/outbound.ts';
import { makeServerIdentity } from '../../src/sandbox/authority.ts';
import { type Stub, startStub } from '../providers/stub.ts';
import { freePort } from '../support/arsia.ts';
import { type ConnectProxy, proxyAuthorization, startConnectProxy } from '../support/connectproxy.ts';

const host = 'cloud.example';
const identity = makeServerIdentity(host);
let stub: Stub;
let proxy: ConnectProxy;
let url: string;

beforeAll(async () => {
  stub = await startStub(identity);
  proxy = await startConnectProxy();
  url = `https://${host}:${new URL(stub.url).port}/`;
});
afterAll(() => stub.close());
beforeEach(() => {
  proxy.behave = undefined;
  proxy.refusal = undefined;
});

async function get(more: OutboundSettings = {}, signal = AbortSignal.timeout(5000)): Promise<number> {
  const outbound = createOutbound({ extraCa: identity.ca, proxy: proxy.url, ...more });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const sent = request(url, { agent: outbound.agentFor(url, 'once'), signal }, (incoming) => {
    incoming.resume().on('end', () => resolve(incoming.statusCode!));
  });
  sent.on('error', reject).end();
  return await promise;
}

async function allClosed(): Promise<void> {
  for (let tries = 300; proxy.open() > 0 && tries > 0; tries--) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(proxy.open()).toBe(0);
}

const established = 'HTTP/1.1 200 Connection established\r\n';

describe('a tunnel', () => {
  test('is opened in pieces too, with headers', async () => {
    stub.react({ body: {} });
    proxy.behave = (client) => {
      const pieces = [...`${established}Via: 1.1 proxy\r\n\r\n`];
      const timer = setInterval(() => {
        const piece = pieces.shift();
        if (piece !== undefined) client.write(piece);
        else clearInterval(timer);
      }, 1);
    };
    // Nothing is behind the tunnel: the request then waits in the handshake.
    await expect(get({}, AbortSignal.timeout(500))).rejects.toMatchObject({ name: 'AbortError' });
    await allClosed();
    proxy.behave = undefined;
    await expect(get()).resolves.toBe(200);
    await allClosed();
  });

  test.each<[string, (client: Socket) => void, string]>([
    [
      'a header that never ends',
      flood('HTTP/1.1 200 OK\r\nx: ', 'x'.repeat(1000)),
      'sent an answer of over 16384 bytes',
    ],
    ['headers that never end', flood('HTTP/1.1 200 OK\r\n', 'x: y\r\n'), 'sent an answer of over 16384 bytes'],
    ['bytes that are no HTTP', (client) => client.write('SSH-2.0-OpenSSH_9\r\n\r\n'), 'sent no HTTP answer'],
    [
      'bytes of its own after 200',
      (client) => client.write(`${established}\r\nHTTP/1.1 200 OK\r\n`),
      'sent bytes after its answer',
    ],
    ['nothing', (client) => client.end(), 'ended the connection without an answer'],
    ['a reset', (client) => client.resetAndDestroy(), 'could not be used (ECONNRESET)'],
    ['another success', (client) => client.write('HTTP/1.1 204 No Content\r\n\r\n'), 'answered 204'],
    [
      'a refusal that repeats the password',
      (client) => client.write(`HTTP/1.1 407 ${proxyAuthorization}\r\n\r\n`),
      'answered 407',
    ],
  ])('is refused after %s, and its connection closed', async (_name, behave, what) => {
    proxy.behave = behave;
    const thrown = await get().catch((error: unknown) => error);
    expect(thrown).toMatchObject({
      code: 'ERR_PROXY_TUNNEL',
      message: `The proxy of ARSIA_OUTBOUND_PROXY ${what}.`,
    });
    expect(String((thrown as Error).stack)).not.toContain(proxyAuthorization);
    await allClosed();
  });

  test.each<[string, (client: Socket) => void]>([
    ['never answers', () => {}],
    ['sends one byte now and then', drip('HTTP/1.1 200 OK\r\nx: ')],
    ['opens the tunnel and is silent', (client) => client.write(`${established}\r\n`)],
  ])('ends with its request where the proxy %s', async (_name, behave) => {
    proxy.behave = behave;
    await expect(get({}, AbortSignal.timeout(300))).rejects.toMatchObject({
      name: 'AbortError',
    });
    await allClosed();
  });

  test('names the setting where nothing listens at its address', async () => {
    const down = `http://arsia:p%40ss@127.0.0.1:${await freePort()}`;
    await expect(get({ proxy: down })).rejects.toMatchObject({
      message: 'The proxy of ARSIA_OUTBOUND_PROXY could not be used (ECONNREFUSED).',
    });
  });
});

function flood(start: string, more: string) {
  return (client: Socket) => {
    client.write(start);
    const write = () => {
      if (client.destroyed) return;
      client.write(more);
      setImmediate(write);
    };
    write();
  };
}

function drip(start: string) {
  return (client: Socket) => {
    client.write(start);
    const timer = setInterval(() => client.write('x'), 20);
    client.on('close', () => clearInterval(timer));
  };
}

test('a kept tunnel without a request does not keep the process alive', async () => {
  stub.react({ body: {} });
  const script = `import { request } from 'node:https';
    import { createOutbound } from './src/outbound/outbound.ts';
    const [, url, proxy, extraCa] = process.argv;
    const { httpsAgent: agent } = createOutbound({ proxy, extraCa }).agentsFor(url);
    const get = () => new Promise((resolve) => request(url, { agent }, (incoming) => incoming.resume().on('end', resolve)).end());
    await get();
    await new Promise(setImmediate);
    await get();
    console.log('answered', Object.values(agent.freeSockets).length);`;
  const started = performance.now();
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--input-type=module',
    '-e',
    script,
    url,
    proxy.url,
    identity.ca,
  ]);
  expect(stdout).toMatch(/^answered /);
  // The server ends an idle connection after 5 s.
  expect(performance.now() - started).toBeLessThan(4500);
});
