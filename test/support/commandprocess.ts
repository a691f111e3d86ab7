/**
 * Runs the command lines of `arsia` that its parent sends, one after the other, and answers each with what the command wrote and its
 * exit code. Loading the sources takes most of the time of a command, and this process loads them once. A command has ended when
 * nothing is left that would keep a process alive; one that ends with `process.exit` ends this process too.
 */

export interface Order {
  words: string[];
  env: Record<string, string>;
  cwd: string;
}

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Answer extends Ended {
  /** Whether this process ends with the command. */
  isLast: boolean;
}

class Exit extends Error {}

let count = 0;
let finish: ((isLast: boolean) => void) | undefined;
let timers: NodeJS.Timeout[] = [];
const exit = process.exit;
const { setTimeout: setTimer } = globalThis;
const own = { ...process.env };

function run({ words, env, cwd }: Order): void {
  const written = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    process[name].write = (chunk: string | Uint8Array, ...rest: unknown[]) => {
      written[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
      const done = rest.at(-1);
      if (typeof done === 'function') process.nextTick(done);
      return true;
    };
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, own, env);
  process.chdir(cwd);
  process.argv = [process.argv[0]!, 'arsia', ...words];
  process.exitCode = undefined;
  finish = (isLast) => {
    finish = undefined;
    process.channel!.ref();
    // main.ts ends a process that fails and does not end by itself after half a second.
    for (const timer of timers) clearTimeout(timer);
    timers = [];
    const answer: Answer = { code: Number(process.exitCode ?? 0), ...written, isLast };
    process.send!(answer, () => isLast && exit());
  };
  process.channel!.unref();
  count++;
  void import(`../../src/main.ts?${count}`);
}

globalThis.setTimeout = Object.assign((...args: Parameters<typeof setTimer>) => {
  const timer = setTimer(...args);
  timers.push(timer);
  return timer;
}, setTimer);
process.exit = (code) => {
  if (code !== undefined) process.exitCode = code;
  finish?.(true);
  throw new Exit();
};
process.on('uncaughtException', (thrown) => {
  if (thrown instanceof Exit) return;
  process.stderr.write(String(thrown));
  process.exitCode = 1;
  finish?.(true);
});
// Each log of a command listens to the errors of stdout.
process.stdout.setMaxListeners(0);
process.on('beforeExit', () => finish?.(false));
process.on('message', run);
