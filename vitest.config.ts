import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'src/**/*.test.tsx', 'scripts/**/*.test.ts'],
    environment: 'node',
    testTimeout: 60_000,
    // Files share what they import: reading the core anew for each of them took a third of the time.
    isolate: false,
    // By itself it leaves one core to others, and there are two.
    maxWorkers: 2,
  },
});
