import { createSocket, type Socket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { resolveBy } from '../../../src/signing/outside/resolve.ts';

const types = { 1: 'A', 28: 'AAAA' } as const;
/** Records by name and type; a number is the response code (RFC 1035 4.1.1), `silence` no answer at all. */
const zone: Record<string, Record<string, number[][] | number | 'silence'>> = {
  'both.example': { A: [[140, 82, 121, 3]], AAAA: [[0x20, 1, ...Array.from({ length: 13 }, () => 0), 9]] },
  'four.example': {
    A: [
      [10, 0, 0, 1],
      [8, 8, 8, 8],
    ],
    AAAA: [],
  },
  'broken.example': { A: 2, AAAA: [] },
  'silent.example': { A: 'silence', AAAA: 'silence' },
};
let server: Socket;
let asked: string[];

beforeAll(async () => {
  server = createSocket('udp4');
  server.on('message', (query, { port, address }) => {
    const reply = replyTo(query);
    if (reply !== undefined) server.send(reply, port, address);
  });
  await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));
});
afterAll(() => new Promise<void>((resolve) => server.close(() => resolve())));

/** The answer to a message with one question. */
function replyTo(query: Buffer): Buffer | undefined {
  const labels: string[] = [];
  let at = 12;
  for (; query[at] !== 0; at += query[at]! + 1) labels.push(query.toString('latin1', at + 1, at + 1 + query[at]!));
  const name = labels.join('.');
  const type = types[query.readUInt16BE(at + 1) as keyof typeof types];
  asked.push(`${name} ${type}`);
  const found = zone[name]?.[type] ?? 3;
  if (found === 'silence') return undefined;
  const records = typeof found === 'number' ? [] : found;
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(0x8180 | (typeof found === 'number' ? found : 0), 2);
  header.writeUInt16BE(records.length, 6);
  header.writeUInt32BE(0, 8);
  const question = query.subarray(12, at + 5);
  const answers = records.map((data) => {
    const fixed = Buffer.from([0xc0, 12, ...question.subarray(-4), 0, 0, 0, 0, 0, data.length]);
    return Buffer.concat([fixed, Buffer.from(data)]);
  });
  return Buffer.concat([header, question, ...answers]);
}

async function resolved(host: string, signal = new AbortController().signal): Promise<string[]> {
  asked = [];
  const resolve = resolveBy(() => {
    const resolver = new Resolver({ timeout: 10_000, tries: 1 });
    resolver.setServers([`127.0.0.1:${server.address().port}`]);
    return resolver;
  });
  return await resolve(host, signal);
}

test('resolve returns all addresses of a name, IPv4 first', async () => {
  expect(await resolved('both.example')).toEqual(['140.82.121.3', '2001::9']);
  expect(asked.sort()).toEqual(['both.example A', 'both.example AAAA']);
  expect(await resolved('four.example')).toEqual(['10.0.0.1', '8.8.8.8']);
});

test('resolve returns none for an unknown name, and tries no search domain', async () => {
  expect(await resolved('none.example')).toEqual([]);
  expect(asked.every((one) => one.startsWith('none.example '))).toBe(true);
});

test('resolve rejects when the name server fails', async () => {
  await expect(resolved('broken.example')).rejects.toThrow('ESERVFAIL');
});

test('resolve ends with its signal', async () => {
  const end = new AbortController();
  const answer = resolved('silent.example', end.signal);
  setImmediate(() => end.abort());
  await expect(answer).rejects.toThrow('ECANCELLED');
});
