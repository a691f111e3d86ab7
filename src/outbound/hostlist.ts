import { BlockList, isIP } from 'node:net';

/**
 * An entry of a list of hosts: `*`, a name (with everything below it, with or without a leading `.` or `*.`), an address or a
 * network, with an optional port after a name. Throws an Error whose message continues the name of the setting.
 */
export function parseHostEntry(entry: string): string {
  if (parseNetwork(entry) === undefined && !namePattern.test(entry))
    throw new Error(
      `must be names and addresses, such as id.example.com, .internal.example, 10.0.0.0/8; it has ${JSON.stringify(entry)}`,
    );
  return entry.toLowerCase();
}

const namePattern = /^(?:\*|(?:\*?\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*(?::\d{1,5})?)$/i;

/** Returns a function that tells whether a host of a parsed URL and its port are in a list of valid entries. */
export function createHostList(entries: readonly string[]): (hostname: string, port: string) => boolean {
  const networks = new BlockList();
  const names: { name: string; port: string | undefined }[] = [];
  for (const entry of entries) {
    const network = parseNetwork(entry);
    if (network !== undefined) networks.addSubnet(network.address, network.length, network.family);
    else {
      const [name = '', port] = entry.replace(/^\*?\./, '').split(':');
      names.push({ name, port });
    }
  }
  return (hostname, port) => {
    const address = hostname.replace(/^\[|\]$/g, '');
    const family = isIP(address);
    if (names.some(({ name }) => name === '*')) return true;
    if (family !== 0) return networks.check(address, family === 4 ? 'ipv4' : 'ipv6');
    return names.some(
      (one) =>
        (hostname === one.name || hostname.endsWith(`.${one.name}`)) && (one.port === undefined || one.port === port),
    );
  };
}

/** Returns an address or network in CIDR notation; undefined for other text. */
function parseNetwork(entry: string): { address: string; length: number; family: 'ipv4' | 'ipv6' } | undefined {
  const [address = '', length] = entry.split('/');
  const family = isIP(address);
  const maximum = family === 4 ? 32 : 128;
  if (family === 0 || (length !== undefined && !(/^\d{1,3}$/.test(length) && Number(length) <= maximum)))
    return undefined;
  return { address, length: length === undefined ? maximum : Number(length), family: family === 4 ? 'ipv4' : 'ipv6' };
}
