/**
 * The moment a timeline is looked at, and the centre's answer for it.
 *
 * Responsible for where the handle stands, for asking the centre once it rests, and for keeping the answer before until the
 * next is there. Refuses to fold anything itself.
 *
 *     const asOf = useAsOf(() => props.id, incident.data);
 *     asOf.cut.value       // { ms, by }, null for now
 *     asOf.known.value     // the incident as the list shows it
 *     asOf.told.value      // the newest answer of the centre for any moment: what the panels show
 */
import { type ComputedRef, computed, onScopeDispose, type Ref, ref, shallowRef, watch } from "vue";
import { useLoaded } from "../../../centre/loaded";
import type { Problem } from "../../../session";
import type { AsOfBy, Hex, Incident } from "../types";
import { type Cut, knownAt, moments, step } from "./asof";

/** A handle that is dragged asks for nothing; one that rests this long does. */
const RESTS_MS = 120;

export interface AsOf {
  readonly ms: Ref<number | null>;
  readonly by: Ref<AsOfBy>;
  readonly cut: ComputedRef<Cut | null>;
  readonly known: ComputedRef<Incident | null>;
  readonly told: ComputedRef<Incident | null>;
  /** Why the centre has not answered for the moment under the handle; null while it may yet. */
  readonly problem: Readonly<Ref<Problem | null>>;
  go(way: 1 | -1): void;
}

export function useAsOf(id: () => Hex, incident: Readonly<Ref<Incident | null>>): AsOf {
  const ms = ref<number | null>(null);
  const by = ref<AsOfBy>("received");
  const cut = computed<Cut | null>(() => (ms.value === null ? null : { ms: ms.value, by: by.value }));

  const asked = shallowRef<Cut | null>(null);
  let timer: ReturnType<typeof setTimeout> | undefined;
  watch(cut, (wanted) => {
    clearTimeout(timer);
    if (wanted === null) asked.value = null;
    else timer = setTimeout(() => (asked.value = wanted), RESTS_MS);
  });
  watch(id, () => (ms.value = null));
  onScopeDispose(() => clearTimeout(timer));

  const answer = useLoaded<Incident>(
    () => asked.value && `/api/incidents/${id()}?as_of_ms=${Math.floor(asked.value.ms)}&by=${asked.value.by}`,
    { live: true },
  );
  const newest = shallowRef<Incident | null>(null);
  watch([answer.data, cut], () => {
    if (cut.value === null) newest.value = null;
    else if (answer.data.value) newest.value = answer.data.value;
  });

  const known = computed(() =>
    incident.value && cut.value ? knownAt(incident.value, newest.value, cut.value) : incident.value,
  );
  const told = computed(() => (cut.value === null ? incident.value : (newest.value ?? incident.value)));
  function go(way: 1 | -1): void {
    if (incident.value) ms.value = step(moments(incident.value, by.value), ms.value, way);
  }
  return { ms, by, cut, known, told, problem: answer.problem, go };
}
