import { Resolver } from 'node:dns/promises';

/** The addresses of a host name, IPv4 first; empty when it has none. Throws when nobody could say. */
export type Resolve = (host: string, signal: AbortSignal) => Promise<string[]>;

/** What DNS answers for names and records that are not there. */
const absent = ['ENOTFOUND', 'ENODATA'];

/**
 * By DNS alone, and not by the system's look-up: that one occupies a thread of the pool that signs (threats.md M7), knows
 * names of the local network, and appends search domains.
 */
export const resolveByDns: Resolve = async (host, signal) => {
  const resolver = new Resolver({ timeout: 1500, tries: 2 });
  const cancel = () => resolver.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  const none = (thrown: NodeJS.ErrnoException): string[] => {
    if (absent.includes(thrown.code ?? '')) return [];
    throw thrown;
  };
  try {
    const answers = await Promise.all([resolver.resolve4(host).catch(none), resolver.resolve6(host).catch(none)]);
    return answers.flat();
  } finally {
    signal.removeEventListener('abort', cancel);
  }
};
