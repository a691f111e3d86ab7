import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { createSecureContext, getCACertificates } from 'node:tls';
import type { CloudEndpoints } from './provider.ts';

interface Agents {
  http: HttpAgent;
  https: HttpsAgent;
  /** For endpoints of the operator's own. */
  extra: HttpsAgent;
}

/** Hosts of the clouds themselves: a certificate authority of the operator's has no say about those. */
const ownHosts =
  /(?:^|\.)(?:amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu|googleapis\.com|login\.microsoftonline\.(?:com|us)|login\.partner\.microsoftonline\.cn)$/;

/** Connections are kept and shared, since they hold nothing of an exchange; SDK clients are not. */
const agentsOf = new WeakMap<CloudEndpoints, Agents>();

/**
 * The agents for a URL. They are always given to the SDKs: left to themselves those take proxies and authorities from the
 * environment, and the operator's settings are the only place that says where tokens go (N29).
 */
export function agentsFor(endpoints: CloudEndpoints, url: string): { httpAgent: HttpAgent; httpsAgent: HttpsAgent } {
  let agents = agentsOf.get(endpoints);
  if (agents === undefined) {
    agents = createAgents(endpoints.extra_ca);
    agentsOf.set(endpoints, agents);
  }
  return { httpAgent: agents.http, httpsAgent: ownHosts.test(new URL(url).hostname) ? agents.https : agents.extra };
}

/** The one that a request to this URL uses. */
export function agentFor(endpoints: CloudEndpoints, url: string): HttpAgent {
  const { httpAgent, httpsAgent } = agentsFor(endpoints, url);
  return url.startsWith('http:') ? httpAgent : httpsAgent;
}

function createAgents(extra: string | undefined): Agents {
  const kept = { keepAlive: true, maxFreeSockets: 16 };
  const https = new HttpsAgent(kept);
  if (extra === undefined) return { http: new HttpAgent(kept), https, extra: https };
  // Once per process: building a context parses every root certificate.
  const secureContext = createSecureContext({ ca: [...getCACertificates('default'), extra] });
  return { http: new HttpAgent(kept), https, extra: new HttpsAgent({ ...kept, secureContext }) };
}
