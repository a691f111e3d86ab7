import { parseHostEntry } from '../../outbound/hostlist.ts';
import { parseList } from '../../providers/endpoints.ts';
import { group, type RelationContext, setting } from './setting.ts';
import { proxyUrl, text } from './values.ts';

export const outboundGroup = group({
  title: 'Outbound calls',
  settings: {
    extraCaFile: setting({
      variable: 'ARSIA_EXTRA_CA_FILE',
      meaning:
        'PEM file of further certificate authorities, trusted for all outbound calls: clouds, outside issuers, the sign-in provider',
      parse: text,
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

function relationFaults({ env }: RelationContext): string[] {
  return env.ARSIA_OUTBOUND_NO_PROXY !== undefined && env.ARSIA_OUTBOUND_PROXY === undefined
    ? ['ARSIA_OUTBOUND_NO_PROXY is set without ARSIA_OUTBOUND_PROXY']
    : [];
}
