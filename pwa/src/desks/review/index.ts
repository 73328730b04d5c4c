/** The review desk and its list of overdue feedback, behind the gate that asks who sits here. */
import { defineComponent, h, type PropType } from "vue";
import DeskGate from "../../centre/DeskGate.vue";
import type { Place } from "../../router";
import OverduePage from "./OverduePage.vue";
import ReviewDesk from "./ReviewDesk.vue";

export default defineComponent({
  props: { place: { type: Object as PropType<Place>, required: true } },
  setup: (props) => () =>
    h(DeskGate, { place: props.place }, () => h(props.place.name === "overdue" ? OverduePage : ReviewDesk)),
});
