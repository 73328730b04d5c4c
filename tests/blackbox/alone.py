"""What does a town owe that was alone for long? Alarms in time, and a word on all that lay there.

Responsible for reading from the databases of a stopped centre and its station who took the steps of the nudging plan
meanwhile (SPEC HB9), and which sets the station gave its word on (HB11), and for naming what is missing. Refuses to
know how the line was cut.

    silent   a step fell due while the station was alone, and it did not take it
    early    a step was taken before it fell due, or while the centre was still there
    again    one server took a step twice
    unsaid   a set lay at the station for long, and it gave no word on it
"""

import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from tests.blackbox import journal
from tests.blackbox.checker import Violation
from tests.blackbox.evidence import Database, Stored, read_stopped

ALONE_AFTER_MS: Final = 60_000
LOOKS_EVERY_MS: Final = 5_000
LAY_MS: Final = 30_000
LONG_S: Final = 90.0
"""So long it must have been: some steps fall due after the station has found itself alone."""
SLACK_MS: Final = 10_000  # a machine that is busy with other things


class Alone(NamedTuple):
    """The time without a line, by the clock of this machine."""

    from_ms: int
    until_ms: int


def now_ms() -> int:
    """By the clock of this machine."""
    return time.time_ns() // 1_000_000


def check_alone(alone: Alone, centre_dir: Path, station_dir: Path, phone: Path) -> list[Violation]:
    """Everything that is missing. `phone`: the journal of one that was there all the time. Neither server may run."""
    centre, station = read_stopped(centre_dir), read_stopped(station_dir)
    made = {bytes.fromhex(line["id"]) for line in journal.read(phone) if line["e"] == "made"}
    return [*_alarms(alone, centre, station), *_words(alone, centre, station, made)]


def _alarms(alone: Alone, centre: Database, station: Database) -> Iterator[Violation]:
    taken: dict[tuple[Any, ...], list[Stored]] = defaultdict(list)
    for one, op in _ops(centre):
        if op["t"] == "entry.add" and op["kind"] == "nudge":
            said = op["data"]
            key = (said["order"], said["clock"], said["channel"], said["step"], said["due"])
            taken[key].append(one)
    own = _own_chains(station)
    heard_until_ms = alone.from_ms + ALONE_AFTER_MS
    was_due = 0
    for (order, clock, channel, step, due_ms), by in taken.items():
        what = f"{clock} {channel} {step} of order {(order or b'').hex()}, due {due_ms}"
        chains = [one.chain for one in by]
        if len(set(chains)) < len(chains):
            yield Violation("again", what)
        for one in by:
            at_ms = station.received_ms[one.id] if one.chain in own else centre.received_ms[one.id]
            is_early = one.chain in own and at_ms < heard_until_ms - 2 * SLACK_MS
            if at_ms < due_ms or is_early:
                yield Violation("early", f"{what}: taken {at_ms}")
        if alone.from_ms <= due_ms <= alone.until_ms - LOOKS_EVERY_MS - SLACK_MS:
            was_due += 1
            if not own & set(chains):
                yield Violation("silent", what)
    if was_due == 0:
        yield Violation("silent", "no step fell due at all")


def _words(
    alone: Alone, centre: Database, station: Database, made: set[bytes]
) -> Iterator[Violation]:
    own = _own_chains(station)
    said = {
        bytes(word[0]): word[3]
        for one, op in _ops(centre)
        if op["t"] == "hub.kept" and one.chain in own
        for word in op["sets"]
    }
    lay = 0
    for one in station.sets:
        at_ms = station.received_ms[one.id]
        is_old = alone.from_ms <= at_ms <= alone.until_ms - LAY_MS
        if one.id in made and is_old:
            lay += 1
            if not at_ms <= said.get(one.id, 0) < centre.received_ms[one.id]:
                yield Violation("unsaid", f"{one.id.hex()}, kept at {at_ms}")
    if lay == 0:
        yield Violation("unsaid", "nothing lay there")


def _own_chains(station: Database) -> set[bytes]:
    """The chain of the station's desks is the one that gives its word."""
    return {one.chain for one, op in _ops(station) if op["t"] == "hub.kept"}


def _ops(of: Database) -> Iterator[tuple[Stored, dict[str, Any]]]:
    for one in of.sets:
        if one.body is not None:
            for op in msgspec.msgpack.decode(one.body)[3]:
                yield one, op
