import { defineConfig } from 'vitest/config';

/** The pool's tests alone, for `npm run mutation`: few random events, always the same ones. */
export default defineConfig({
  test: {
    include: ['test/pool/**/*.test.ts'],
    env: { HEARTH_POOL_EVENTS: '4000', HEARTH_POOL_SEED: '20261121' },
    testTimeout: 60_000,
  },
});
