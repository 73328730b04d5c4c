/** Screens that are seldom wanted: one chunk, loaded when somebody opens one and kept beside the phone's shell. */
export { default as CourierSheet } from "./CourierSheet.vue";
export { default as KnockScreen } from "./KnockScreen.vue";
