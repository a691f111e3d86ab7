import { Resolver } from 'node:dns/promises';

/** Returns the addresses of a host name, IPv4 first; empty where it has none. Throws where no name server answers. */
export type Resolve = (host: string, signal: AbortSignal) => Promise<string[]>;

/** DNS error codes for names and records that do not exist. */
const absent = ['ENOTFOUND', 'ENODATA'];

/**
 * Resolves by DNS only. The system's look-up would occupy a thread of libuv's pool (threats.md M7), resolve names of the
 * local network, and append search domains.
 */
export const resolveByDns = resolveBy(() => new Resolver({ timeout: 1500, tries: 2 }));

/** Returns a `Resolve` that makes a resolver for each call, since `cancel` ends all queries of a resolver. */
export function resolveBy(makeResolver: () => Resolver): Resolve {
  return async (host, signal) => {
    const resolver = makeResolver();
    const cancel = () => resolver.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      const answers = [resolver.resolve4(host), resolver.resolve6(host)];
      return (await Promise.all(answers.map((answer) => answer.catch(none)))).flat();
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  };
}

function none(thrown: NodeJS.ErrnoException): string[] {
  if (absent.includes(thrown.code ?? '')) return [];
  throw thrown;
}
