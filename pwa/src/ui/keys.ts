/**
 * The keyboard of a desk: every key has a label, the list behind `?` is made from what is registered, and nothing
 * fires while somebody is typing.
 *
 * Responsible for: matching, ignoring keys meant for a field or an input method, the newest registration winning,
 * and layers, so that an open dialog has the keyboard to itself. Refuses to know what any key does.
 *
 *     useKeys([{ key: "n", label: t("nudge"), run: nudge }, { key: "Ctrl+Enter", label: t("save"), run: save }]);
 *
 * A key is written as the keyboard gives it (`n`, `?`, `[`, `ArrowUp`, `Enter`), with `Ctrl+` or `Alt+` in front.
 * Keys with Ctrl or Alt also work while typing; `Ctrl+` means ⌘ on a Mac too.
 */
import { onScopeDispose, shallowReactive } from "vue";

export interface KeyBinding {
  readonly key: string;
  /** What it does, in the reader's language; a function, so that the `?` list follows the language. */
  readonly label: string | (() => string);
  readonly run: (event: KeyboardEvent) => void;
  /** When given and false, the key does nothing and is not listed. */
  readonly when?: () => boolean;
  /** Works but is not listed, for second spellings of a listed key. */
  readonly unlisted?: boolean;
  /** Gives way to any other binding of the key, whichever came first: digits go to desks unless a desk scores with them. */
  readonly yields?: boolean;
}

interface Entry extends KeyBinding {
  readonly layer: number;
}

const entries = shallowReactive<Entry[]>([]);
let layers = 0;

/** Register keys for as long as the calling component lives. */
export function useKeys(bindings: readonly KeyBinding[]): void {
  onScopeDispose(registerKeys(bindings));
}

/** Register keys; call what is returned to take them back. */
export function registerKeys(bindings: readonly KeyBinding[]): () => void {
  const mine = bindings.map((binding) => ({ ...binding, layer: layers }));
  entries.push(...mine);
  return () => {
    for (const entry of mine) {
      const at = entries.indexOf(entry);
      if (at >= 0) entries.splice(at, 1);
    }
  };
}

/** Give the keyboard to what opens now (a dialog); keys registered before rest until the returned call. */
export function openLayer(): () => void {
  layers += 1;
  let open = true;
  return () => {
    if (open) layers -= 1;
    open = false;
  };
}

/** The order in which bindings are asked: the newest first, those that yield after all others. */
function inTurn(some: readonly Entry[]): Entry[] {
  return [...some].reverse().sort((a, b) => Number(a.yields ?? false) - Number(b.yields ?? false));
}

/** What the `?` list shows: the keys that work now, in the order they were registered, each with what it does now. */
export function listedKeys(): { key: string; label: string }[] {
  const working = entries.filter((entry) => entry.layer === layers && !entry.unlisted && entry.when?.() !== false);
  const winners = new Map(working.map((entry) => [entry.key, entry]));
  for (const entry of inTurn(working).reverse()) winners.set(entry.key, entry);
  return [...winners.values()].map(({ key, label }) => ({ key, label: typeof label === "string" ? label : label() }));
}

/** How a pressed key is written in a binding. Digits and letters with Alt are read from the key's place. */
export function nameOf(event: KeyboardEvent): string {
  const place = /^(?:Digit|Key)(.)$/.exec(event.code)?.[1];
  const key =
    event.altKey && place ? place.toLowerCase() : event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const ctrl = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  return `${ctrl}${event.altKey ? "Alt+" : ""}${key}`;
}

const TYPING =
  "input:not([type=checkbox]):not([type=radio]):not([type=button]),textarea,select,[contenteditable='true']";

/** The one listener of a desk; `main.ts` or a test puts it on the document. */
export function onKeydown(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return;
  const typing = event.target instanceof Element && event.target.closest(TYPING) !== null;
  if (typing && !event.ctrlKey && !event.metaKey && !event.altKey) return;
  const name = nameOf(event);
  for (const entry of inTurn(entries)) {
    if (entry.layer !== layers || entry.key !== name || entry.when?.() === false) continue;
    event.preventDefault();
    entry.run(event);
    return;
  }
}
