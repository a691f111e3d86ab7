/**
 * Returns whether a host name of a parsed URL is a loopback host: 127.0.0.0/8 (RFC 1122 3.2.1.3), `[::1]` or `localhost`. The
 * URL parser writes every form of an IPv4 address as four decimal numbers, so `127.evil.example` and `0x7f.1` need no rule.
 */
export function isLoopbackHost(hostname: string): boolean {
  return /^(?:127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/.test(hostname);
}

/**
 * The loopback hosts that outside issuers may have in development, each with the addresses that are connected to. The check
 * of the URL and the fetch use this one table, so that no host passes the first and is resolved by DNS in the second.
 */
export const developmentHosts: Readonly<Record<string, readonly string[]>> = {
  localhost: ['127.0.0.1', '::1'],
  '127.0.0.1': ['127.0.0.1'],
  '[::1]': ['::1'],
};
