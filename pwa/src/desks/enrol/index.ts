/** The enrolment page: makes this browser a device. */
export { default } from "./EnrolDesk.vue";
