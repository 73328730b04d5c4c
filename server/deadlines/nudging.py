"""What a timer of the nudging plan does: each step that is due becomes an entry in the centre's name (SPEC NU4).

Responsible for writing those entries through the one door and for asking that phones be knocked at. Refuses to decide
what is due; `sync.incident.escalation` does, on what the incident is under the lock of the log. A step and its entry
are one transaction: a crash leaves both undone, and the next look does them.

Example: in a transaction of the intake, `take(batch, incident)`.
"""

from collections.abc import Iterable
from typing import Any

from server.intake.batch import Batch
from server.push.wanted import PUSH, Wanted, receivers, want
from server.store import subscriptions
from sync.changeset import KIND_INCIDENT, Draft
from sync.incident.escalation import CENTRE, Step

OPS_AT_ONCE = 20  # of one set (CS2)


def take(batch: Batch, incident: bytes) -> None:
    """Take every step that is due on an incident, and set its timer for the next."""
    due = batch.pending(incident)
    for at in range(0, len(due), OPS_AT_ONCE):
        ops = [_entry(step) for step in due[at : at + OPS_AT_ONCE]]
        batch.write(Draft(CENTRE, batch.scope_of(incident), KIND_INCIDENT, incident, ops))
    knocks = [step for step in due if step.channel == PUSH]
    if knocks:
        _knock(batch, incident, knocks)
    batch.time_again(incident)


def _entry(step: Step) -> dict[str, Any]:
    return {"t": "entry.add", "kind": "nudge", "text": "", "data": step.data()}


def _knock(batch: Batch, incident: bytes, steps: Iterable[Step]) -> None:
    """Have the phones knocked at of everybody who has an order that a step speaks of. A clock of the whole incident
    speaks of every open one."""
    about = {step.order for step in steps}
    for order in batch.view(incident)["orders"]:
        if not order["open"] or not about & {order["id"], None}:
            continue
        concerned = receivers(batch.directory, *order["to"])
        for person in subscriptions.subscribed(batch.connection, concerned):
            wanted = Wanted("nudge", batch.at_ms, incident, order["id"], person=person)
            batch.afterwards(want(batch.connection, wanted))
