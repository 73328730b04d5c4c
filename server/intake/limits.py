"""Writing policies, zones and modes: what may begin when, and what nobody changes any more (SPEC PO).

Responsible for deciding whether a new version may be written, inside the transaction that writes it, and for telling
each field that is at fault. Refuses to know requests: who may write is decided before.

Example: ``await intake.transaction(partial(add_policy, row_id=new_id, row=row))`` gives the ruling's index.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from server.intake.batch import Batch
from server.store.people import Directory, Row
from sync.incident.versions import HEAD, faults
from sync.incident.zones import TIER_MAX, Point, ring_fault

LATE_MS: Final = 60_000
"""What is asked to begin up to so long ago begins now: the form was open that long, or the clock there is behind."""
ROWS_LIMIT: Final = 1_000
"""Versions of one kind; at one a week that is twenty years."""


class LimitRefusedError(Exception):
    """A version that is not written: `code` is in the registry, `fields` says what is wrong with each."""

    def __init__(self, code: str, detail: str, fields: list[tuple[str, str]] | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.fields = fields or []


class Written(msgspec.Struct, frozen=True):
    """A version as it was written: the ruling's index, and from when it holds."""

    idx: int
    from_ms: int


def add_policy(batch: Batch, *, row_id: bytes, row: Row) -> Written:
    """Write a version of a policy. `from_ms` left out is now."""
    row = row if "from_ms" in row else row | {"from_ms": batch.at_ms}
    found = policy_faults(batch.directory, row)
    if found:
        raise LimitRefusedError("bad_policy", "Fields are at fault.", found)
    row = row | {"from_ms": _beginning(row["from_ms"], batch.at_ms)}
    same = ("zone", "mode", "from_ms")
    for other in batch.directory.of("policies").values():
        if all(other.get(name) == row.get(name) for name in same):
            raise LimitRefusedError(
                "same_beginning", f"“{other.get('name')}” is for the same and begins then too."
            )
    return _write(batch, "policies", row_id, row)


def policy_faults(directory: Directory, row: Row) -> list[tuple[str, str]]:
    """What is wrong with each field of a version."""
    return sorted(faults(row) + _unknown(directory, row, zone="zones"))


def add_zone(batch: Batch, *, row_id: bytes, row: Row) -> Written:
    """Write a version of a zone, or of a new one where `zone` is left out."""
    row = row if "from_ms" in row else row | {"from_ms": batch.at_ms}
    found = _zone_faults(batch.directory, row)
    if found:
        raise LimitRefusedError("bad_zone", "Fields are at fault.", sorted(found))
    row = row | {"from_ms": _beginning(row["from_ms"], batch.at_ms)}
    of = row.get("zone", row_id)
    standing = batch.directory.book.zones.at(row["from_ms"])
    if "polygon" not in row and "ended" not in row:
        for zone in standing:
            if zone.ring is None and zone.station == row["station"] and zone.id != of:
                raise LimitRefusedError(
                    "two_without_borders",
                    f"“{zone.name}” is already that of the station without borders.",
                )
    return _write(batch, "zones", row_id, row)


def switch_mode(batch: Batch, *, row_id: bytes, row: Row) -> Written:
    """Switch the mode of the organisation, from now on."""
    return _write(batch, "modes", row_id, row | {"from_ms": batch.at_ms})


def withdraw(batch: Batch, *, what: str, row_id: bytes, by: bytes) -> Written | None:
    """Take back a version that has not begun; None when there is no such row."""
    row = batch.directory.row(what, row_id)
    if row is None:
        return None
    from_ms = row.get("from_ms", 0)
    if type(from_ms) is not int or from_ms <= batch.at_ms:
        raise LimitRefusedError("has_begun", "It has judged since it began, and stays as it is.")
    return Written(batch.org(what, row_id, None, by=by), from_ms)


def _write(batch: Batch, what: str, row_id: bytes, row: Row) -> Written:
    if len(batch.directory.of(what)) >= ROWS_LIMIT:
        raise LimitRefusedError("too_many_versions", f"There are {ROWS_LIMIT} of {what}.")
    return Written(batch.org(what, row_id, row, by=row["by"]), row["from_ms"])


def _beginning(from_ms: int, now_ms: int) -> int:
    if from_ms < now_ms - LATE_MS:
        raise LimitRefusedError(
            "begins_in_the_past", "What began before it is judged by what held then."
        )
    return max(from_ms, now_ms)


def _unknown(directory: Directory, row: Row, **tables: str) -> list[tuple[str, str]]:
    return [
        (field, "unknown_row")
        for field, table in tables.items()
        if isinstance(row.get(field), bytes) and directory.row(table, row[field]) is None
    ]


def _zone_faults(directory: Directory, row: Row) -> list[tuple[str, str]]:
    found = [(name, fault) for name, check in HEAD.items() if (fault := check(row[name]))]
    if "ended" in row:
        found += [] if "zone" in row else [("zone", "missing")]
        return found + _unknown(directory, row, zone="zones")
    tier = row.get("tier")
    if type(tier) is not int:
        found.append(("tier", "missing" if tier is None else "wrong_type"))
    elif not 0 <= tier <= TIER_MAX:
        found.append(("tier", "out_of_range"))
    if "polygon" in row:
        fault = ring_fault(row["polygon"]) or crossing(row["polygon"])
        found += [("polygon", fault)] if fault else []
    elif "station" not in row:
        found.append(("station", "missing"))
    return found + _unknown(directory, row, zone="zones", station="stations")


def crossing(ring: list[Any]) -> str | None:
    """`crosses_itself` when two sides that do not follow each other touch: nobody can say what lies inside."""
    corners: list[Point] = [(point[0], point[1]) for point in ring]
    sides = list(zip(corners, corners[1:] + corners[:1], strict=True))
    for at, (a, b) in enumerate(sides):
        if a == b:
            return "crosses_itself"
        for beside, (c, d) in enumerate(sides[at + 1 :], at + 1):
            follows = beside == at + 1 or (at == 0 and beside == len(sides) - 1)
            if not follows and _touch(a, b, c, d):
                return "crosses_itself"
    return None


def _touch(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether two sides have a point in common."""
    turns = (_turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b))
    if turns[0] * turns[1] < 0 and turns[2] * turns[3] < 0:
        return True
    ends = ((a, b, c), (a, b, d), (c, d, a), (c, d, b))
    return any(turn == 0 and _between(*end) for turn, end in zip(turns, ends, strict=True))


def _turn(a: Point, b: Point, c: Point) -> int:
    found = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    return (found > 0) - (found < 0)


def _between(a: Point, b: Point, c: Point) -> bool:
    return all(min(a[i], b[i]) <= c[i] <= max(a[i], b[i]) for i in (0, 1))
