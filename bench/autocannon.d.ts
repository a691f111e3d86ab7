/** autocannon has no types of its own: what the benchmarks use of it. */
declare module 'autocannon' {
  export interface Request {
    method: string;
    path: string;
    headers: Record<string, string>;
    body: string;
  }

  export interface Options {
    url: string;
    connections: number;
    /** Seconds; the end is looked for every `sampleInt` milliseconds. */
    duration?: number;
    amount?: number;
    sampleInt?: number;
    /** Each connection goes round these. */
    requests: Request[];
  }

  export interface Result {
    '2xx': number;
    non2xx: number;
    errors: number;
    statusCodeStats: Record<string, { count: number }>;
    /** Seconds. */
    duration: number;
    /** Milliseconds. */
    latency: { p50: number; p99: number };
  }

  export default function autocannon(options: Options): Promise<Result>;
}
