/**
 * How the pages are built: Vue single-file components, one lazy chunk per desk, and our own service
 * worker (`src/sw/sw.ts`) with the list of files it keeps written in by vite-plugin-pwa: what a phone needs.
 *
 * In development `/api` and `/sync` go to the Python server on port 8000, and no service worker runs.
 */
import { readFileSync } from "node:fs";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";
import { VitePWA } from "vite-plugin-pwa";
import { filesBeside, phoneFiles } from "./scripts/shell.mjs";

const { version } = JSON.parse(readFileSync(new URL("./package.json", import.meta.url), "utf8")) as {
  version: string;
};

const SHARED = new RegExp(
  "/src/(?:" +
    "ui/(?:BrandMark|CountdownRing|Field|HoldButton|Segmented|StateTag|Stepper|Steps|Ticks|Tile|UndoBar|WaitingState|EmptyState|ErrorState|PhoneBar|Sheet|SyncChip|ClockChip|ThemeSwitch|BigAction).vue(?:$|.*type=script)|" +
    "(?:ui/(?:countdown|format|glyphs|now|states|sync-chip)|words/feedback|device/wake|sync/(?:ids|incident/(?:calendar|kinds|versions|zones))).ts$)",
);
const server = "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [
    vue(),
    VitePWA({
      strategies: "injectManifest",
      srcDir: "src/sw",
      filename: "sw.ts",
      injectRegister: false, // src/sw/update.ts registers: the update must wait for the outbox
      registerType: "prompt",
      injectManifest: {
        rollupFormat: "iife",
        globPatterns: ["**/*.{html,js,css,svg,png,webmanifest}"],
        manifestTransforms: [
          (entries) => {
            const built = JSON.parse(readFileSync(new URL("./dist/.vite/manifest.json", import.meta.url), "utf8"));
            const phone = [...phoneFiles(built), ...filesBeside(built)];
            return { manifest: entries.filter(({ url }) => !url.startsWith("assets/") || phone.includes(url)) };
          },
        ],
      },
      manifest: {
        id: "/",
        name: "驿传",
        short_name: "驿传",
        description: "一站一站，把话传到。",
        lang: "zh-CN",
        dir: "ltr",
        start_url: "/",
        scope: "/",
        display: "standalone",
        theme_color: "#211A13",
        background_color: "#F1ECE2",
        icons: [
          { src: "/icon.svg", sizes: "any", type: "image/svg+xml", purpose: "any" },
          { src: "/icon-192.png", sizes: "192x192", type: "image/png", purpose: "any" },
          { src: "/icon-512.png", sizes: "512x512", type: "image/png", purpose: "any" },
          { src: "/icon-maskable-512.png", sizes: "512x512", type: "image/png", purpose: "maskable" },
        ],
      },
    }),
  ],
  define: {
    __APP_VERSION__: JSON.stringify(version),
    __VUE_OPTIONS_API__: "false",
    __VUE_PROD_DEVTOOLS__: "false",
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "false",
  },
  build: {
    target: ["chrome107", "safari16", "firefox115"],
    manifest: true, // scripts/size.mjs reads it
    modulePreload: { polyfill: false },
    // Small things that phones and desks share: one file packs better than a dozen. Their styles stay where they are.
    rolldownOptions: {
      output: { codeSplitting: { includeDependenciesRecursively: false, groups: [{ name: "shared", test: SHARED }] } },
    },
  },
  server: { port: 5173, proxy: { "/api": server, "/sync": server } },
});
