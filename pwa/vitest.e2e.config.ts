/**
 * Stories in a real browser: `e2e/*.story.ts`, two files at a time, because each spends much of its time waiting for its
 * own server and its own Chromium with a profile on disk. They run against the built pages (`npm run build`).
 */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: [process.env["ORTOO_RECORD"] ? "e2e/outbox.record.ts" : "e2e/**/*.story.ts"],
    environment: "node",
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 30_000 } }, // as patient as the browser's own waits: a busy machine shows late, not never
  },
});
