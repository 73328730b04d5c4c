/**
 * The dialogs of commands on one incident, for every screen that offers them: which one is open and about which order.
 *
 *     const commands = useCommands();
 *     commands.open("transfer", null);
 */
import { type Ref, ref, shallowRef } from "vue";
import type { CommandName } from "./authority";
import type { Order } from "./types";

export interface Commands {
  readonly name: Ref<Exclude<CommandName, "issue_order"> | null>;
  readonly order: Ref<Order | null>;
  open(name: CommandName, order: Order | null): void;
  close(): void;
}

export function useCommands(): Commands {
  const name = ref<Exclude<CommandName, "issue_order"> | null>(null);
  const order = shallowRef<Order | null>(null);
  return {
    name,
    order,
    open(next, about) {
      if (next === "issue_order") return; // the screens have a list of receivers for that, not a dialog
      order.value = about;
      name.value = next;
    },
    close() {
      name.value = null;
    },
  };
}
