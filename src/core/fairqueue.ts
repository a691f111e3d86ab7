/** A queue of items by tenant: round-robin among the tenants, first-in first-out within a tenant. */
export interface FairQueue<Item extends object> {
  readonly size: number;
  /** Returns how many items of a tenant wait. */
  sizeOf(tenant: string): number;
  push(tenant: string, item: Item): void;
  /**
   * Removes and returns the next item of the first tenant that `mayTake` admits, and moves that tenant to the end of the
   * rotation. Returns undefined when there is none.
   */
  take(mayTake?: (tenant: string) => boolean): { tenant: string; item: Item } | undefined;
  /** Removes an item that no longer waits; does nothing when it is not in the queue. */
  remove(tenant: string, item: Item): void;
}

export function createFairQueue<Item extends object>(): FairQueue<Item> {
  /** The tenants in rotation order. A tenant without items has no entry. */
  const waiting = new Map<string, Set<Item>>();
  let size = 0;

  function remove(tenant: string, item: Item): void {
    const items = waiting.get(tenant);
    if (items?.delete(item) !== true) return;
    size--;
    if (items.size === 0) waiting.delete(tenant);
  }

  return {
    get size() {
      return size;
    },
    sizeOf: (tenant) => waiting.get(tenant)?.size ?? 0,
    push(tenant, item) {
      const items = waiting.get(tenant) ?? new Set<Item>();
      if (items.has(item)) return;
      waiting.set(tenant, items.add(item));
      size++;
    },
    take(mayTake = () => true) {
      for (const [tenant, items] of waiting) {
        if (!mayTake(tenant)) continue;
        const [item] = items;
        waiting.delete(tenant);
        waiting.set(tenant, items);
        remove(tenant, item!);
        return { tenant, item: item! };
      }
      return undefined;
    },
    remove,
  };
}
