import { describe, expect, test } from '@jest/globals';
import { createCalls } from '../../src/providers/calls.ts';

const random = () => 0;
const aws = { type: 'aws', endpoint: 'https://sts.example', tenant: 'grp_a' };
const azure = { type: 'azure', endpoint: 'https://login.example', tenant: 'grp_a' };
const always = () => true;
const never = () => false;
const hang = () => new Promise<never>(() => {});

/** Makes an attempt that fails the given number of times, then succeeds. */
function failing(times: number, thrown: object = new Error('no')) {
  const seen: AbortSignal[] = [];
  const attempt = async (signal: AbortSignal) => {
    seen.push(signal);
    if (seen.length <= times) throw thrown;
    return 'answer';
  };
  return { seen, attempt };
}

describe('tries', () => {
  test('F11 a transient failure is tried three times, then the last error is thrown', async () => {
    const calls = createCalls({ random });
    const two = failing(2);
    await expect(calls.run(aws, always, two.attempt)).resolves.toBe('answer');
    expect(two.seen).toHaveLength(3);
    const thrown = new Error('still no');
    const three = failing(3, thrown);
    await expect(calls.run(aws, always, three.attempt)).rejects.toBe(thrown);
    expect(three.seen).toHaveLength(3);
  });

  test('other failures are tried once', async () => {
    const one = failing(1);
    await expect(createCalls({ random }).run(aws, never, one.attempt)).rejects.toThrow('no');
    expect(one.seen).toHaveLength(1);
  });

  test('a Retry-After beyond the deadline is not waited for: the answer of the cloud is thrown', async () => {
    const thrown = { response: { status: 429, headers: { 'retry-after': '60' } } };
    const { seen, attempt } = failing(1, thrown);
    await expect(createCalls({ random }).run(aws, always, attempt)).rejects.toBe(thrown);
    expect(seen).toHaveLength(1);
  });

  test('F11 pauses are a random part of a span that doubles, and never exceed the deadline', async () => {
    const asked: number[] = [];
    const calls = createCalls({
      deadline_ms: 150,
      random: () => {
        asked.push(asked.length);
        return 0.999;
      },
    });
    // 0.999 * 200 ms is beyond the deadline: one try, whose failure is thrown.
    const { seen, attempt } = failing(1);
    await expect(calls.run(aws, always, attempt)).rejects.toThrow('no');
    expect(seen).toHaveLength(1);
    expect(asked).toHaveLength(1);
  });
});

describe('the deadline', () => {
  test('F10 ends a hanging attempt with cloud_timeout, even if the attempt ignores its signal', async () => {
    const calls = createCalls({ deadline_ms: 20, random });
    let signal: AbortSignal | undefined;
    const run = calls.run(aws, always, (given) => {
      signal = given;
      return hang();
    });
    await expect(run).rejects.toMatchObject({
      code: 'cloud_timeout',
      message: expect.stringContaining('0.02 seconds'),
    });
    expect(signal?.aborted).toBe(true);
  });

  test('an SDK error on abort is also reported as cloud_timeout', async () => {
    const calls = createCalls({ deadline_ms: 20, random });
    const attempt = (signal: AbortSignal) =>
      new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(new Error('AbortError'))));
    await expect(calls.run(aws, always, attempt)).rejects.toMatchObject({ code: 'cloud_timeout' });
  });

  test('F29 at most half of it is spent in the queue, and the refusal says so', async () => {
    const calls = createCalls({ deadline_ms: 60, concurrency: 1, queue: 6, random });
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => calls.run(aws, always, hang)));
    expect(outcomes).toMatchObject([
      { reason: { code: 'cloud_timeout' } },
      { reason: { code: 'busy', message: 'No place for exchanges at sts.example became free within 0.03 seconds.' } },
      { reason: { code: 'busy', more: { retry_after: 1 } } },
    ]);
    await expect(calls.run(aws, always, async () => 'free again')).resolves.toBe('free again');
  });
});

describe('the places', () => {
  test('F29 an endpoint that hangs delays no exchange at another endpoint of the same type', async () => {
    const calls = createCalls({ deadline_ms: 2_000, concurrency: 2, queue: 2, random });
    const hung = Array.from({ length: 10 }, () => calls.run(aws, always, hang));
    const other = { ...aws, endpoint: 'https://sts.elsewhere.example' };
    await expect(calls.run(other, always, async () => 'unaffected')).resolves.toBe('unaffected');
    expect((await Promise.allSettled(hung)).every(({ status }) => status === 'rejected')).toBe(true);
  });

  test('F29 hanging exchanges of one organisation leave places at the endpoint for other organisations', async () => {
    const calls = createCalls({ deadline_ms: 2_000, concurrency: 4, queue: 4, random });
    const hung = Array.from({ length: 10 }, () => calls.run(aws, always, hang));
    const others = Array.from({ length: 4 }, () =>
      calls.run({ ...aws, tenant: 'grp_b' }, always, async () => 'unaffected'),
    );
    expect(await Promise.all(others)).toEqual(Array(4).fill('unaffected'));
    const outcomes = await Promise.allSettled(hung);
    const codes = outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.code);
    // Two hang until the deadline, two wait, and six find the queue of their organisation full.
    expect(codes.toSorted()).toEqual([...Array(8).fill('busy'), ...Array(2).fill('cloud_timeout')]);
  });

  test('F10 a cloud that hangs fills only its own places; beyond its queue callers get a Retry-After', async () => {
    const calls = createCalls({ deadline_ms: 50, concurrency: 2, queue: 2, random });
    const hung = [1, 2].map(() => calls.run(aws, always, hang));
    await expect(calls.run(aws, always, hang)).rejects.toMatchObject({ code: 'busy', more: { retry_after: 1 } });
    await expect(calls.run(azure, always, async () => 'unaffected')).resolves.toBe('unaffected');
    for (const outcome of await Promise.allSettled(hung)) expect(outcome.status).toBe('rejected');
  });

  test('never run more than the limit at once, and run everything that waits', async () => {
    const calls = createCalls({ concurrency: 6, queue: 34, random });
    let running = 0;
    let most = 0;
    const attempt = async () => {
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running--;
      return 'done';
    };
    const all = await Promise.all(Array.from({ length: 20 }, () => calls.run(aws, never, attempt)));
    expect(all).toHaveLength(20);
    expect(most).toBe(3);
  });

  test('a failed attempt frees its place', async () => {
    const calls = createCalls({ concurrency: 1, queue: 0, random });
    for (let round = 0; round < 3; round++)
      await expect(calls.run(aws, never, failing(1).attempt)).rejects.toThrow('no');
    await expect(calls.run(aws, never, failing(0).attempt)).resolves.toBe('answer');
  });
});
