/** The log-in desk. It shows the same page for every place it is given. */
export { default } from "./LoginDesk.vue";
