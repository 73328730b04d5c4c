/**
 * What the sync chip says. Pure: the device layer tells the facts, one state comes out, in a fixed rank:
 * 需处理 > 离线 > 上传中 > 待传 > 已确认. 已确认 is never a guess: nothing waits and nothing was refused.
 *
 * What waits is told offline too, beside how long: that is when somebody wants to know it.
 *
 *     chipOf({ waiting: 3, atStation: 2, refused: 0, sending: null, offlineSinceMs: null })
 *     // { state: "pending", n: 3, atStation: 2 }
 */
export interface SyncFacts {
  /** Sets written here that the centre has not yet acknowledged, those being sent included. */
  readonly waiting: number;
  /** Of those, sets that a station keeps and hands on. */
  readonly atStation: number;
  /** Sets the centre refused, which somebody has to mend. */
  readonly refused: number;
  /** An upload under way: how many of how many have been taken. */
  readonly sending: { readonly done: number; readonly all: number } | null;
  /** Since when no server has answered; null while one does. */
  readonly offlineSinceMs: number | null;
}

export type ChipState =
  | { readonly state: "attention"; readonly n: number }
  | { readonly state: "offline"; readonly sinceMs: number; readonly waiting: number }
  | { readonly state: "uploading"; readonly done: number; readonly all: number }
  | { readonly state: "pending"; readonly n: number; readonly atStation: number }
  | { readonly state: "confirmed" };

export function chipOf(facts: SyncFacts): ChipState {
  if (facts.refused > 0) return { state: "attention", n: facts.refused };
  if (facts.offlineSinceMs !== null) return { state: "offline", sinceMs: facts.offlineSinceMs, waiting: facts.waiting };
  if (facts.sending) return { state: "uploading", ...facts.sending };
  if (facts.waiting > 0) return { state: "pending", n: facts.waiting, atStation: facts.atStation };
  return { state: "confirmed" };
}

/** How far a set, or the least travelled of many, has come: the phone, the station, the centre. */
export type Reached = "phone" | "station" | "centre";

/** The ticks beside the chip's word: those of the set that has come least far, all filled only when confirmed. */
export function reachedOf(facts: SyncFacts): Reached {
  if (chipOf(facts).state === "confirmed") return "centre";
  return facts.waiting > 0 && facts.atStation === facts.waiting ? "station" : "phone";
}
