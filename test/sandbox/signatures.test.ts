import { request as httpRequest } from 'node:http';
import { GetCallerIdentityCommand, STSClient, type STSClientConfig } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { computeSignature } from '../../src/sandbox/aws/canonical.ts';
import type { Request } from '../../src/sandbox/listener.ts';
import { systemClock } from '../../src/server/clock.ts';
import { account, assumeRole, type Bench, elementOf, pasteAws, type Reply, startBench } from './clouds.ts';

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
  pasteAws(bench);
});
afterAll(() => bench.close());

interface Signed {
  method: string;
  path: string;
  query: Record<string, string>;
  headers: Record<string, string>;
  body?: string;
}

interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
}

async function makeCredentials(): Promise<Credentials> {
  const { text } = await assumeRole(bench, await bench.issuer.token());
  return {
    accessKeyId: elementOf(text, 'AccessKeyId')!,
    secretAccessKey: elementOf(text, 'SecretAccessKey')!,
    sessionToken: elementOf(text, 'SessionToken')!,
  };
}

/** The SDK's client with the clock of the sandbox; `requestHandler` replaces its connection. */
function client(credentials: Credentials, more: Partial<STSClientConfig> = {}): STSClient {
  return new STSClient({
    region: 'us-east-1',
    endpoint: bench.sandbox.aws.endpoint,
    credentials,
    systemClockOffset: bench.clock.now() - systemClock.now(),
    maxAttempts: 1,
    ...more,
  });
}

/** Returns GetCallerIdentity as the SDK signs it, without sending it; its clock is `ahead` seconds fast. */
async function sign(credentials: Credentials, ahead = 0): Promise<Signed> {
  const captured: Signed[] = [];
  const requestHandler = {
    handle(request: Signed) {
      captured.push(request);
      return Promise.reject(new Error('not sent'));
    },
  } as unknown as STSClientConfig['requestHandler'];
  const systemClockOffset = bench.clock.now() - systemClock.now() + ahead * 1000;
  await client(credentials, { systemClockOffset, ...(requestHandler && { requestHandler }) })
    .send(new GetCallerIdentityCommand({}))
    .catch(() => undefined);
  return captured[0]!;
}

/** Returns GetCallerIdentity as a presigned URL of the SDK's signer. */
async function presign(credentials: Credentials, expiresIn = 60, signingName = 'sts'): Promise<Signed> {
  const { config } = client(credentials);
  const { host, hostname, port } = new URL(bench.sandbox.aws.endpoint);
  const signer = (await config.signer!({
    name: 'sigv4',
    signingName,
    signingRegion: 'us-east-1',
    properties: {},
  })) as unknown as { presign(request: object, options: object): Promise<Signed> };
  const query = { Action: 'GetCallerIdentity', Version: '2011-06-15' };
  const request = {
    method: 'GET',
    protocol: 'http:',
    hostname,
    port: Number(port),
    path: '/',
    query,
    headers: { host },
  };
  return signer.presign(request, { expiresIn, signingDate: new Date(bench.clock.now()) });
}

/** Sends exactly these headers, also those that fetch would replace. */
function send({ method, path, query, headers, body = '' }: Signed): Promise<Reply> {
  const search = new URLSearchParams(query).toString().replaceAll('+', '%20');
  const url = `${bench.sandbox.aws.endpoint}${path}${search && `?${search}`}`;
  return new Promise((resolve, reject) => {
    const call = httpRequest(
      url,
      { method, headers: { ...headers, 'content-length': Buffer.byteLength(body) } },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      },
    );
    call.on('error', reject).end(body);
  });
}

async function outcome(signed: Signed): Promise<string> {
  const reply = await send(signed);
  return reply.status === 200 ? elementOf(reply.text, 'Arn')! : `${reply.status} ${elementOf(reply.text, 'Code')}`;
}

const arn = `arn:aws:sts::${account}:assumed-role/reader/ada`;
const mismatch = '403 SignatureDoesNotMatch';

