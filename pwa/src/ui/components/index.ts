/** The page of all components in all states: an aid for people who build and check the screens. */
export { default } from "./ComponentsPage.vue";
