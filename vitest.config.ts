import { defineConfig } from 'vitest/config';

/** End-to-end tests that take what there is only one of: the default ports, or the whole machine. */
const alone = ['test/e2e/readme.test.ts', 'test/e2e/memory.test.ts'];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            '{core,ufs,cache-node,data-plane,cluster,gateway,registry,cli,bench}/src/**/*.test.ts',
            'test/*.test.ts',
          ],
          maxWorkers: 2,
          // Only against hangs: on a busy machine a property test may take many times its usual second.
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: alone,
          testTimeout: 300_000,
          hookTimeout: 600_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'e2e-alone',
          include: alone,
          testTimeout: 300_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          // Slow by nature: a disk that failed is probed again after a while. `npm run test:faults`.
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'interop',
          include: ['test/interop/**/*.test.ts'],
          testTimeout: 1_200_000,
          hookTimeout: 1_200_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
