import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { createSecureContext, getCACertificates } from 'node:tls';

/** The settings of the operator that a connection depends on. */
type Operator = { extra_ca: string | undefined };

interface Agents {
  http: HttpAgent;
  https: HttpsAgent;
  /** For endpoints that the operator lists. Also trusts ARSIA_EXTRA_CA_FILE. */
  extra: HttpsAgent;
}

/** Exchanges share connections, which have no state of an exchange. They do not share SDK clients. */
const agentsOf = new WeakMap<Operator, Agents>();

/**
 * Returns the agents for a URL. Without them an SDK would use proxies and certificate authorities from the environment, but
 * only settings of the operator may decide where tokens are sent (N29). ARSIA_EXTRA_CA_FILE does not apply to `ownHosts`, the
 * hosts of the cloud itself.
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

/** Returns the agent for requests to the URL. */
export function agentFor(endpoints: Operator, url: string, ownHosts: RegExp): HttpAgent {
  const { httpAgent, httpsAgent } = agentsFor(endpoints, url, ownHosts);
  return url.startsWith('http:') ? httpAgent : httpsAgent;
}

function createAgents(extra: string | undefined): Agents {
  const kept = { keepAlive: true, maxFreeSockets: 16 };
  const https = new HttpsAgent(kept);
  if (extra === undefined) return { http: new HttpAgent(kept), https, extra: https };
  // Created once, because building a context parses every root certificate.
  const secureContext = createSecureContext({ ca: [...getCACertificates('default'), extra] });
  return { http: new HttpAgent(kept), https, extra: new HttpsAgent({ ...kept, secureContext }) };
}
