import { lockShared, type SharedLock } from '../../native/locks.ts';
import { EngineError } from '../engine/engine.ts';
import { guardPlaintext } from '../process/coreDumps.ts';

interface Located {
  readonly id: string;
  readonly leasePath?: string | undefined;
}

/**
 * Locks on segments of the weight store that this runner reads. That of the base is held for the life of the process, since
 * the engine maps the file; those of adapters until they have been read.
 */
export class SegmentLocks {
  readonly #kept = new Map<string, SharedLock>();

  /** Throws `segment_gone` when it is not there any more. */
  keep(one: Located): void {
    const { leasePath } = one;
    if (leasePath === undefined || this.#kept.has(leasePath)) return;
    this.#kept.set(leasePath, lock(one.id, leasePath));
  }

  /** The same for several, until `work` has ended. */
  async during<T>(all: readonly Located[], work: () => Promise<T>): Promise<T> {
    const locks: SharedLock[] = [];
    try {
      for (const { id, leasePath } of all) if (leasePath !== undefined) locks.push(lock(id, leasePath));
      return await work();
    } finally {
      for (const one of locks) one.release();
    }
  }
}

function lock(id: string, leasePath: string): SharedLock {
  const taken = lockShared(leasePath);
  if (taken) {
    guardPlaintext(leasePath);
    return taken;
  }
  const message = `Cannot read "${id}" from the weight store: its segment has gone`;
  throw new EngineError({ code: 'segment_gone', message, permanent: false });
}
