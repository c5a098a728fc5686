import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Workers load from built output, so the build must never be staler than the sources under test.
    globalSetup: ['test/support/build-once.ts'],
    setupFiles: ['test/support/property-seed.ts', 'test/support/equal-rows.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
