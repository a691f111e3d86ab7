import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, type Socket } from 'node:net';
import type { RequestLog } from '../kernel/log.ts';

/** The number of proxies in front of Arsia, or their addresses and networks. Only what these write in `X-Forwarded-For` counts. */
export type TrustedProxies = number | readonly string[];

/**
 * Creates the function that reads the client address of a request. `X-Forwarded-For` is read from its end, as far as trusted
 * proxies wrote it; the client itself may have sent what is before that. `onIgnored` gets the address of a connection that
 * sends the header although no proxy is trusted.
 */
export function createAddressReader(
  trusted: TrustedProxies,
  onIgnored: (peer: string) => void = () => {},
): (request: IncomingMessage) => string {
  const isTrusted = typeof trusted === 'number' ? undefined : matcherOf(trusted);
  // A connection carries many requests.
  const peers = new WeakMap<Socket, string>();
  return ({ socket, headers }) => {
    const direct = peers.get(socket) ?? plain(socket.remoteAddress ?? '') ?? '';
    peers.set(socket, direct);
    if (headers['x-forwarded-for'] === undefined) return direct;
    if (trusted === 0) {
      onIgnored(direct);
      return direct;
    }
    // Read only the parts that count: a header of commas has thousands of parts, and no limit has been applied yet.
    const hops = [...String(headers['x-forwarded-for']).split(','), direct];
    if (typeof trusted === 'number') return plain(hops.at(-1 - trusted) ?? '') ?? direct;
    let address = direct;
    for (const text of hops.toReversed()) {
      const hop = plain(text);
      if (hop === undefined) break;
      address = hop;
      if (!isTrusted!(hop)) break;
    }
    return address;
  };
}

/** Milliseconds between two warnings, since clients could cause one with each request. */
const warningInterval = 5 * 60 * 1000;

/** Returns an `onIgnored` that logs a warning, at most once in 5 minutes. */
export function warnOfProxy(log: Pick<RequestLog, 'warn'>): (peer: string) => void {
  let next = 0;
  return (peer) => {
    if (performance.now() < next) return;
    next = performance.now() + warningInterval;
    log.warn(
      { setting: 'ARSIA_TRUSTED_PROXIES', peer },
      'X-Forwarded-For arrives, and ARSIA_TRUSTED_PROXIES trusts no proxy: all callers behind a proxy share its address, and the limit of that address. Set ARSIA_TRUSTED_PROXIES to how many proxies stand in front of Arsia (ARSIA_TRUSTED_PROXIES=1) or to their networks (ARSIA_TRUSTED_PROXIES=10.0.0.0/8). Without a proxy, a client sends the header by itself and it counts for nothing.',
    );
  };
}

/** Returns the rate-limit key of a client address: the IPv4 address, or the /64 prefix of an IPv6 address. */
export function hostOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail = ''] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  const rest = tail === '' ? [] : tail.split(':');
  const zeros = address.includes('::') ? Array.from({ length: 8 - groups.length - rest.length }, () => '0') : [];
  return `${[...groups, ...zeros, ...rest].slice(0, 4).join(':')}::/64`;
}

/** Returns an address without brackets, port and zone, an IPv4-mapped IPv6 address as IPv4; undefined for other texts. */
function plain(text: string): string | undefined {
  const bare = text
    .trim()
    .replace(/^\[([^\]]*)\](?::\d+)?$/, '$1')
    .replace(/^([\d.]+):\d+$/, '$1')
    .replace(/%.*$/, '');
  const address = bare.replace(/^::ffff:(?=[\d.]+$)/i, '').toLowerCase();
  return isIP(address) === 0 ? undefined : address;
}

function matcherOf(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', length] = network.split('/');
    const family = familyOf(address);
    if (length === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(length), family);
  }
  return (address) => list.check(address, familyOf(address));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
