import { BlockList, isIPv4, isIPv6 } from 'node:net';

/**
 * Networks that are not the public Internet (IANA's special-purpose address registries, RFC 6890), and the wire server of
 * Azure, which has a public address. Metadata services are in 169.254.0.0/16, 100.64.0.0/10 and 192.0.0.0/24.
 */
const internal4: readonly [string, number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
];

/**
 * Parts of 2000::/3 that are not the public Internet, or that contain an IPv4 address. All IPv6 outside 2000::/3 is refused
 * too: loopback, link-local, unique local, IPv4-mapped, NAT64.
 */
const internal6: readonly [string, number][] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

const refused4 = makeBlockList(internal4, 'ipv4');
const refused6 = makeBlockList(internal6, 'ipv6');
const public6 = makeBlockList([['2000::', 3]], 'ipv6');

/** Returns whether Arsia must not connect to the address on behalf of a caller. True for text that is not an address. */
export function isInternalAddress(address: string): boolean {
  if (isIPv4(address)) return refused4.check(address, 'ipv4');
  if (!isIPv6(address) || address.includes('%')) return true;
  return !public6.check(address, 'ipv6') || refused6.check(address, 'ipv6');
}

function makeBlockList(subnets: readonly [string, number][], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of subnets) list.addSubnet(network, prefix, family);
  return list;
}
