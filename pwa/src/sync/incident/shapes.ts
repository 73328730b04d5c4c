/**
 * Which ops this version knows (SPEC IN1). The centre judges the shape of every op; the device only has to tell known
 * from unknown, since its own screens write nothing else. Mirrors the names of `sync/incident/shapes.py`.
 */
const KNOWN: ReadonlySet<string> = new Set([
  "incident.create",
  "fact.set",
  "set.add",
  "set.remove",
  "latest.set",
  "entry.add",
  "entry.correct",
  "milestone.claim",
  "milestone.withdraw",
  "milestone.dispute",
  "order.issue",
  "order.withdraw",
  "order.reassign",
  "order.return_request",
  "order.return_review",
  "incident.transfer",
  "incident.link",
  "incident.unlink",
  "incident.withdraw",
  "incident.close",
  "incident.reopen",
  "callback.attempt",
]);

/** Whether this version knows the op. */
export const isKnown = (t: string): boolean => KNOWN.has(t);
