/**
 * The facts of an incident as the panel shows them: which, in which order, what is in two versions, and the value a
 * person typed as the op wants it. Pure.
 *
 *     factRows(view)[0]              // { field: "title", values: [{ v: "草场纠纷", … }], conflict: false }
 *     typed("level", "2")            // 2
 */
import { fieldRank } from "../../../centre/facts";
import type { FactValue, View } from "../types";

const NUMBERS = new Set(["level", "tier", "casualties", "rescued"]);
/** Not for typing: they come from maps and from the city. */
const FIXED = new Set(["point", "city_received_at", "city_issued_at"]);
/** Commands: only who may command can set them (AU). */
const COMMANDS = new Set(["level", "tier"]);

export interface FactRow {
  readonly field: string;
  readonly values: readonly FactValue[];
  readonly conflict: boolean;
}

/** Facts that have a value; those in two versions first, for they want somebody. */
export function factRows(view: View): FactRow[] {
  return Object.entries(view.fields)
    .filter(([, values]) => values.length > 0)
    .map(([field, values]) => ({ field, values, conflict: values.length > 1 }))
    .sort((a, b) => Number(b.conflict) - Number(a.conflict) || fieldRank(a.field) - fieldRank(b.field));
}

export const editable = (field: string): boolean => !FIXED.has(field);
export const isCommand = (field: string): boolean => COMMANDS.has(field);
export const isNumber = (field: string): boolean => NUMBERS.has(field);

/** What was typed, as the op wants it; null when it is not a value of that field. */
export function typed(field: string, text: string): string | number | null {
  const given = text.trim();
  if (given === "") return null;
  if (!isNumber(field)) return given;
  const number = Number(given);
  const most = field === "level" ? 4 : 1_000_000;
  return Number.isInteger(number) && number >= (field === "level" ? 1 : 0) && number <= most ? number : null;
}
