export type Mutex = <Result>(task: () => Promise<Result>) => Promise<Result>;

/** Returns a function that runs tasks one at a time, in the order of the calls. A task that fails does not stop the next one. */
export function createMutex(): Mutex {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const turn = last.then(task);
    last = turn.catch(() => undefined);
    return turn;
  };
}
