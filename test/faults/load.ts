import { setTimeout as sleep } from 'node:timers/promises';
import type { Reply } from './wire.ts';

/** The responses of a load. Requests are sent at a constant rate, independent of the responses, so that stalls are counted. */
export interface Load {
  replies: Reply[];
  /** Connections that were refused or closed. */
  errors: Error[];
  /** Sent, and neither answered nor failed. */
  outstanding(): number;
  /** Waits for this number of responses with this status. Throws after 30 s, with the responses that arrived. */
  heard(count: number, status?: number): Promise<void>;
  /** Stops sending. */
  pause(): void;
  /** Stops sending and waits for outstanding responses. */
  end(): Promise<void>;
}

/** Milliseconds. */
const tick = 5;
const patience = 30_000;

export function startLoad(send: () => Promise<Reply>, { rate, most = 400 }: { rate: number; most?: number }): Load {
  const [replies, errors]: [Reply[], Error[]] = [[], []];
  const started = performance.now();
  let [sent, outstanding] = [0, 0];

  function one(): void {
    outstanding++;
    send()
      .then(
        (reply) => void replies.push(reply),
        (error: Error) => void errors.push(error),
      )
      .finally(() => outstanding--);
  }

  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - started) * rate) / 1000);
    for (; sent < due; sent++) if (outstanding < most) one();
  }, tick);

  return {
    replies,
    errors,
    outstanding: () => outstanding,
    async heard(count, status = 200) {
      const until = performance.now() + patience;
      while (replies.filter((reply) => reply.status === status).length < count) {
        if (performance.now() > until) throw new Error(`not ${count} answers ${status}: ${summary(replies, errors)}`);
        await sleep(tick);
      }
    },
    pause: () => clearInterval(timer),
    async end() {
      clearInterval(timer);
      while (outstanding > 0) await sleep(tick);
    },
  };
}

function summary(replies: readonly Reply[], errors: readonly Error[]): string {
  const counts: Record<string, number> = {};
  for (const word of [...replies.map((reply) => `${reply.status} ${reply.body.code ?? ''}`), ...errors.map(String)])
    counts[word] = (counts[word] ?? 0) + 1;
  return JSON.stringify(counts);
}
