import { createServer as createHttp, type RequestListener, type Server } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer as createTcp, type Server as TcpServer } from 'node:net';
import { afterAll, describe, expect, test } from '@jest/globals';
import { ArsiaError } from '../../../src/core/errors.ts';
import { createOutbound } from '../../../src/outbound/outbound.ts';
import { makeServerIdentity } from '../../../src/sandbox/authority.ts';
import { createDocumentFetch, type FetchOptions, maximumAnswer } from '../../../src/signing/outside/fetch.ts';

const servers: Server[] = [];
const raw: TcpServer[] = [];
afterAll(async () => {
  for (const server of raw) await new Promise((resolve) => server.close(resolve));
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

const identity = makeServerIdentity();
const json: RequestListener = (_request, response) => response.end('{"a":1}');

/** On 127.0.0.1; counts what reaches it. */
async function listen(answer: RequestListener, isHttps = false) {
  const seen = { count: 0, hosts: [] as (string | undefined)[] };
  const counted: RequestListener = (request, response) => {
    seen.count++;
    seen.hosts.push(request.headers.host);
    answer(request, response);
  };
  const server = isHttps ? createHttps(identity, counted) : createHttp(counted);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { seen, port: (server.address() as AddressInfo).port };
}

/** Notes the first bytes of each connection (a ClientHello names its server in plain text) and ends it. */
async function listenRaw(hellos: string[]): Promise<number> {
  const server = createTcp((socket) => {
    socket.on('error', () => {});
    socket.once('data', (bytes) => {
      hellos.push(bytes.toString('latin1'));
      socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  raw.push(server);
  return (server.address() as AddressInfo).port;
}

type Options = Partial<FetchOptions> & { deadline_ms?: number };
const withDeadline =
  (allowLoopback: boolean) =>
  ({ deadline_ms = 5000, ...more }: Options = {}) =>
  (url: string) =>
    createDocumentFetch({ allowLoopback, ...more })(url, AbortSignal.timeout(deadline_ms));
const develop = withDeadline(true);
const produce = withDeadline(false);

/** What a fetch throws, outward: its code, its words. */
async function faultOf(work: Promise<unknown>): Promise<{ code: string; text: string }> {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof ArsiaError)) throw new Error(`no ArsiaError: ${String(thrown)}`);
  return { code: thrown.code, text: `${thrown.message} ${thrown.advice}` };
}

describe('a document', () => {
  test('is returned as JSON with its maximum age', async () => {
    const { port } = await listen((request, response) => {
      response.setHeader('cache-control', request.url!.slice(1));
      response.end('{"a":1}');
    });
    const get = (path: string) => develop()(`http://127.0.0.1:${port}/${path}`);
    expect(await get('public,max-age=90')).toEqual({ body: { a: 1 }, maximum_age: 90 });
    expect(await get('no-store')).toEqual({ body: { a: 1 }, maximum_age: 0 });
    expect(await get('public')).toEqual({ body: { a: 1 }, maximum_age: undefined });
  });

  test('may begin with a byte order mark and say Content-Encoding: identity', async () => {
    for (const encoding of ['identity', 'Identity ', '']) {
      const { port } = await listen((_request, response) =>
        response.writeHead(200, { 'content-encoding': encoding }).end('\ufeff{"a":1}'),
      );
      expect(await develop()(`http://127.0.0.1:${port}/`)).toMatchObject({ body: { a: 1 } });
    }
  });

  test('is fetched by TLS from the checked address, with the name of the URL', async () => {
    const hellos: string[] = [];
    const port = await listenRaw(hellos);
    const get = produce({ isInternal: () => false, resolve: async () => ['127.0.0.1'] });
    expect((await faultOf(get(`https://good.example:${port}/`))).code).toBe('issuer_unavailable');
    expect(hellos).toEqual([expect.stringContaining('good.example')]);
  });

  test('is refused from a server with an untrusted certificate', async () => {
    const { port, seen } = await listen(json, true);
    expect((await faultOf(develop()(`https://localhost:${port}/`))).code).toBe('issuer_unavailable');
    expect(
      await develop({ outbound: createOutbound({ extraCa: identity.ca }) })(`https://localhost:${port}/`),
    ).toMatchObject({ body: { a: 1 } });
    expect(seen.count).toBe(1);
  });

  test.each<[string, RequestListener]>([
    ['404', (_request, response) => response.writeHead(404).end('{}')],
    ['500', (_request, response) => response.writeHead(500).end('{}')],
    ['204', (_request, response) => response.writeHead(204).end()],
    ['no JSON', (_request, response) => response.end('<html>')],
    ['an encoded body', (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('{}')],
    ['a broken connection', (request) => request.socket.destroy()],
    [
      'half a body',
      (request, response) => {
        response.writeHead(200, { 'content-length': '100' }).write('{"a":');
        setImmediate(() => request.socket.destroy());
      },
    ],
    ['N7 more than 100 KiB', (_request, response) => response.end(JSON.stringify('x'.repeat(maximumAnswer)))],
    [
      'N7 more than 100 KiB, of unknown length and without end',
      (_request, response) => {
        const more = () => {
          while (!response.destroyed && response.write('x'.repeat(16_384)));
          if (!response.destroyed) response.once('drain', more);
        };
        more();
      },
    ],
  ])('that is %s counts as not available', async (_name, answer) => {
    const { port } = await listen(answer);
    const fault = await faultOf(develop()(`http://127.0.0.1:${port}/`));
    expect(fault).toEqual({ code: 'issuer_unavailable', text: expect.stringContaining('could not be fetched') });
  });

  test.each<[string, RequestListener]>([
    ['never begins', () => {}],
    ['never ends', (_request, response) => void response.writeHead(200).write('{"a":')],
    [
      'drips',
      (_request, response) => {
        const timer = setInterval(() => (response.destroyed ? clearInterval(timer) : response.write(' ')), 5);
      },
    ],
  ])('that %s is given up at the deadline, and its connection closed', async (_name, answer) => {
    let ended: Promise<unknown> = Promise.resolve();
    const { port } = await listen((request, response) => {
      ended = new Promise((resolve) => response.once('close', resolve));
      answer(request, response);
    });
    const fault = await faultOf(develop({ deadline_ms: 100 })(`http://127.0.0.1:${port}/`));
    expect(fault.code).toBe('issuer_unavailable');
    await ended;
  });

  test('that is no answer is not read to its end', async () => {
    let ended: Promise<unknown> = Promise.resolve();
    const { port } = await listen((_request, response) => {
      ended = new Promise((resolve) => response.once('close', resolve));
      response.writeHead(500).write('x');
    });
    await faultOf(develop({ deadline_ms: 600_000 })(`http://127.0.0.1:${port}/`));
    await ended;
  });

  test('whose name is not resolved within the deadline is given up', async () => {
    const resolve: FetchOptions['resolve'] = (_host, signal) =>
      new Promise((done) => signal.addEventListener('abort', () => done([])));
    expect((await faultOf(produce({ deadline_ms: 50, resolve })('https://good.example/'))).code).toBe(
      'issuer_unavailable',
    );
  });
});

describe('N79 bytes that an issuer sends beside the body', () => {
  /** Sends `head` once, then `more` again and again for as long as the connection stands; counts both. */
  async function flood(head: string, more: string) {
    const sent = { bytes: 0, isClosed: Promise.resolve<unknown>(undefined) };
    const server = createTcp((socket) => {
      sent.isClosed = new Promise((resolve) => socket.once('close', resolve));
      socket.on('error', () => {}).resume();
      const write = (text: string) => {
        sent.bytes += text.length;
        return socket.write(text);
      };
      const block = more.repeat(Math.ceil(16_384 / more.length));
      const push = () => {
        while (!socket.destroyed && write(block));
      };
      socket.on('drain', push).once('data', () => {
        write(head);
        push();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    raw.push(server);
    return { sent, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
  }

  const ok = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n';
  test.each([
    ['interim responses without end', '', 'HTTP/1.1 103 Early Hints\r\nlink: </x>; rel=preload\r\n\r\n'],
    ['interim responses with nothing in them', '', 'HTTP/1.1 102 \r\n\r\n'],
    ['100 Continue without end', '', 'HTTP/1.1 100 Continue\r\n\r\n'],
    ['headers without end', ok, `x: ${'y'.repeat(500)}\r\n`],
    ['chunks of one byte', `${ok}transfer-encoding: chunked\r\n\r\n`, '1\r\n \r\n'],
    ['chunks with extensions', `${ok}transfer-encoding: chunked\r\n\r\n`, `1;${'a'.repeat(900)}\r\n \r\n`],
    ['trailers without end', `${ok}transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n`, `x: ${'y'.repeat(500)}\r\n`],
  ])('end the fetch at the limit: %s', async (_name, head, more) => {
    const { sent, url } = await flood(head, more);
    const faults: string[] = [];
    const get = develop({ deadline_ms: 60_000, onFault: (error) => void faults.push(error.message) });
    expect((await faultOf(get(url))).code).toBe('issuer_unavailable');
    await sent.isClosed;
    // Node itself ends headers and trailers of more than 16 KiB.
    expect(faults).toEqual([expect.stringMatching(/over 102400 bytes|overflow|^aborted$/i)]);
    // Allows for what the kernel's buffers took beyond what was read.
    expect(sent.bytes).toBeLessThan(16 * 1024 * 1024);
  });

  test('count towards the limit: a body that fits alone is refused after interim responses', async () => {
    const body = JSON.stringify('x'.repeat(maximumAnswer - 1000));
    const answer = `${ok}content-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`;
    const hint = `HTTP/1.1 103 Early Hints\r\nlink: <${'x'.repeat(900)}>\r\n\r\n`;
    for (const [text, fits] of [
      [answer, true],
      [hint + answer, false],
    ] as const) {
      const server = createTcp((socket) => socket.on('error', () => {}).once('data', () => socket.end(text)));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      raw.push(server);
      const get = develop()(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      if (fits) expect((await get).body).toHaveLength(maximumAnswer - 1000);
      else expect((await faultOf(get)).code).toBe('issuer_unavailable');
    }
  });

  test('are refused at once after a switch of protocols', async () => {
    const { url } = await flood('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n', 'x');
    expect((await faultOf(develop({ deadline_ms: 60_000 })(url))).code).toBe('issuer_unavailable');
  });
});

describe('N30 a fetch is refused for', () => {
  const constant = {
    code: 'outside_token_refused',
    text: 'Arsia does not fetch the documents of this issuer. The issuer and its jwks_uri must be https on public addresses, and answer without a redirect. Keys of another issuer can be uploaded with the trust rule (`jwks`).',
  };

  test('internal URLs in any spelling, with one constant text and without a request', async () => {
    const { port, seen } = await listen(json);
    const asked: string[] = [];
    const get = produce({
      resolve: async (host) => {
        asked.push(host);
        return ['127.0.0.1'];
      },
    });
    for (const url of [
      `http://127.0.0.1:${port}/`,
      `https://127.0.0.1:${port}/`,
      `https://2130706433:${port}/`,
      `https://0x7f.1:${port}/`,
      `https://0177.0.0.1:${port}/`,
      `https://[::1]:${port}/`,
      `https://[::ffff:127.0.0.1]:${port}/`,
      `https://localhost:${port}/`,
      `https://user@good.example:${port}/`,
      `https://good.example:22/`,
      'gopher://good.example/',
      'file:///etc/passwd',
      'nonsense',
    ])
      expect([url, await faultOf(get(url))]).toEqual([url, constant]);
    expect([asked, seen.count]).toEqual([[], 0]);
  });

  test.each([
    ['loopback', ['127.0.0.1']],
    ['metadata', ['169.254.169.254']],
    ['metadata of IPv6', ['fd00:ec2::254']],
    ['loopback mapped to IPv6', ['::ffff:127.0.0.1']],
    ['a public one and an internal one', ['8.8.8.8', '10.0.0.1']],
    ['none', []],
  ])('a name whose address is %s, in the same text', async (_name, addresses) => {
    const { port, seen } = await listen(json, true);
    const get = produce({ outbound: createOutbound({ extraCa: identity.ca }), resolve: async () => addresses });
    expect(await faultOf(get(`https://good.example:${port}/`))).toEqual(constant);
    expect(seen.count).toBe(0);
  });

  test('a name that resolves to another address later: it is resolved once, and the connection uses that address', async () => {
    const hellos: string[] = [];
    const port = await listenRaw(hellos);
    // 127.0.0.1 stands for a public address here.
    const answers = [['127.0.0.1'], ['10.0.0.1']];
    let asked = 0;
    const get = produce({ isInternal: (address) => address === '10.0.0.1', resolve: async () => answers[asked++]! });
    await faultOf(get(`https://good.example:${port}/`));
    expect([asked, hellos.length]).toEqual([1, 1]);
    // The next fetch judges anew.
    expect(await faultOf(get(`https://good.example:${port}/`))).toEqual(constant);
    expect([asked, hellos.length]).toEqual([2, 1]);
  });

  test.each([301, 302, 303, 307, 308])('a redirect (%i), to the inside or to anywhere', async (status) => {
    const inside = await listen(json);
    for (const location of [`http://127.0.0.1:${inside.port}/`, 'https://good.example/', '/elsewhere']) {
      const { port } = await listen((_request, response) => response.writeHead(status, { location }).end());
      expect(await faultOf(develop()(`http://127.0.0.1:${port}/`))).toEqual(constant);
    }
    expect(inside.seen.count).toBe(0);
  });

  test('a reason that only the log names', async () => {
    const faults: string[] = [];
    const onFault: FetchOptions['onFault'] = (error, host) => void faults.push(`${host}: ${error.message}`);
    await faultOf(produce({ onFault, resolve: async () => ['10.1.2.3'] })('https://good.example/'));
    expect(faults).toEqual(['good.example: the name has an address that is not public']);
    expect(JSON.stringify([faults, constant])).not.toContain('10.1.2.3');
  });
});
