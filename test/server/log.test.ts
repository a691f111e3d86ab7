import { describe, expect, test } from '@jest/globals';
import { createLog, scrub } from '../../src/server/log.ts';

function capture(level = 'debug') {
  const lines: string[] = [];
  const log = createLog({ level, destination: { write: (line) => void lines.push(line) } });
  return { log, lines, last: () => JSON.parse(lines.at(-1)!) as Record<string, unknown> };
}

const jwt = `eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.${'s'.repeat(80)}`;
const job = `arsia_job_${'j'.repeat(43)}`;
const pem = `-----BEGIN PRIVATE KEY-----\n${'k'.repeat(64)}\n-----END PRIVATE KEY-----`;

describe('log lines', () => {
  test('are JSON, with the time in ISO 8601, the level as a word, and the component', () => {
    const { log, lines, last } = capture();
    log.info({ request_id: 'r-1', status: 200 }, 'request');
    expect(last()).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      service: 'arsia',
      request_id: 'r-1',
      status: 200,
      msg: 'request',
    });
    expect(lines[0]!.endsWith('\n')).toBe(true);
    log.info({ text: 'a\nb' }, 'forged\n{"level":"info"}');
    expect(lines[1]!.trimEnd()).not.toContain('\n');
  });

  test('below the level are not written', () => {
    const { log, lines } = capture('warn');
    log.info('x');
    log.warn('y');
    expect(lines).toHaveLength(1);
    expect(capture('silent').log.isLevelEnabled('fatal')).toBe(false);
  });

  test.each([
    'authorization',
    'cookie',
    'set-cookie',
    'token',
    'access_token',
    'subject_token',
    'job_token',
    'client_secret',
    'client_assertion',
    'private_key',
    'passphrase',
    'secret_access_key',
    'session_token',
    'secretAccessKey',
    'password',
    'sealing_key',
  ])('N45 redact a member named %s at any logged depth', (name) => {
    const { log, lines } = capture();
    const secret = 'canary-4711';
    log.warn({ [name]: secret, a: { [name]: secret, b: { [name]: secret, c: { [name]: secret } } } }, 'x');
    expect(lines[0]).not.toContain(secret);
    expect(lines[0]).toContain('[redacted]');
  });

  test('N45 have name, message and causes of an error, scrubbed, and no other member', () => {
    const { log, lines, last } = capture();
    const cause = Object.assign(new Error(`connect postgres://arsia:hunter2@db/arsia failed`), {
      code: 'ECONNREFUSED',
    });
    const error = Object.assign(new Error(`refused ${jwt} and ${job}`, { cause }), {
      request: { headers: { authorization: 'hunter2' } },
      $response: { body: 'hunter2' },
    });
    log.error({ err: error }, 'failed');
    expect(lines[0]).not.toMatch(/hunter2|eyJ|arsia_job_j/);
    expect(last().err).toMatchObject({
      name: 'Error',
      message: 'refused [redacted] and [redacted]',
      stack: expect.stringContaining('log.test'),
      cause: { name: 'Error', kind: 'ECONNREFUSED' },
    });
    log.error({ err: `thrown text ${jwt}` }, 'failed');
    expect(last().err).toBe('thrown text [redacted]');
  });
});

describe('scrub', () => {
  test.each([
    [`Bearer ${'b'.repeat(20)}`],
    [`basic ${btoa('user:password')}`],
    [jwt],
    [`${jwt}.x.y`],
    [job],
    [`arsia_secret_${'x'.repeat(43)}`],
    [pem],
    [pem.slice(0, 60)],
  ])('N45 removes %j from free text', (secret) => {
    const text = scrub(`before ${secret} after`);
    expect(text).toContain('[redacted]');
    expect(text).not.toContain(secret.slice(-12));
    expect(text.startsWith('before ')).toBe(true);
  });

  test('keeps text that is not a secret', () => {
    for (const text of [
      'mi_01m7xzqp1rf5jr20n1d90my74v',
      'arsia_url is not set',
      'the bearer of news',
      'postgres://db.example.com/arsia',
      'evt_x.y.z',
    ])
      expect(scrub(text)).toBe(text);
    expect(scrub('postgres://arsia:pw@db/arsia')).toMatch(/^\[redacted\]db\/arsia$/);
  });
});
