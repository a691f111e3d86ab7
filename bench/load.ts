import autocannon, { type Client } from 'autocannon';

/** The request that a connection repeats. */
export interface Request {
  headers: Record<string, string>;
  body: string;
}

/** An endpoint under load. Its connections get the requests in turn. */
export interface Target {
  name: string;
  origin: string;
  path: string;
  requests: Request[];
}

export interface Round {
  /** Answers per second. */
  rate: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
  answers: number;
}

/** Runs a round of load. Throws where an answer is not a success, since a refusal is cheaper than a token. */
export async function load(
  target: Target,
  connections: number,
  length: { duration: number } | { amount: number },
): Promise<Round> {
  const { name, origin, path, requests } = target;
  let connected = 0;
  const result = await autocannon({
    url: origin + path,
    method: 'POST',
    connections,
    // Milliseconds between checks for the end.
    sampleInt: 50,
    setupClient(client: Client) {
      const { headers, body } = requests[connected++ % requests.length]!;
      client.setHeadersAndBody(headers, body);
    },
    ...length,
  });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${name}: ${result.errors} errors and the answers ${JSON.stringify(result.statusCodeStats)}`);
  const answers = result['2xx'];
  return { answers, rate: answers / result.duration, p50: result.latency.p50, p99: result.latency.p99 };
}

export function form(fields: Record<string, string>): Request {
  return {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(fields).toString(),
  };
}

export function json(bearer: string, body: object): Request {
  return {
    headers: { 'content-type': 'application/json', authorization: `Bearer ${bearer}` },
    body: JSON.stringify(body),
  };
}
