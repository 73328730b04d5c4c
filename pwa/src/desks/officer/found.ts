/**
 * What the centre found of the clocks of a job, for the officer whose job it is: met, late, or that nobody can say.
 *
 * Responsible for choosing which findings concern this officer, and for the word of a person beside them. Refuses to judge:
 * the phone shows what was ruled. What reached nobody is not shown, it is nobody's fault.
 *
 *     foundLines(job, await device.found(id))[0];      // { what: "签收", state: "met", beside: null }
 */

import type { Found } from "../../sync/evidence/found";
import { toHex } from "../../sync/ids";
import type { Job } from "./model";
import { t } from "./words";

export type FoundState = "met" | "missed" | "undetermined";
export interface FoundLine {
  key: string;
  what: string;
  state: FoundState;
  /** What a named person found, who that is in hex, and why. */
  beside: { state: FoundState; by: string; why: string } | null;
}

const STATES: Readonly<Record<string, FoundState>> = {
  met: "met",
  missed: "missed",
  undetermined: "undetermined",
  unproven: "undetermined",
};
/** The clocks that an officer's own steps end. */
const WHAT: Readonly<Record<string, () => string>> = {
  C2: () => t("signed"),
  C3: () => t("departed"),
  C4: () => `${t("departed")}–${t("arrived")}`,
  C5: () => t("arrived"),
  C6: () => t("feedback"),
  C7: () => t("finalFeedback"),
};

export function foundLines({ incident, order }: Job, found: readonly Found[]): FoundLine[] {
  const own = found.filter(
    (one) => one.round === incident.round && (one.order === "" || one.order === order?.id) && one.clock in WHAT,
  );
  return own
    .sort((a, b) => (a.clock < b.clock ? -1 : 1))
    .flatMap(({ clock, order: of, round, result }) => {
      const state = STATES[result];
      const said = incident.view.overrides.findLast(
        (one) => one.clock === clock && one.round === round && (one.order ? toHex(one.order) : "") === of,
      );
      const beside = said && { state: STATES[said.result] ?? "undetermined", by: toHex(said.by), why: said.why };
      const what = WHAT[clock]?.() ?? clock;
      return state ? [{ key: clock, what, state, beside: beside ?? null }] : [];
    });
}
