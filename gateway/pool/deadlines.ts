import type { PoolState, Waiter } from './state.ts';

interface Watched {
  readonly id: string;
  readonly atMs: number;
}

/**
 * A binary heap, the next deadline first: an event costs nothing for those whose deadline is to come. The first one waits;
 * others who have been answered stay in it until they are the first, or most of it are such.
 */
export type DeadlineQueue = Watched[];

/** Below this size what is over is not swept out. */
const SWEEP_FROM = 64;

/** The waiter is refused when its deadline passes and it still waits. */
export function watchDeadline(state: PoolState, { id, deadlineAtMs }: Waiter): void {
  const { deadlines, waitingIn } = state;
  if (deadlineAtMs === Number.POSITIVE_INFINITY) return;
  push(deadlines, { id, atMs: deadlineAtMs });
  if (deadlines.length < SWEEP_FROM || deadlines.length < 2 * waitingIn.size) return;
  const open = deadlines.filter((one) => waitingIn.has(one.id));
  // A sorted array is a heap.
  open.sort((a, b) => a.atMs - b.atMs);
  deadlines.splice(0, deadlines.length, ...open);
}

/** When the next one is due who still waits; Infinity: nobody has a deadline. Has no side effects. */
export function nextDeadlineMs({ deadlines }: PoolState): number {
  return atMsOf(deadlines, 0);
}

/** Somebody has been answered: who comes next in the heap must be one that waits. */
export function forgetAnswered({ deadlines, waitingIn }: PoolState): void {
  for (let first = deadlines[0]; first && !waitingIn.has(first.id); first = deadlines[0])
    dropFirst(deadlines);
}

/** Takes the ids out whose deadline has come; those who were answered before are among them. */
export function takeOverdue({ deadlines }: PoolState, nowMs: number): string[] {
  const ids: string[] = [];
  for (let first = deadlines[0]; first && first.atMs <= nowMs; first = deadlines[0]) {
    ids.push(first.id);
    dropFirst(deadlines);
  }
  return ids;
}

function push(heap: Watched[], added: Watched): void {
  let at = heap.length;
  heap.push(added);
  while (at > 0) {
    const parentAt = (at - 1) >> 1;
    const parent = heap[parentAt];
    if (!parent || parent.atMs <= added.atMs) break;
    heap[at] = parent;
    at = parentAt;
  }
  heap[at] = added;
}

function dropFirst(heap: Watched[]): void {
  const last = heap.pop();
  if (!last || heap.length === 0) return;
  let at = 0;
  for (;;) {
    const left = 2 * at + 1;
    const right = left + 1;
    const childAt = atMsOf(heap, right) < atMsOf(heap, left) ? right : left;
    const child = heap[childAt];
    if (!child || child.atMs >= last.atMs) break;
    heap[at] = child;
    at = childAt;
  }
  heap[at] = last;
}

function atMsOf(heap: readonly Watched[], at: number): number {
  return heap[at]?.atMs ?? Number.POSITIVE_INFINITY;
}
