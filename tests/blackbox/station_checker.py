"""Does a station's data directory keep what the station promised? The checker of the second tier.

Responsible for comparing a journal with the database of a stopped station, and that with its centre's, and for naming
each broken promise by its kind (`KINDS`). Like `checker.py`, which looks at the centre, it shares no code with the
product. What a station decided for itself is no promise: only what it said it keeps, and what it says of the centre.

Example: a set that was answered `kept` and is not stored gives `unkept: 3f2a…, kept at 1796054400000`.
"""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

from tests.blackbox import journal
from tests.blackbox.checker import Violation
from tests.blackbox.evidence import Database, UnreadableError, read_stopped

PROVISIONAL_FROM: Final = 2**52

KINDS: Final = {
    "corrupt": "the database is damaged",
    "unkept": "a station does not have a set that it said it keeps, as it was sent",
    "kept_changed": "it said of one set that it has it since two times, or since before it came",
    "twice": "it has one set twice",
    "owed": "something is owed to the centre although the faults had ended",
    "withheld": "a station has a set that the centre never got",
    "edited": "a set has other bytes at the station than at the centre",
    "opinion": "a set stands under the station's own opinion although the faults had ended",
    "contradicts": "the station says of the centre what the centre does not say",
    "unmirrored": "a scope that the station mirrors is not as far as at the centre, or leads elsewhere",
}

Found = Iterator[Violation]


def check_kept(journal_file: Path, station_dir: Path) -> list[Violation]:
    """Every broken promise of the station alone, as of now; it must not be running."""
    try:
        station = read_stopped(station_dir)
    except UnreadableError as error:
        return [Violation("corrupt", str(error))]
    return [
        *(Violation("corrupt", what) for what in station.damage),
        *_kept_what_it_said(station, journal_file),
    ]


def check_healed(journal_file: Path, centre_dir: Path, station_dir: Path) -> list[Violation]:
    """The same, and whether station and centre are one, now that the faults are over. Neither may be running."""
    found = check_kept(journal_file, station_dir)
    if any(one.kind == "corrupt" for one in found):
        return found
    centre, station = read_stopped(centre_dir), read_stopped(station_dir)
    return [*found, *_handed_all_up(centre, station), *_mirrors(centre, station)]


def _kept_what_it_said(station: Database, journal_file: Path) -> Found:
    since_ms: dict[str, int] = {}
    for line in journal.read(journal_file):
        if line["e"] != "kept" or line["server"] != station.server.hex():
            continue
        set_id = bytes.fromhex(line["id"])
        stored = station.by_id.get(set_id)
        if not stored or sha256(stored[0].raw).hexdigest() != line["bytes"]:
            yield Violation("unkept", f"{line['id']}, kept at {line['at_ms']}")
        elif (
            not station.received_ms[set_id]
            <= line["at_ms"]
            == since_ms.setdefault(line["id"], line["at_ms"])
        ):
            yield Violation("kept_changed", f"{line['id']}: {line['at_ms']} was said")
    for set_id, stored in station.by_id.items():
        if len(stored) > 1:
            yield Violation("twice", set_id.hex())


def _handed_all_up(centre: Database, station: Database) -> Found:
    for chain in station.owed:
        yield Violation("owed", f"a set of chain {chain.hex()}")
    for one in station.sets:
        there = centre.by_id.get(one.id)
        if one.idx >= PROVISIONAL_FROM:
            yield Violation("opinion", one.id.hex())
        if not there:
            yield Violation("withheld", one.id.hex())
        elif there[0].raw != one.raw:
            yield Violation("edited", one.id.hex())
        elif there[0].idx != one.idx and one.idx < PROVISIONAL_FROM:
            yield Violation("contradicts", f"{one.id.hex()} stands under ruling {one.idx}")


def _mirrors(centre: Database, station: Database) -> Found:
    for idx, raw in station.rulings.items():
        if idx < PROVISIONAL_FROM and centre.rulings.get(idx) != raw:
            yield Violation("contradicts", f"ruling {idx}")
    there = {name: (epoch, n, head) for _id, name, epoch, n, head in centre.scopes}
    mirrored = 0
    for _id, name, epoch, n, head in station.scopes:
        if not name.startswith("hub:") and n > 0:
            mirrored += 1
            if there.get(name) != (epoch, n, head):
                yield Violation("unmirrored", f"{name} at {n}, {there.get(name)} at the centre")
    if not mirrored:
        yield Violation("unmirrored", "nothing is mirrored at all")
