/** Showing and reading codes: one chunk, loaded when somebody asks for it and kept beside the phone's shell. */
export { default as CodeLoop } from "./CodeLoop.vue";
export { default as CodeReader } from "./CodeReader.vue";
