/** The command desk: the watch wall, dispatch and the merged timeline, behind the gate that asks who sits here. */
import { defineComponent, h, type PropType } from "vue";
import DeskGate from "../../centre/DeskGate.vue";
import type { Place } from "../../router";
import Dispatch from "./dispatch/Dispatch.vue";
import Timeline from "./timeline/Timeline.vue";
import Wall from "./wall/Wall.vue";

export default defineComponent({
  props: { place: { type: Object as PropType<Place>, required: true } },
  setup: (props) => () =>
    h(DeskGate, { place: props.place }, () => {
      switch (props.place.name) {
        case "dispatch":
          return h(Dispatch);
        case "timeline":
          return h(Timeline, { id: props.place.id });
        default:
          return h(Wall);
      }
    }),
});
