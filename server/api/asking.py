"""Questions to the authors of statements, and what they wrote afterwards.

Responsible for putting question and answer beside the statements they are about. An answer is a note of somebody asked,
received after the question: people answer in the incident, wherever they are. Refuses to know what is in conflict.

Example: `questions(spoken(state), ops, state, name)` gives one `Inquiry` with its `answers`.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from server.api.ids import Hex32, Ms
from server.intake.contested import ASKS, Spoken
from sync.fold import Item
from sync.incident.state import IncidentState

ANSWERING: Final = frozenset({"note", "answer"})
"""Kinds of entries that can be an answer."""


class Reply(msgspec.Struct, frozen=True):
    """What somebody who was asked wrote afterwards."""

    op: str
    by: Hex32
    by_name: str
    at: Ms
    received_at: Ms | None
    text: str


class Inquiry(msgspec.Struct, frozen=True):
    """What a desk asked the authors of statements, and their answers in order of arrival."""

    op: str
    by: Hex32
    by_name: str
    at: Ms
    text: str
    answers: list[Reply]


def questions(
    said: Sequence[Spoken],
    ops: Iterable[bytes],
    state: IncidentState,
    name: Callable[[bytes], str],
) -> list[Inquiry]:
    """The questions about any of these statements, the first asked first."""
    wanted = frozenset(ops)
    notes = [item for item in state.counted("entry.add") if item.fields["kind"] in ANSWERING]
    notes.sort(key=_arrival)
    found = []
    for one in said:
        if one.what != ASKS or wanted.isdisjoint(one.about):
            continue
        item = one.item
        about = [state.items[op] for op in one.about if op in state.items]
        asked = {known.user for known in about} | {known.fields.get("by") for known in about}
        answers = [
            Reply(
                op=note.op.hex(),
                by=note.user.hex(),
                by_name=name(note.user),
                at=note.occurred_at_ms,
                received_at=note.at_ms,
                text=note.fields["text"],
            )
            for note in notes
            if note.user in asked and note.user != item.user and _arrival(note) > _arrival(item)
        ]
        found.append(
            Inquiry(
                op=item.op.hex(),
                by=item.user.hex(),
                by_name=name(item.user),
                at=item.occurred_at_ms,
                text=item.fields["text"],
                answers=answers,
            )
        )
    return found


def _arrival(item: Item) -> int:
    return item.idx or 0
