/**
 * Rowids of the requests up to which roll-ups and objectives have the ledger, as `at`. Rows before all of them may go; the
 * marked rows themselves may not, since marks are looked up by them. No row: nothing is rolled up.
 */
export const MARKED_ROWIDS = `select r.rowid as at from rollup_mark m join requests r using (request_id)
  union all select r.rowid from slo_marks m join requests r using (request_id)
  union all select 0 where not exists (select 1 from rollup_mark)`;
