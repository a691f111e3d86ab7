import { ArsiaError } from '../core/errors.ts';

export type Timers = ReturnType<typeof createTimers>;

/** What runs beside the requests; all of it ends with `stop`. */
export function createTimers() {
  const ends = new Set<() => Promise<void> | void>();
  let isStopped = false;
  const timers = {
    until(end: () => Promise<void>) {
      ends.add(end);
    },
    every(interval: number, work: () => Promise<void>) {
      const timer = setInterval(() => void work(), interval).unref();
      ends.add(() => clearInterval(timer));
    },
    /** Again and again while the database is away; any other failure is told to `onFailure` once, and ends the trying. */
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
