"""Steps that are said in two ways, and steps that somebody disputed.

Responsible for finding the claims of an incident that people should look at together: who said what of one step of one
order in one round. Refuses to rule between them: a dispute or a withdrawal does, by a person (CE5).

The people of a crew come one after another, and each says so; that is no contradiction, unless they are further apart
than a crew is. But one person arrives once: their own word and what a desk heard over the radio should agree.

Example: `contested(state)` gives one `Slot` when an officer's own arrival stands and, six minutes later, the one that
a dispatcher wrote down for them.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

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


KEEPS: Final = "keeps"
ASKS: Final = "asks"
SETTLES: Final = "settles"
"""What a note can be about, in its `data`: statements (op ids) that somebody lets stand beside each other, asks their
authors about, or settles."""


class Spoken(msgspec.Struct, frozen=True):
    """A note of a person about statements: `what` is one of KEEPS, ASKS and SETTLES, `about` the ops it names."""

    what: str
    about: frozenset[bytes]
    item: Item


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
    disputes = state.counted("milestone.dispute")
    if not disputes and len(claims) == len({_slot(item) for item in claims}):
        return []  # as it nearly always is: nobody has said anything of a step that another said too
    standing = {claim["op"] for claim in state.derived().claims if claim["standing"]}
    disputed = {item.fields["claim"] for item in disputes}
    apart: dict[tuple[int, bytes, str], list[Item]] = {}
    for item in claims:
        apart.setdefault(_slot(item), []).append(item)
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


def spoken(state: IncidentState) -> list[Spoken]:
    """What people said about statements of an incident, in the order in which it came."""
    found: list[Spoken] = []
    for item in state.counted("entry.add"):
        data = item.fields.get("data") or {}
        for what in (KEEPS, ASKS, SETTLES):
            about = data.get(what)
            if isinstance(about, list) and about and all(type(op) is bytes for op in about):
                found.append(Spoken(what, frozenset(about), item))
    return sorted(found, key=lambda one: (one.item.idx is None, one.item.idx or 0, one.item.op))


def are_kept(ops: Iterable[bytes], said: Sequence[Spoken]) -> bool:
    """Whether somebody let these statements, all of them, stand beside each other."""
    wanted = frozenset(ops)
    return any(one.what == KEEPS and wanted <= one.about for one in said)


def waiting_facts(state: IncidentState, said: Sequence[Spoken]) -> dict[str, list[Item]]:
    """Per fact with values that differ and that nobody lets stand: its live values, in the order of the cells."""
    return {
        field: [state.items[value["op"]] for value in values]
        for field, values in _differing(state).items()
        if not are_kept((value["op"] for value in values), said)
    }


def waiting_steps(state: IncidentState, said: Sequence[Spoken]) -> list[Slot]:
    """The contested steps but for contradictions that somebody lets stand."""
    return [
        slot
        for slot in contested(state)
        if not (slot.is_contradictory and are_kept(slot.standing, said))
    ]


def waiting(state: IncidentState) -> tuple[int, int]:
    """How many facts and how many contradictory steps wait for somebody to rule."""
    if not contested(state) and not _differing(state):
        return 0, 0  # as it nearly always is: what people said about it need not be looked for
    said = spoken(state)
    steps = waiting_steps(state, said)
    return len(waiting_facts(state, said)), sum(slot.is_contradictory for slot in steps)


def unanswered_delays(state: IncidentState) -> int:
    """How many delay reasons wait for a word of the desk (FB4)."""
    said = [item for item in state.counted("entry.add") if item.fields["kind"] == "delay_reason"]
    if not said:
        return 0
    answered = {item.fields["entry"] for item in state.counted("delay.answer")}
    return sum(item.op not in answered for item in said)


def _differing(state: IncidentState) -> dict[str, list[dict[str, Any]]]:
    return {
        field: values
        for field, values in state.derived().fields.items()
        if any(value["v"] != values[0]["v"] for value in values[1:])
    }


def _slot(item: Item) -> tuple[int, bytes, str]:
    fields = item.fields
    return fields["round"], fields.get("order", b""), fields["kind"]


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
