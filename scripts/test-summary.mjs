/** Counts a test run and writes its closing line. Pure: the reporter collects, this decides what counts. */

/**
 * Hardware that a skipped test may be waiting for. The reason stands in `ctx.skip(reason)` or in the test's name:
 * `test.skipIf(!gpu)('uploads … (needs a GPU)')`.
 */
const MISSING_HARDWARE =
  /\bneeds\b[^.;]*\b(GPUs?|CUDA|NVIDIA|NVLink|NUMA|CPU cores|GiB of memory|hardware)\b/i;

/** Is this skipped test excused? STYLE: a skipped test counts as failed unless its reason names missing hardware. */
export function isExcused({ name, note }) {
  return MISSING_HARDWARE.test(name) || MISSING_HARDWARE.test(note ?? '');
}

/**
 * What a run came to. `run` is what the reporter wrote, or null when it wrote nothing:
 * `{ tests: [{ file, name, state: 'passed' | 'failed' | 'skipped' | 'pending', note? }], errors: [text] }`, where errors are
 * what failed outside of any test: files that did not load, hooks of suites, unhandled rejections. With `filtered` (`-t`)
 * tests that the filter left out do not count. A run that ends badly without a failure that can be named counts one.
 */
export function summarise(run, exitCode, { filtered = false } = {}) {
  const tests = run?.tests ?? [];
  const errors = run === null ? ['vitest wrote no report'] : run.errors;
  const skipped = tests.filter(({ state }) => state === 'skipped');
  const unexcused = filtered ? [] : skipped.filter((test) => !isExcused(test));
  const passed = tests.filter(({ state }) => state === 'passed').length;
  const broken = tests.filter(({ state }) => state === 'failed' || state === 'pending').length;
  let failed = broken + unexcused.length + errors.length;
  if (failed === 0 && (exitCode !== 0 || passed === 0)) failed = 1;
  return { passed, failed, skipped: skipped.length - unexcused.length, unexcused, errors };
}

/** `N passed, N failed`, and `, N skipped` when there are any. */
export function closingLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
