/** The desk of figures, behind the gate that asks who sits here. */
import { defineComponent, h, type PropType } from "vue";
import DeskGate from "../../centre/DeskGate.vue";
import type { Place } from "../../router";
import SuperviseDesk from "./SuperviseDesk.vue";

export default defineComponent({
  props: { place: { type: Object as PropType<Place>, required: true } },
  setup: (props) => () => h(DeskGate, { place: props.place }, () => h(SuperviseDesk)),
});
