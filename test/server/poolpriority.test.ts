import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

/** Runs in a separate process, since the test workers share the threads of theirs. */
const script = `
import { readdirSync, readFileSync } from 'node:fs';
import { lowerPoolPriority } from ${JSON.stringify(new URL('../../src/server/poolpriority.ts', import.meta.url).href)};
const lowered = await lowerPoolPriority();
// proc(5): nice is field 19 of stat, counted from the end of the name, which may hold spaces.
const niceOf = (thread) => Number(readFileSync('/proc/self/task/' + thread + '/stat', 'utf8').replace(/.*\\) ./, '').split(' ')[16]);
const nice = Object.fromEntries(readdirSync('/proc/self/task').map((thread) =>
  [thread, [readFileSync('/proc/self/task/' + thread + '/comm', 'utf8').trim(), niceOf(thread)]]));
console.log(JSON.stringify({ lowered, own: nice[process.pid][1], pool: Object.values(nice).filter(([name]) => name.startsWith('libuv-worker')) }));
`;

test('lowers the priority of the pool threads, and of no other thread', async () => {
  if (process.platform !== 'linux') return;
  const env = { ...process.env, NODE_OPTIONS: '', UV_THREADPOOL_SIZE: '3' };
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], { env });
  const result = JSON.parse(stdout);
  expect(result.lowered).toBe(3);
  expect(result.pool).toEqual(Array(3).fill(['libuv-worker', Math.min(result.own + 15, 19)]));
});
