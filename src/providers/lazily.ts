type Exchange<Args extends unknown[], Result> = (...args: Args) => Promise<Result>;

/** An `exchange` whose module, and with it the SDK of the cloud, is imported at the first use or by `load`. */
export function lazily<Args extends unknown[], Result>(load: () => Promise<{ exchange: Exchange<Args, Result> }>) {
  return {
    load,
    exchange: async (...args: Args): Promise<Result> => (await load()).exchange(...args),
  };
}
