import { fork } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Servers } from './teardown.ts';

/** Starts the process that creates databases on request (servers.ts). Does not wait for it. */
export default async function setup(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'arsia-test-'));
  process.env.ARSIA_TEST_FOLDER = folder;
  const child = fork(fileURLToPath(new URL('./servers.ts', import.meta.url)), [folder], { stdio: 'inherit' });
  (globalThis as { arsiaServers?: Servers }).arsiaServers = { child };
}
