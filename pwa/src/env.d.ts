/** Ambient declarations: single-file components and what the build writes in. */
declare module "*.vue" {
  import type { DefineComponent } from "vue";

  const component: DefineComponent;
  export default component;
}

/** `version` of package.json, written in by vite.config.ts. */
declare const __APP_VERSION__: string;
