export type Queue = <Result>(task: () => Promise<Result>) => Promise<Result>;

/** Runs tasks one after the other, in the order of asking; one that fails does not hold up the next. */
export function createQueue(): Queue {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const turn = last.then(task);
    last = turn.catch(() => undefined);
    return turn;
  };
}
