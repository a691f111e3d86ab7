type Exchange<Args extends unknown[], Result> = (...args: Args) => Promise<Result>;

/** Returns an `exchange` that imports its module, and with it the SDK of the cloud, at the first use or in `load`. */
export function lazily<Args extends unknown[], Result>(load: () => Promise<{ exchange: Exchange<Args, Result> }>) {
  return {
    load,
    exchange: async (...args: Args): Promise<Result> => (await load()).exchange(...args),
  };
}
