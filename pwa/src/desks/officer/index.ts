/** The officer's desk: one lazy chunk, the phone of an enrolled device. */
export { default } from "./OfficerDesk.vue";
