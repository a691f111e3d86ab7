import autocannon, { type Request } from 'autocannon';

/** An endpoint under load: where, and the requests that each connection goes round. */
export interface Target {
  name: string;
  url: string;
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
  const { url, requests } = target;
  const result = await autocannon({ url, requests, connections, sampleInt: 50, ...length });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(
      `${target.name}: ${result.errors} errors and the answers ${JSON.stringify(result.statusCodeStats)}`,
    );
  const answers = result['2xx'];
  return { answers, rate: answers / result.duration, p50: result.latency.p50, p99: result.latency.p99 };
}

export function formPost(path: string, form: Record<string, string>): Request {
  return {
    method: 'POST',
    path,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
  };
}

export function jsonPost(path: string, bearer: string, body: object): Request {
  return {
    method: 'POST',
    path,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${bearer}` },
    body: JSON.stringify(body),
  };
}
