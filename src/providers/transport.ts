import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { createSecureContext, getCACertificates } from 'node:tls';

/** The part of the operator's settings that a connection depends on. */
type Operator = { extra_ca: string | undefined };

interface Agents {
  http: HttpAgent;
  https: HttpsAgent;
  /** For endpoints of the operator's own. */
  extra: HttpsAgent;
}

/** Connections are kept and shared, since they hold nothing of an exchange; SDK clients are not. */
const agentsOf = new WeakMap<Operator, Agents>();

/**
 * The agents for a URL. They are always given to the SDKs: left to themselves those take proxies and authorities from the
 * environment, and the operator's settings are the only place that says where tokens go (N29). `ownHosts` are those of the
 * cloud itself, for which the operator's certificate authority does not count.
 */
export function agentsFor(
  endpoints: Operator,
  url: string,
  ownHosts: RegExp,
): { httpAgent: HttpAgent; httpsAgent: HttpsAgent } {
  let agents = agentsOf.get(endpoints);
  if (agents === undefined) {
    agents = createAgents(endpoints.extra_ca);
    agentsOf.set(endpoints, agents);
  }
  return { httpAgent: agents.http, httpsAgent: ownHosts.test(new URL(url).hostname) ? agents.https : agents.extra };
}

/** The one that a request to this URL uses. */
export function agentFor(endpoints: Operator, url: string, ownHosts: RegExp): HttpAgent {
  const { httpAgent, httpsAgent } = agentsFor(endpoints, url, ownHosts);
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
