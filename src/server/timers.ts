import { ArsiaError } from '../core/errors.ts';

export type Timers = ReturnType<typeof createTimers>;

/** Background tasks. `stop` ends them in the order in which they were added. */
export function createTimers() {
  const ends = new Set<() => Promise<void> | void>();
  let isStopped = false;
  const timers = {
    /** Adds a step of the shutdown. */
    onStop(end: () => Promise<void>) {
      ends.add(end);
    },
    every(interval: number, work: () => Promise<void>) {
      const timer = setInterval(() => void work(), interval).unref();
      ends.add(() => clearInterval(timer));
    },
    /** Runs `work` again while it fails with `unavailable`. Any other failure ends the retries and goes to `onFailure`. */
    retry(interval: number, work: () => Promise<void>, onFailure: (error: unknown) => void) {
      const end = () => clearTimeout(timer);
      const timer = setTimeout(async () => {
        ends.delete(end);
        if (isStopped) return;
        await work().catch((thrown) => {
          if (thrown instanceof ArsiaError && thrown.code === 'unavailable') timers.retry(interval, work, onFailure);
          else onFailure(thrown);
        });
      }, interval);
      ends.add(end);
    },
    async stop() {
      isStopped = true;
      for (const end of ends) await end();
    },
  };
  return timers;
}
