import { describe, expect, it } from 'vitest';
import { Alarm, type Timers } from '../../gateway/shell/alarm.ts';

/** A clock that is advanced by hand, with the timers that run on it. */
class Subject implements Timers {
  nowMs = 1000;
  rings: number[] = [];
  sets: number[] = [];
  #armed = new Map<number, { readonly atMs: number; readonly ring: () => void }>();
  #next = 1;
  /** Real timers ring up to a millisecond before a finer clock has got there. */
  earlyMs = 0;
  readonly alarm = new Alarm(
    () => this.nowMs,
    () => this.rings.push(this.nowMs),
    this,
  );

  set(ring: () => void, inMs: number): number {
    this.sets.push(inMs);
    this.#armed.set(this.#next, { atMs: this.nowMs + inMs - this.earlyMs, ring });
    return this.#next++;
  }

  clear(timer: unknown): void {
    this.#armed.delete(timer as number);
  }

  get armed(): number {
    return this.#armed.size;
  }

  advance(toMs: number): void {
    for (;;) {
      const [due] = [...this.#armed].filter(([, { atMs }]) => atMs <= toMs);
      if (!due) break;
      const [timer, { atMs, ring }] = due;
      this.#armed.delete(timer);
      this.nowMs = Math.max(this.nowMs, atMs);
      ring();
    }
    this.nowMs = toMs;
  }
}

describe('Alarm', () => {
  it('rings once when the time has come that it was set to last', () => {
    const subject = new Subject();
    subject.alarm.set(1500);
    subject.alarm.set(1300);
    subject.alarm.set(1400);
    subject.advance(1399);
    expect(subject.rings).toEqual([]);
    subject.advance(2000);
    expect(subject.rings).toEqual([1400]);
    expect(subject.armed).toBe(0);
  });

  it('has no timer while there is nothing to ring for', () => {
    const subject = new Subject();
    subject.alarm.set(Number.POSITIVE_INFINITY);
    expect(subject.sets).toEqual([]);
    subject.alarm.set(1500);
    expect(subject.armed).toBe(1);
    subject.alarm.set(Number.POSITIVE_INFINITY);
    expect(subject.armed).toBe(0);
    subject.advance(5000);
    expect(subject.rings).toEqual([]);
  });

  it('sets no timer anew for the time that it has', () => {
    const subject = new Subject();
    for (let times = 0; times < 3; times += 1) subject.alarm.set(1500);
    expect(subject.sets).toEqual([500]);
  });

  it('rings at once, but not within the call, for a time that has passed', () => {
    const subject = new Subject();
    subject.alarm.set(900);
    expect(subject.rings).toEqual([]);
    subject.advance(1000);
    expect(subject.rings).toEqual([1000]);
  });

  it('waits on when a timer rings early, and in steps for what is farther than a timer reaches', () => {
    const subject = new Subject();
    subject.earlyMs = 0.6;
    subject.alarm.set(1002);
    subject.advance(1001.9);
    expect(subject.rings).toEqual([]);
    subject.earlyMs = 0;
    subject.advance(1003);
    expect(subject.rings).toHaveLength(1);
    subject.alarm.set(1003 + 2 ** 33);
    expect(subject.sets.at(-1)).toBe(2 ** 31 - 1);
    subject.advance(1000 + 2 ** 33);
    expect(subject.rings).toHaveLength(1);
    subject.advance(1004 + 2 ** 33);
    expect(subject.rings).toHaveLength(2);
  });

  it('rings no more once it is stopped', () => {
    const subject = new Subject();
    subject.alarm.set(1500);
    subject.alarm.stop();
    subject.alarm.set(1500);
    subject.advance(5000);
    expect(subject.rings).toEqual([]);
  });
});
