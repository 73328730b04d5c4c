"""What the oracle thinks of rights: its own reading of AU over the history of the organisation (I12).

Responsible for saying of a set whether its author certainly had the right, certainly had not, or neither. Refuses to
use the product's admission: the table of who may command is read from `sync.incident.authority`, the history and the
interval are reckoned here.

Example: a dispatcher who lost the role before the set can have been made gives `NEVER`.
"""

from typing import Any

from sync import rulings
from sync.changeset import KIND_INCIDENT, ChangeSet
from sync.incident import authority
from tests.sim.ended import Ended, Held
from tests.sim.oracle import Broken

WIDE = frozenset({"dispatcher", "commander"})


def commands(change: ChangeSet | None) -> list[str]:
    """The commands in a set."""
    body = change.body if change is not None else None
    if change is None or body is None or body.kind != KIND_INCIDENT:
        return []
    named = [authority.command_of(op, change.header.user) for op in body.ops]
    return [command for command in named if command is not None]


def interval(ended: Ended, held: Held) -> tuple[int, int]:
    """When the set can have been made, by the centre's clock: after its device was enrolled and after the newest ruling
    it has seen; before it was received. A set of the centre's own desk was made when it was ruled."""
    received_ms = ended.first(held.id).at_ms
    key = ended.keys.get(held.chain)
    if key is not None and key.person is None and key.station is None:
        return received_ms, received_ms
    since_ms = key.enrolled_at_ms if key is not None else 0
    change = held.change
    if change is not None and change.header.seen is not None:
        idx, leaf = change.header.seen
        if 0 < idx <= len(ended.rulings):
            seen = ended.rulings[idx - 1]
            if rulings.leaf_hash(ended.raw_rulings[idx - 1])[:16] == leaf:
                since_ms = max(since_ms, seen.at_ms)
    return min(since_ms, received_ms), received_ms


def rows_during(
    history: list[tuple[int, dict[str, Any] | None]], low_ms: int, high_ms: int
) -> list[dict[str, Any] | None]:
    """Every state a row was in at some moment from `low_ms` to `high_ms`, both included."""
    states: list[dict[str, Any] | None] = []
    for number, (since_ms, row) in enumerate(history):
        until_ms = history[number + 1][0] if number + 1 < len(history) else high_ms + 1
        if since_ms <= high_ms and until_ms >= low_ms:
            states.append(row)
    if not history or history[0][0] > low_ms:
        states.append(None)
    return states


def _held_widely(row: dict[str, Any] | None, command: str) -> bool:
    """Whether this row alone gives the command, whatever the incident."""
    if row is None:
        return False
    roles = {row["role"], *row.get("roles", ())}
    return authority.may(command, roles=roles, same_station=False, own_self_report=False)


def _might(row: dict[str, Any] | None, command: str) -> bool:
    """Whether there is any incident on which this row gives the command."""
    if row is None:
        return False
    roles = {row["role"], *row.get("roles", ())}
    own = command == "order.issue"
    return authority.may(command, roles=roles, same_station=True, own_self_report=own)


def sound_and_complete(ended: Ended) -> None:
    """I12: no command counts whose author had no right at any time it can have been made; none is rejected for rights
    whose author had them all that time."""
    people = ended.org_history("people")
    for held in ended.sets:
        change = held.change
        named = commands(change)
        if change is None or not named:
            continue
        first = ended.first(held.id)
        low_ms, high_ms = interval(ended, held)
        rows = rows_during(people.get(change.header.user, []), low_ms, high_ms)
        if first.payload["d"] in rulings.COUNTED:
            for command in named:
                if not any(_might(row, command) for row in rows):
                    raise Broken(12, f"{command} of {held.id.hex()[:8]} counts without any right")
        elif (
            first.payload["why"] == "no_authority"
            and not _revoked_in(ended, held, high_ms)
            and all(_held_widely(row, command) for row in rows for command in named)
        ):
            raise Broken(12, f"{held.id.hex()[:8]} is rejected though its author had the right")


def _revoked_in(ended: Ended, held: Held, high_ms: int) -> bool:
    key = ended.keys.get(held.chain)
    return key is not None and key.revoked_at_ms is not None and key.revoked_at_ms <= high_ms
