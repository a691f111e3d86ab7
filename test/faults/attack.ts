import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Ask, ask, keepAlive } from './wire.ts';

/** Requests that one organisation sends at the same time, each again as soon as it is answered. */
export interface Attack {
  lanes: number;
  requests: (Ask & { url: string })[];
  /** Each of the requests once, instead of all over and over. */
  isOnce?: boolean;
}

/**
 * Runs in a child process, so that its work does not slow down the process that measures. Prints the answers when it is told
 * to end.
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

// Attacks of the kind isOnce can be over before the parent ends them: it waits for the answers until then.
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
