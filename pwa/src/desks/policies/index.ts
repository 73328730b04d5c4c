/** The policies desk, behind the gate that asks who sits here. */
import { defineComponent, h, type PropType } from "vue";
import DeskGate from "../../centre/DeskGate.vue";
import type { Place } from "../../router";
import PoliciesDesk from "./PoliciesDesk.vue";

export default defineComponent({
  props: { place: { type: Object as PropType<Place>, required: true } },
  setup: (props) => () => h(DeskGate, { place: props.place }, () => h(PoliciesDesk)),
});
