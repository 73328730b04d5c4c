/**
 * What a screen offers to the receiver of an order (SPEC IN7). Mirrors `sync/incident/moves.py`. Moves say what to
 * offer; nothing here forbids a write.
 *
 *     movesOfOrder(order)   // signed: ["depart", "arrive", "return_request"]
 */
import type { Order } from "./orders";

export type Move = "sign" | "depart" | "arrive" | "clear" | "feedback" | "return_request";

const BY_STATUS: Readonly<Record<Order["status"], readonly Move[]>> = {
  issued: ["sign", "return_request"],
  delivered: ["sign", "return_request"],
  signed: ["depart", "arrive", "return_request"],
  departed: ["arrive"],
  arrived: ["clear", "feedback"],
  cleared: ["feedback"],
};

/** The open moves of an order, in the order a screen shows them; none when it is not open. */
export function movesOfOrder(order: Pick<Order, "open" | "status" | "return_request">): readonly Move[] {
  if (!order.open) return [];
  const asked = order.return_request !== null;
  return BY_STATUS[order.status].filter((move) => !(asked && move === "return_request"));
}
