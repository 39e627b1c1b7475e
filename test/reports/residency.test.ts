import { describe, expect, test } from 'vitest';
import { Residency } from '../../gateway/reports/replay/residency.ts';

describe('Residency', () => {
  test('lays everything that was held for someone', () => {
    const residency = new Residency(2);
    residency.loaded('r', 1000, 0);
    residency.attached('r', 0, 10, 5);
    residency.attached('r', 1, 20, 10);
    residency.detached('r', 0, 20);
    residency.detached('r', 1, 30);
    // 1000 x 40 of the base, 10 x 15 and 20 x 20 of contexts; the lone ends fall to the first one and to the last.
    expect([...residency.upTo(40)]).toEqual([
      5 * 1000 + 5 * 1010 + 10 * 510,
      10 * 520 + 10 * 1020 + 10 * 1000,
    ]);
  });

  test('lays a base on nobody while it never has a combo', () => {
    const residency = new Residency(1);
    residency.loaded('r', 1000, 0);
    residency.exited('r', 10);
    expect([...residency.upTo(20)]).toEqual([0]);
  });

  test('keeps what one runner holds apart from what another does', () => {
    const residency = new Residency(2);
    residency.loaded('r', 1000, 0);
    residency.attached('r', 0, 10, 0);
    residency.loaded('s', 500, 10);
    residency.attached('s', 1, 20, 10);
    residency.exited('r', 20);
    expect([...residency.upTo(30)]).toEqual([20 * 1010, 20 * 520]);
  });
});
