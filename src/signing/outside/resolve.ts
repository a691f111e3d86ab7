import { Resolver } from 'node:dns/promises';

/** The addresses of a host name, IPv4 first; empty when it has none. Throws when nobody could say. */
export type Resolve = (host: string, signal: AbortSignal) => Promise<string[]>;

/** What DNS answers for names and records that are not there. */
const absent = ['ENOTFOUND', 'ENODATA'];

/**
 * By DNS alone, and not by the system's look-up: that one occupies a thread of libuv's pool (threats.md M7), knows
 * names of the local network, and appends search domains.
 */
export const resolveByDns = resolveBy(() => new Resolver({ timeout: 1500, tries: 2 }));

/** Each question has a resolver of its own, since one is cancelled as a whole. */
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
