import { type ChildProcess, fork, type Serializable, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** A measured server, in its own process on the same cores, with the thread pool that it has in production. */
export interface Contestant {
  /** Returns the next message of the process. Rejects when it ends instead. */
  message<Message>(): Promise<Message>;
  send(message: Serializable): void;
  /** Returns the resident memory in megabytes. */
  residentMemory(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts a file of this folder, or `arguments_` of another one, under this Node. */
export function start(file: string, env: Record<string, string> = {}, arguments_: string[] = []): Contestant {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), arguments_, {
    env: { ...machineEnvironment(), NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  return {
    message: () => messageOf(child),
    send: (message) => void child.send(message),
    residentMemory: () => residentMemory(child.pid!),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Returns an environment without the caller's settings: a stray `ARSIA_` variable would change the measurement. */
export function machineEnvironment(): NonNullable<SpawnOptions['env']> {
  const { PATH, HOME, TMPDIR } = process.env;
  return { PATH, HOME, TMPDIR };
}

function messageOf<Message>(child: ChildProcess): Promise<Message> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new Error(`${child.spawnargs.at(1)} ended with ${code}`));
    child.once('exit', onExit);
    child.once('message', (message) => {
      child.off('exit', onExit);
      resolve(message as Message);
    });
  });
}

async function residentMemory(pid: number): Promise<number> {
  // Linux provides it without a child process. Elsewhere the figure is left out.
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) / 1024;
}