describe('GetCallerIdentity', () => {
  let credentials: Credentials;
  beforeEach(async () => {
    credentials = await makeCredentials();
  });

  test('returns the signer, by header and by presigned URL', async () => {
    expect(await outcome(await sign(credentials))).toBe(arn);
    expect(await outcome(await presign(credentials))).toBe(arn);
  });

  const header = (name: string, change: (value: string) => string) => (signed: Signed) => {
    signed.headers[name] = change(signed.headers[name]!);
  };
  const tampered: [string, (signed: Signed) => void, string][] = [
    [
      'the body',
      (signed) => {
        signed.body += '&X=1';
      },
      mismatch,
    ],
    [
      'a query parameter',
      (signed) => {
        signed.query = { X: '1' };
      },
      mismatch,
    ],
    [
      'the method',
      (signed) => {
        signed.method = 'PUT';
      },
      mismatch,
    ],
    ['a signed header', header('content-type', (value) => `${value}; charset=utf-8`), mismatch],
    ['the host', header('host', () => 'sts.amazonaws.com'), mismatch],
    [
      'the time by a second',
      header('x-amz-date', (value) => value.replace(/\dZ$/, (last) => (last === '0Z' ? '1Z' : '0Z'))),
      mismatch,
    ],
    [
      'a digit of the signature',
      header('authorization', (value) => value.replace(/.$/, (last) => (last === '0' ? '1' : '0'))),
      mismatch,
    ],
    ['the region in the scope', header('authorization', (value) => value.replace('us-east-1', 'us-west-2')), mismatch],
    ['the service in the scope', header('authorization', (value) => value.replace('/sts/', '/s3/')), mismatch],
    ['the session token', header('x-amz-security-token', (value) => `${value}x`), '403 InvalidClientTokenId'],
    [
      'the access key',
      header('authorization', (value) => value.replace('Credential=ASIA', 'Credential=AKIA')),
      '403 InvalidClientTokenId',
    ],
    [
      'the session token taken away',
      (signed) => {
        delete signed.headers['x-amz-security-token'];
      },
      '403 InvalidClientTokenId',
    ],
    [
      'the session token out of the signed headers',
      header('authorization', (value) => value.replace(';x-amz-security-token', '')),
      '403 IncompleteSignature',
    ],
    [
      'the signature taken away',
      (signed) => {
        delete signed.headers.authorization;
      },
      '403 MissingAuthenticationToken',
    ],
    ['another scheme', header('authorization', () => 'Bearer x'), '403 IncompleteSignature'],
  ];
  test.each(tampered)('refused when tampered with: %s', async (_, tamper, expected) => {
    const signed = await sign(credentials);
    signed.headers = { ...signed.headers };
    tamper(signed);
    expect(await outcome(signed)).toBe(expected);
  });

  test('refuses the session token of another session', async () => {
    const { sessionToken } = await makeCredentials();
    expect(await outcome(await sign({ ...credentials, sessionToken }))).toBe('403 InvalidClientTokenId');
    const { secretAccessKey } = await makeCredentials();
    expect(await outcome(await sign({ ...credentials, secretAccessKey }))).toBe(mismatch);
  });

  test('a signature expires after 15 minutes, a presigned URL at its own expiry', async () => {
    const signed = await sign(credentials);
    const presigned = await presign(credentials, 60);
    bench.clock.advance(61);
    expect(await outcome(presigned)).toBe(mismatch);
    expect(await outcome(signed)).toBe(arn);
    bench.clock.advance(840);
    expect(await outcome(signed)).toBe(mismatch);
    expect(await outcome(await sign(credentials))).toBe(arn);
  });

  test('refuses a signature from the future', async () => {
    expect(await outcome(await sign(credentials, 800))).toBe(arn);
    expect(await outcome(await sign(credentials, 1000))).toBe(mismatch);
  });

  test('a presigned URL is valid only for its own parameters', async () => {
    const presigned = await presign(credentials);
    expect(await outcome({ ...presigned, query: { ...presigned.query, 'X-Amz-Expires': '600' } })).toBe(mismatch);
    expect(await outcome({ ...presigned, query: { ...presigned.query, Extra: '1' } })).toBe(mismatch);
    expect(await outcome({ ...presigned, query: { ...presigned.query, 'X-Amz-Expires': '604801' } })).toBe(
      '403 IncompleteSignature',
    );
  });

  test('refuses a signature for another service', async () => {
    expect(await outcome(await presign(credentials, 60, 's3'))).toBe(mismatch);
  });

  test('credentials expire with their session', async () => {
    bench.clock.advance(3599);
    expect(await outcome(await sign(credentials))).toBe(arn);
    bench.clock.advance(1);
    expect(await outcome(await sign(credentials))).toBe('403 ExpiredToken');
  });
});

/** Published examples of Signature Version 4 by AWS. */
describe('published signatures', () => {
  const secret = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
  const time = '20150830T123600Z';
  const request = (query: string, headers: string[]): Request => ({
    method: 'GET',
    path: '/',
    query: new URLSearchParams(query),
    headers: {},
    raw_headers: headers,
    body: Buffer.alloc(0),
  });

  test('get-vanilla', () => {
    const vanilla = request('', ['Host', 'example.amazonaws.com', 'X-Amz-Date', time]);
    const scope = { date: '20150830', region: 'us-east-1', service: 'service' };
    expect(computeSignature(vanilla, ['host', 'x-amz-date'], scope, time, secret)).toBe(
      '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
    );
  });

  test('IAM ListUsers', () => {
    const type = 'application/x-www-form-urlencoded; charset=utf-8';
    const headers = ['content-type', type, 'host', 'iam.amazonaws.com', 'x-amz-date', time];
    const listUsers = request('Action=ListUsers&Version=2010-05-08', headers);
    const scope = { date: '20150830', region: 'us-east-1', service: 'iam' };
    expect(computeSignature(listUsers, ['content-type', 'host', 'x-amz-date'], scope, time, secret)).toBe(
      '5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
    );
  });
});
