/** What was being written and looked at when the screen was left, so that a look at the wall loses nothing. */
import { ref, shallowRef } from "vue";
import type { Hex } from "../types";
import { type Draft, EMPTY } from "./model";

export const draft = shallowRef<Draft>(EMPTY);
/** The incident in the middle; null while a new one is written. */
export const looked = ref<Hex | null>(null);
