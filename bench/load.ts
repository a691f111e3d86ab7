import autocannon, { type Client } from 'autocannon';

/** What one connection sends, again and again. */
export interface Request {
  headers: Record<string, string>;
  body: string;
}

/** An endpoint under load; its connections take the requests in turn. */
export interface Target {
  name: string;
  origin: string;
  path: string;
  requests: Request[];
}

export interface Round {
  /** Answers in a second. */
  rate: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
  answers: number;
}

/** A round of load; one answer that is no success fails the run, since a refusal is cheaper than a token. */
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
    // The end is looked for this often, in milliseconds.
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
