import { expect, test } from 'vitest';
import { billingRows } from '../../gateway/reports/billing.ts';

test('billingRows() counts all that were not answered, whoever was at fault', () => {
  const counters = { answered: 1, failedByClient: 2, failedByGateway: 4, failedByRunner: 8, aborted: 16 };
  const [row] = billingRows([{ by: { key: 'a' }, measures: {}, counters }], [], new Map(), ['key']);
  expect(row).toMatchObject({ key: 'a', requests: 1, failed_requests: 30 });
});

test('billingRows() has no tag of the key "" for who had none', () => {
  const groups = [{ by: { key: null }, measures: {}, counters: { answered: 1 } }];
  expect(billingRows(groups, [], new Map([['null', { team: 'x' }]]), ['tag'])).toMatchObject([
    { tag: null, requests: 1 },
  ]);
});
