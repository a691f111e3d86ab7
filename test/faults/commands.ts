import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { atEnd, compiled } from '../support/arsia.ts';
import type { Answer, Ended, Order } from '../support/commandprocess.ts';

export type { Ended };

/** Milliseconds. A command that was to be refused and serves instead must not stop the commands after it. */
const limit = 45_000;

let child: ChildProcess | undefined;
let last: Promise<unknown> = Promise.resolve();

/** Runs `arsia` until it ends by itself, after the commands that were started before it. */
export function ended(args: string[], settings: Record<string, string>, cwd: string): Promise<Ended> {
  const result = last.then(() => runCommand({ words: args, env: settings, cwd }));
  last = result.catch(() => {});
  return result;
}

function runCommand(order: Order): Promise<Ended> {
  child ??= startProcess();
  const running = child;
  return new Promise((resolve, reject) => {
    let answer: Answer | undefined;
    const timer = setTimeout(() => running.kill('SIGKILL'), limit);
    const end = () => {
      clearTimeout(timer);
      running.off('message', take).off('exit', end);
      if (answer === undefined) return reject(new Error(`\`arsia ${order.words.join(' ')}\` crashed, or did not end.`));
      const { isLast: _, ...rest } = answer;
      resolve(rest);
    };
    const take = (message: unknown) => {
      answer = message as Answer;
      if (!answer.isLast) end();
    };
    running.on('message', take).on('exit', end).send(order);
  });
}

function startProcess(): ChildProcess {
  const started = spawn(process.execPath, [join('test', 'support', 'commandprocess.ts')], {
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: compiled, UV_THREADPOOL_SIZE: '16' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  started.once('exit', () => {
    if (child === started) child = undefined;
  });
  atEnd(async () => started.kill('SIGKILL'));
  return started;
}

/** Expects a refusal of the settings that lists every fault in one message, one per line. */
export function expectFaults({ code, stdout, stderr }: Ended, lines: RegExp[]): void {
  const [title, ...faults] = stderr.trimEnd().split('\n');
  expect(title).toBe(`Arsia cannot start: ${lines.length} bad setting${lines.length > 1 ? 's' : ''}`);
  expect(faults).toEqual(lines.map((line) => expect.stringMatching(line)));
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
}

/** Expects a refusal with a reason of one line. */
export function expectOneLine({ code, stderr }: Ended, line: RegExp): void {
  expect(stderr).toMatch(/^arsia: [^\n]+\n$/);
  expect(stderr).toMatch(line);
  expect(code).toBe(1);
}
