/** The callback desk: its component takes the current place. */
import { defineComponent, h } from "vue";
import EmptyState from "../../ui/EmptyState.vue";
import { t } from "../../words/common";

export default defineComponent({
  setup: () => () => h(EmptyState, { title: t("ortoo"), text: t("motto") }),
});
