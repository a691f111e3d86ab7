import { describe, expect, test } from '@jest/globals';
import { ArsiaError, asArsiaError, type ErrorCode, errorTable } from '../../src/core/errors.ts';

const rows = Object.entries(errorTable);

describe('the table of errors', () => {
  test.each(rows)('%s has a status, an OAuth error, a title and advice', (code, row) => {
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(row.status).toBeGreaterThanOrEqual(400);
    expect(row.status).toBeLessThan(600);
    expect(row.title).not.toBe('');
    expect(row.advice).toMatch(/\.$/);
    // A fault of ours is never told as one of the caller's, nor the other way round.
    const isOurs = row.status === 500 || row.status === 503;
    if (isOurs) expect(['temporarily_unavailable', 'server_error']).toContain(row.oauth);
    if (row.status === 429) expect(row.oauth).toBe('temporarily_unavailable');
    else if (row.status < 500) expect(['invalid_request', 'invalid_target']).toContain(row.oauth);
  });

  test('no two codes have the same title', () => {
    expect(new Set(rows.map(([, row]) => row.title)).size).toBe(rows.length);
  });

  test.each<[ErrorCode, number]>([
    ['invalid_request', 400],
    ['unauthenticated', 401],
    ['forbidden', 403],
    ['identity_not_assigned', 403],
    ['not_found', 404],
    ['conflict', 409],
    ['body_too_large', 413],
    ['claims_refused', 422],
    ['internal', 500],
    ['unavailable', 503],
    ['cloud_timeout', 504],
  ])('%s has status %i (contract.md, Routes)', (code, status) => {
    expect(errorTable[code].status).toBe(status);
  });
});

describe('an ArsiaError', () => {
  test('has the advice of the table unless it is given its own', () => {
    expect(new ArsiaError('conflict', 'd').advice).toBe(errorTable.conflict.advice);
    expect(new ArsiaError('conflict', 'd', { advice: 'Do this.' }).advice).toBe('Do this.');
    expect(new ArsiaError('conflict', 'd').row).toBe(errorTable.conflict);
  });

  test('is returned unchanged by asArsiaError', () => {
    const error = new ArsiaError('not_found', 'gone');
    expect(asArsiaError(error)).toBe(error);
  });

  test.each([[new Error('password=hunter2')], ['password=hunter2'], [{ password: 'hunter2' }], [undefined], [null]])(
    'N45 any other thrown value becomes `internal`, without its text: %p',
    (thrown) => {
      const error = asArsiaError(thrown);
      expect(error.code).toBe('internal');
      expect(`${error.message} ${error.advice} ${JSON.stringify(error.more.fields ?? [])}`).not.toContain('hunter2');
      expect(error.cause).toBe(thrown);
    },
  );
});
