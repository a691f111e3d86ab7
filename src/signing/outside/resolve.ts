import { Resolver } from 'node:dns/promises';

/** The addresses of a host name, IPv4 first; none when it has none or nobody says. */
export type Resolve = (host: string, signal: AbortSignal) => Promise<string[]>;

/**
 * By DNS alone, and not by the system's look-up: that one occupies a thread of the pool that signs (threats.md M7), knows
 * names of the local network, and appends search domains.
 */
export const resolveByDns: Resolve = async (host, signal) => {
  const resolver = new Resolver({ timeout: 2000, tries: 2 });
  const cancel = () => resolver.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  } finally {
    signal.removeEventListener('abort', cancel);
  }
};
