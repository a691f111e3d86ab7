import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { createSecureContext, getCACertificates } from 'node:tls';
import { isLoopbackHost } from '../core/loopback.ts';
import { createHostList } from './hostlist.ts';

/** The settings of the operator that all outbound calls share. */
export interface OutboundSettings {
  /** Certificate authorities in PEM, trusted in addition to those of Node. */
  extraCa?: string | undefined;
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

/** Milliseconds without data after which a tunnel that the proxy does not open is given up: the longest ARSIA_CLOUD_DEADLINE. */
const tunnelTimeout = 60_000;

export function createOutbound({ extraCa, proxy, noProxy = [] }: OutboundSettings = {}): Outbound {
  const isExempt = createHostList(noProxy);
  const trust =
    extraCa === undefined
      ? {}
      : // Created once, because building a context parses every root certificate.
        { secureContext: createSecureContext({ ca: [...getCACertificates('default'), extraCa] }) };
  const agents = {
    kept: createAgents({ ...trust, keepAlive: true, maxFreeSockets: 16 }, proxy),
    once: createAgents(trust, proxy),
  };

  function isProxied(url: string | URL): boolean {
    const { protocol, hostname, port } = new URL(url);
    // http is for loopback only.
    return (
      proxy !== undefined && protocol === 'https:' && !isLoopbackHost(hostname) && !isExempt(hostname, port || '443')
    );
  }

  function agentsFor(url: string | URL, use: ConnectionUse = 'kept') {
    const { http, direct, proxied } = agents[use];
    return { httpAgent: http, httpsAgent: isProxied(url) ? proxied : direct };
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

type AgentOptions = ConstructorParameters<typeof HttpsAgent>[0];

function createAgents(options: AgentOptions, proxy: string | undefined) {
  const direct = new HttpsAgent(options);
  const http = new HttpAgent(options?.keepAlive === true ? { keepAlive: true, maxFreeSockets: 16 } : {});
  if (proxy === undefined) return { http, direct, proxied: direct };
  // Node's own tunnel: it accepts only 200, and verifies the certificate of the host inside the tunnel.
  const proxied = new HttpsAgent({ ...options, timeout: tunnelTimeout, proxyEnv: { HTTPS_PROXY: proxy } });
  return { http, direct, proxied };
}
