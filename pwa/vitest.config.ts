/**
 * Unit tests: `src/**\/*.test.ts` and `tests/**\/*.test.ts`, pure modules in plain Node and components in happy-dom (a file asks for the
 * browser with `// @vitest-environment happy-dom` on its first line).
 */
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [vue()],
  define: { __APP_VERSION__: JSON.stringify("0.0.0-test") },
  test: {
    include: ["src/**/*.test.ts", "tests/**/*.test.ts"],
    environment: "node",
    restoreMocks: true,
    maxWorkers: 2,
    testTimeout: 30_000, // a machine that is busy is no failure
  },
});
