import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Ask, ask, keepAlive } from './wire.ts';

/** Requests that one organisation sends concurrently, each again as soon as its response arrives. */
export interface Attack {
  lanes: number;
  requests: (Ask & { url: string })[];
  /** True to send each request once instead of repeatedly. */
  isOnce?: boolean;
}

/**
 * Runs in a child process, so that its work does not slow down the process that measures. Prints the counts of responses when
 * it receives the signal to end.
 */
const attacks = JSON.parse(await readFile(process.argv[2]!, 'utf8')) as Attack[];
const counts: Record<string, number> = {};
const agent = keepAlive();
let isOver = false;

async function run({ requests, isOnce = false }: Attack, next: () => number): Promise<void> {
  while (!isOver) {
    const at = next();
    if (isOnce && at >= requests.length) return;
    const { url, ...request } = requests[at % requests.length]!;
    const answer = await ask(url, { ...request, agent }).then(
      ({ status, body }) => (status < 300 ? String(status) : `${status} ${body.code}`),
      (error: NodeJS.ErrnoException) => `error ${error.code}`,
    );
    counts[answer] = (counts[answer] ?? 0) + 1;
    if (/^(?:429|503|error)/.test(answer)) await sleep(50);
  }
}

// An attack with isOnce can end before the parent ends it. The process then waits for the parent.
const untilEnd = setInterval(() => undefined, 60_000);
process.on('SIGTERM', () => {
  clearInterval(untilEnd);
  isOver = true;
  process.stdout.write(JSON.stringify(counts), () => process.exit());
});
process.stdout.write('\n');
for (const attack of attacks) {
  let count = 0;
  for (let lane = 0; lane < attack.lanes; lane++) void run(attack, () => count++);
}
