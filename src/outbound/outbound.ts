import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { createSecureContext, getCACertificates } from 'node:tls';
import { isLoopbackHost } from '../core/loopback.ts';
import { createHostList } from './hostlist.ts';
import { TunnelAgent } from './tunnel.ts';

/** The settings of the operator that all outbound calls share. */
export interface OutboundSettings {
  /** Certificate authorities in PEM, trusted in addition to those of Node. */
  extraCa?: string | undefined;
  /** The hosts for which `extraCa` is trusted. Without it: all but the hosts of the clouds. */
  extraCaHosts?: readonly string[] | undefined;
  /** URL of a proxy that opens tunnels (CONNECT, RFC 9110 9.3.6), with user and password if it needs them. */
  proxy?: string | undefined;
  /** Hosts that are called without the proxy. */
  noProxy?: readonly string[] | undefined;
}

/** `kept` connections serve further requests. `once` opens a connection for each request. */
export type ConnectionUse = 'kept' | 'once';

/** The connections of all outbound calls: one trust store and one proxy. */
export interface Outbound {
  /**
   * Returns the agents for requests to a URL. Without them Node and the SDKs would use proxies and certificate authorities from
   * the environment, but only settings of the operator may decide where tokens are sent (N29).
   */
  agentsFor(url: string | URL, use?: ConnectionUse): { httpAgent: HttpAgent; httpsAgent: HttpsAgent };
  /** Returns the agent for requests to a URL. */
  agentFor(url: string | URL, use?: ConnectionUse): HttpAgent;
  /** Returns whether requests to a URL go through the proxy, which then resolves the name of the host. */
  isProxied(url: string | URL): boolean;
}

/** `cloudHosts`: hosts whose certificates are of public authorities, so that `extraCa` is trusted for them only where listed. */
export function createOutbound(
  { extraCa, extraCaHosts, proxy, noProxy = [] }: OutboundSettings = {},
  cloudHosts: readonly string[] = [],
): Outbound {
  const isExempt = createHostList(noProxy);
  const isCloud = createHostList(cloudHosts);
  const isListed = createHostList(extraCaHosts ?? ['*']);
  const agents = { kept: createAgents({ keepAlive: true, maxFreeSockets: 16 }), once: createAgents({}) };

  function createAgents(options: HttpAgentOptions) {
    // Created once, because building a context parses every root certificate.
    const extra = extraCa === undefined ? {} : { secureContext: createContext(extraCa) };
    const createBoth = (trust: object) => ({
      direct: new HttpsAgent({ ...options, ...trust }),
      proxied: proxy === undefined ? undefined : new TunnelAgent(proxy, { ...options, ...trust }),
    });
    return { http: new HttpAgent(options), public: createBoth({}), extra: createBoth(extra) };
  }

  function isProxied(url: string | URL): boolean {
    const { protocol, hostname, port } = new URL(url);
    // http is for loopback only.
    return (
      proxy !== undefined && protocol === 'https:' && !isLoopbackHost(hostname) && !isExempt(hostname, port || '443')
    );
  }

  function agentsFor(url: string | URL, use: ConnectionUse = 'kept') {
    const { hostname, port } = new URL(url);
    const host = [hostname, port || '443'] as const;
    const isExtra = isListed(...host) && (extraCaHosts !== undefined || !isCloud(...host));
    const { direct, proxied } = agents[use][isExtra ? 'extra' : 'public'];
    return { httpAgent: agents[use].http, httpsAgent: (isProxied(url) ? proxied : undefined) ?? direct };
  }

  return {
    agentsFor,
    agentFor(url, use) {
      const { httpAgent, httpsAgent } = agentsFor(url, use);
      return new URL(url).protocol === 'http:' ? httpAgent : httpsAgent;
    },
    isProxied,
  };
}

type HttpAgentOptions = ConstructorParameters<typeof HttpAgent>[0];

function createContext(extraCa: string) {
  return createSecureContext({ ca: [...getCACertificates('default'), extraCa] });
}
