"""Steps that are said in two ways, and steps that somebody disputed.

Responsible for finding the claims of an incident that people should look at together: who said what of one step of one
order in one round. Refuses to rule between them: a dispute or a withdrawal does, by a person (CE5).

The people of a crew come one after another, and each says so; that is no contradiction, unless they are further apart
than a crew is. But one person arrives once: their own word and what a desk heard over the radio should agree.

Example: `contested(state)` gives one `Slot` when an officer's own arrival stands and, six minutes later, the one that
a dispatcher wrote down for them.
"""

from typing import Final

import msgspec

from sync import cells
from sync.fold import Item
from sync.incident.state import IncidentState

ONE_PERSON_MS: Final = 180_000
"""Standing claims of one step by or for one person whose event times are further apart contradict each other."""
CREW_MS: Final = 900_000
"""The same for claims of different people on one order."""
MOVES: Final = frozenset({"departed", "arrived", "cleared"})
"""Steps that happen once for a crew; each of them may sign an order for themselves."""


class Slot(msgspec.Struct, frozen=True):
    """One step with everything that was said of it. `is_contradictory`: standing claims are too far apart; else a claim
    of it is disputed. `effective` is the op of the claim that counts, None when none stands."""

    kind: str
    round: int
    order: bytes | None
    is_contradictory: bool
    claims: tuple[Item, ...]
    standing: frozenset[bytes]
    effective: bytes | None


def contested(state: IncidentState) -> list[Slot]:
    """The contested steps of an incident, by round, then order, then kind."""
    claims = state.counted("milestone.claim")
    if not claims:
        return []
    standing = state.derived().standing
    disputed = {item.fields["claim"] for item in state.counted("milestone.dispute")}
    apart: dict[tuple[int, bytes, str], list[Item]] = {}
    for item in claims:
        fields = item.fields
        key = (fields["round"], fields.get("order", b""), fields["kind"])
        apart.setdefault(key, []).append(item)
    found: list[Slot] = []
    for (round_, order, kind), said in sorted(apart.items(), key=lambda pair: pair[0]):
        stands = [item for item in said if item.op in standing]
        is_contradictory = kind in MOVES and _are_apart(stands)
        if is_contradictory or any(item.op in disputed for item in said):
            first = cells.earliest(stands)
            found.append(
                Slot(
                    kind=kind,
                    round=round_,
                    order=order or None,
                    is_contradictory=is_contradictory,
                    claims=tuple(sorted(said, key=lambda item: (item.occurred_at_ms, item.op))),
                    standing=frozenset(item.op for item in stands),
                    effective=None if first is None else first.op,
                )
            )
    return found


def _are_apart(claims: list[Item]) -> bool:
    by_witness: dict[bytes, list[int]] = {}
    for item in claims:
        witness = item.fields.get("by", item.user)
        by_witness.setdefault(witness, []).append(item.occurred_at_ms)
    if any(_spread(times) > ONE_PERSON_MS for times in by_witness.values()):
        return True
    return _spread([item.occurred_at_ms for item in claims]) > CREW_MS


def _spread(times: list[int]) -> int:
    return max(times, default=0) - min(times, default=0)
