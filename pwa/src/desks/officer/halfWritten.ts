/**
 * What is half written stays: an order may take the screen, a thumb may slip to back, the page may be closed. It is kept
 * on this phone under a name, comes back with the form, and is forgotten once it has become a record.
 *
 * Refuses to know what the parts mean; a kept part the form no longer has is left out.
 *
 *     const half = halfWritten(device, "selfReport", { place, story });
 *     half.restored.value;                     // true: say that it is still there
 *     await record(…); await half.forget();
 */
import { onScopeDispose, type Ref, ref, watch } from "vue";
import type { Device } from "../../device/device";

// biome-ignore lint/suspicious/noExplicitAny: the parts are the form's own, of whatever kind
type Parts = Record<string, Ref<any>>;

export function halfWritten(
  device: Pick<Device, "draft" | "keepDraft">,
  name: string,
  parts: Parts,
): { restored: Ref<boolean>; forget: () => Promise<void> } {
  const restored = ref(false);
  let touched = false;
  void device.draft(name).then((kept) => {
    if (!kept || touched) return;
    const before = JSON.parse(kept) as Record<string, unknown>;
    for (const [key, part] of Object.entries(parts)) if (key in before) part.value = before[key];
    restored.value = true;
  });
  const write = (): string =>
    JSON.stringify(Object.fromEntries(Object.entries(parts).map(([key, { value }]) => [key, value])));
  function keep(): void {
    if (touched) void device.keepDraft(name, write());
  }
  // at once, so that a form that empties itself and then forgets is not taken for one being written
  watch(Object.values(parts), () => (touched = true), { flush: "sync" });
  const leaving = new AbortController();
  document.addEventListener("visibilitychange", keep, { signal: leaving.signal });
  onScopeDispose(() => {
    leaving.abort();
    keep();
  });
  return {
    restored,
    async forget() {
      touched = false;
      restored.value = false;
      await device.keepDraft(name, "");
    },
  };
}
