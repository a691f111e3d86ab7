/** What a test makes a cloud do to its next requests. `hang` never answers; `fail` answers with this HTTP status. */
export type Fault = { kind: 'hang' } | { kind: 'fail'; status: 429 | 500 | 503 };

export interface Faults {
  /** The next `times` requests meet the fault; those after them go on as usual. */
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
