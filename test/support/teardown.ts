import type { ChildProcess } from 'node:child_process';

/** Set by setup.ts in the same process. */
export interface Servers {
  child: ChildProcess;
}

export default async function teardown(): Promise<void> {
  const servers = (globalThis as { arsiaServers?: Servers }).arsiaServers;
  if (servers === undefined) return;
  const { child } = servers;
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  // The process stops the server and removes the files, as it also does when this process is killed.
  child.disconnect();
  await ended;
}
