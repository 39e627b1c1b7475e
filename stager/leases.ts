import type { NativeLease } from '../native/storeTypes.ts';

/** Leases that the gateway has here until a runner has its own. They go with this process. */
export class Leases {
  readonly #leases = new Map<number, NativeLease>();
  #next = 1;

  get size(): number {
    return this.#leases.size;
  }

  hold(lease: NativeLease): number {
    const leaseId = this.#next++;
    this.#leases.set(leaseId, lease);
    return leaseId;
  }

  /** Idempotent. */
  release(leaseId: number): void {
    this.#leases.get(leaseId)?.release();
    this.#leases.delete(leaseId);
  }
}
