import { parseHostEntry } from '../../outbound/hostlist.ts';
import { parseList } from '../../providers/endpoints.ts';
import { cloudHosts } from '../../providers/registry.ts';
import { group, type RelationContext, setting } from './setting.ts';
import { proxyUrl, text } from './values.ts';

export const outboundGroup = group({
  title: 'Outbound calls',
  settings: {
    extraCaFile: setting({
      variable: 'ARSIA_EXTRA_CA_FILE',
      meaning:
        'PEM file of further certificate authorities, trusted for outbound calls: outside issuers, the sign-in provider, listed endpoints of clouds',
      parse: text,
    }),
    extraCaHosts: setting({
      variable: 'ARSIA_EXTRA_CA_HOSTS',
      meaning: `hosts for which ARSIA_EXTRA_CA_FILE is trusted, as in ARSIA_OUTBOUND_NO_PROXY. By default all but those of the clouds (${cloudHosts.join(', ')}); \`*\` for all, which a proxy that inspects TLS needs`,
      parse: hostList,
    }),
    proxy: setting({
      variable: 'ARSIA_OUTBOUND_PROXY',
      meaning:
        'proxy for all outbound https calls (`CONNECT`), `http://host:port`, with `user:password@` if it needs them. The proxy resolves names, so it must refuse internal addresses. `HTTPS_PROXY` and `NO_PROXY` have no effect',
      parse: proxyUrl,
    }),
    noProxy: setting({
      variable: 'ARSIA_OUTBOUND_NO_PROXY',
      meaning:
        'hosts to call without the proxy, comma-separated: names with all names below them, addresses, networks (`internal.example, 10.0.0.0/8`). Loopback is never called through it',
      default: '',
      parse: parseList(parseHostEntry),
    }),
  },
  relationFaults,
});

/** An empty list would turn ARSIA_EXTRA_CA_FILE off. */
function hostList(value: string): string[] {
  return parseList(parseHostEntry)(text(value));
}

function relationFaults({ env }: RelationContext): string[] {
  const faults = [];
  if (env.ARSIA_OUTBOUND_NO_PROXY !== undefined && env.ARSIA_OUTBOUND_PROXY === undefined)
    faults.push('ARSIA_OUTBOUND_NO_PROXY is set without ARSIA_OUTBOUND_PROXY');
  if (env.ARSIA_EXTRA_CA_HOSTS !== undefined && env.ARSIA_EXTRA_CA_FILE === undefined)
    faults.push('ARSIA_EXTRA_CA_HOSTS is set without ARSIA_EXTRA_CA_FILE');
  return faults;
}
