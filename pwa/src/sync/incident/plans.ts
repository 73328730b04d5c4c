/**
 * Nudging plans as data: after which moment of which clock somebody is told, how, and whom (SPEC NU1, NU2). Mirrors
 * `sync/incident/plans.py`. It does not know what is due.
 *
 *     DEFAULT_PLANS[""]?.[0]?.channel      // "push"
 */
export type Channel = "ring" | "push" | "desk" | "radio" | "phone" | "station" | "commander";
export type To = "receiver" | "desk" | "callback" | "reviewer" | "station" | "commander";

/** `at_ms` after the start of `clock`, or after its due (before it, when negative), `to` is told by `channel`. */
export interface PlanStep {
  readonly clock: string;
  readonly at_ms: number;
  readonly after: "start" | "due";
  readonly channel: Channel;
  readonly to: To;
}
/** By tier in minutes as text; `""` is for every tier without a plan of its own. */
export type Plans = Readonly<Record<string, readonly PlanStep[]>>;

const step = (clock: string, at_ms: number, after: "start" | "due", channel: Channel, to: To): PlanStep => ({
  clock,
  at_ms,
  after,
  channel,
  to,
});

export const DEFAULT_PLANS: Plans = {
  "": [
    // Under way to a phone: knock again, then the desk calls, sends by radio, or sends somebody else.
    step("C1", 5_000, "start", "push", "receiver"),
    step("C1", 0, "due", "desk", "desk"),
    step("C1", 30_000, "due", "station", "station"),
    step("C1", 110_000, "due", "commander", "commander"),
    // On the phone and not signed: it rings, rings louder, then without a pause.
    step("C2", 0, "start", "ring", "receiver"),
    step("C2", -15_000, "due", "ring", "receiver"),
    step("C2", -10_000, "due", "push", "receiver"),
    step("C2", 0, "due", "ring", "receiver"),
    step("C2", 0, "due", "desk", "desk"),
    step("C2", 30_000, "due", "station", "station"),
    step("C2", 90_000, "due", "commander", "commander"),
    // Signed, and nothing follows.
    step("C3", 120_000, "start", "push", "receiver"),
    step("C3", 180_000, "start", "desk", "desk"),
    step("C3", 300_000, "start", "station", "station"),
    step("C3", 600_000, "start", "commander", "commander"),
    step("C5", 0, "due", "desk", "desk"),
    step("C5", 120_000, "due", "station", "station"),
    step("C5", 300_000, "due", "commander", "commander"),
    step("C6", -300_000, "due", "push", "receiver"),
    step("C6", 0, "due", "desk", "desk"),
    step("C6", 900_000, "due", "station", "station"),
    step("C7", -3_600_000, "due", "push", "receiver"),
    step("C7", 0, "due", "desk", "desk"),
    step("C7", 3_600_000, "due", "station", "station"),
    step("C7r", 0, "due", "desk", "desk"),
    step("C7r", 3_600_000, "due", "station", "station"),
    step("C8", -14_400_000, "due", "desk", "reviewer"),
    step("C8", 0, "due", "commander", "commander"),
    step("C9", -14_400_000, "due", "desk", "callback"),
    step("C9", 0, "due", "commander", "commander"),
  ],
};
