/** An injected fault. `hang` sends no response; `fail` responds with the HTTP status. */
export type Fault = { kind: 'hang' } | { kind: 'fail'; status: 429 | 500 | 503 };

export interface Faults {
  /** Applies the fault to the next `times` requests. */
  inject(fault: Fault, times: number): void;
  clear(): void;
  next(): Fault | undefined;
}

export function makeFaults(): Faults {
  let queue: Fault[] = [];
  return {
    inject(fault, times) {
      queue.push(...Array.from({ length: times }, () => fault));
    },
    clear() {
      queue = [];
    },
    next: () => queue.shift(),
  };
}
