/** Types of the part of autocannon that the benchmarks use. The package has none. */
declare module 'autocannon' {
  export interface Client {
    setHeadersAndBody(headers: Record<string, string>, body: string): void;
  }

  export interface Options {
    url: string;
    method: string;
    connections: number;
    /** Seconds. The end is checked every `sampleInt` milliseconds. */
    duration?: number;
    amount?: number;
    sampleInt?: number;
    /** Called for each connection before its first request. */
    setupClient(client: Client): void;
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
