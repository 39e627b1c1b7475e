import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Tests start real runners, whose threads must not exceed the cores: at most two files run at a time. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globals: false,
    pool: 'forks',
    maxWorkers: Math.min(2, availableParallelism()),
    testTimeout: 30_000,
    hookTimeout: 120_000,
    coverage: {
      provider: 'v8',
      include: ['gateway/domain/**/*.ts', 'gateway/pool/**/*.ts'],
      reporter: ['text', 'html'],
    },
  },
});
