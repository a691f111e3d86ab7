import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, type Socket } from 'node:net';

/** How many proxies stand in front, or their addresses and networks: whose word on the caller's address counts. */
export type TrustedProxies = number | readonly string[];

/**
 * The address that a request came from. `X-Forwarded-For` is read from its end, as far as trusted proxies wrote it: what
 * stands before that, anybody may have sent. `onIgnored` gets the address of who sends it where no proxy is trusted at all.
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
    // Only as far as it counts: a header of nothing but commas has thousands of parts, and no limit has been asked yet.
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

/** Whom a limit by address counts as one: an IPv4 address, or the /64 that a single IPv6 host has for itself. */
export function hostOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail = ''] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  const rest = tail === '' ? [] : tail.split(':');
  const zeros = address.includes('::') ? Array.from({ length: 8 - groups.length - rest.length }, () => '0') : [];
  return `${[...groups, ...zeros, ...rest].slice(0, 4).join(':')}::/64`;
}

/** An address without brackets, port, zone, and the IPv6 clothes of an IPv4 address; undefined for anything else. */
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
