import { BlockList, isIP, isIPv4 } from 'node:net';

interface HostEntry {
  /** Of a name or a single address. */
  name?: string;
  port?: string | undefined;
  network?: { address: string; length: number; family: 'ipv4' | 'ipv6' };
}

/**
 * Returns an entry of a list of hosts in lower case: `*`, a name (with everything below it, with or without a leading `.` or
 * `*.`), an address or a network, with an optional port after a name or an address. Throws an Error whose message continues the
 * name of the setting.
 */
export function parseHostEntry(entry: string): string {
  if (readEntry(entry) === undefined)
    throw new Error(
      `must be names and addresses, such as id.example.com, .internal.example, 10.0.0.0/8; it has ${JSON.stringify(entry)}`,
    );
  return entry.toLowerCase();
}

/** Returns a function that tells whether a host of a parsed URL and its port are in a list of valid entries. */
export function createHostList(entries: readonly string[]): (hostname: string, port: string) => boolean {
  const networks = new BlockList();
  const hosts: HostEntry[] = [];
  for (const entry of entries.map(readEntry)) {
    if (entry?.network === undefined) hosts.push(entry ?? {});
    else networks.addSubnet(entry.network.address, entry.network.length, entry.network.family);
  }
  return (hostname, port) => {
    const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
    const family = isIP(host);
    if (family !== 0 && networks.check(host, family === 4 ? 'ipv4' : 'ipv6')) return true;
    const isMatch = (name: string) => name === '*' || host === name || (family === 0 && host.endsWith(`.${name}`));
    return hosts.some((one) => one.name !== undefined && isMatch(one.name) && (one.port ?? port) === port);
  };
}

const namePattern = /^(\*|(?:[a-z0-9_-]+\.)*[a-z0-9_-]*[a-z][a-z0-9_-]*)$/;

function readEntry(entry: string): HostEntry | undefined {
  const text = entry.toLowerCase();
  const network = readNetwork(text.replace(/^\[(.*)\]$/, '$1'));
  if (network !== undefined) return { network };
  const [, host = '', port] = /^(.*?)(?::([1-9]\d{0,4}))?$/.exec(text) ?? [];
  if (port !== undefined && Number(port) > 65_535) return undefined;
  const address = host.replace(/^\[(.*)\]$/, '$1');
  // Without brackets, the port of an IPv6 address would be a part of it.
  if (isIPv4(host) || (address !== host && isIP(address) === 6)) return { name: address, port };
  const name = host.replace(/^\*?\./, '');
  return namePattern.test(name) && (name !== '*' || host === '*') ? { name, port } : undefined;
}

/** Returns an address or network in CIDR notation; undefined for other text. */
function readNetwork(text: string): HostEntry['network'] {
  const [address = '', length, ...more] = text.split('/');
  const family = isIP(address);
  const maximum = family === 4 ? 32 : 128;
  if (family === 0 || more.length > 0) return undefined;
  if (length !== undefined && !(/^\d{1,3}$/.test(length) && Number(length) <= maximum)) return undefined;
  return { address, length: length === undefined ? maximum : Number(length), family: family === 4 ? 'ipv4' : 'ipv6' };
}
