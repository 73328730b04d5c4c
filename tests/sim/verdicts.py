"""I17: what is found of a clock is what really happened, which nobody knows but the simulated world.

Responsible for having every clock of every incident judged by the product's own code, and for comparing each met and
missed with the true times. What rests on grade 2 is compared where nobody ever set the wall clocks it believes.

Example: `sound(ended)` raises `Broken(17, …)` for an arrival that is called late and came in time.
"""

from collections.abc import Iterator

import msgspec
from sqlalchemy import Connection

from server.intake import timing, verdicts
from server.intake.chains import Chains
from server.intake.memory import load_all
from server.store import people, projections
from sync.incident.clocks import Clock, clocks
from sync.incident.judging import Judged
from sync.verdict import BEST, DETERMINED, MET, Verdict
from tests.sim.ended import Ended
from tests.sim.oracle import Broken, Wrote
from tests.sim.times import believable, holds


class Case(msgspec.Struct, frozen=True):
    """One clock that was judged, and what it was judged from."""

    incident: bytes
    clock: Clock
    judged: Judged


def sound(ended: Ended) -> None:
    """I17: met was in time and missed was late, by the true times; no length is proved that was another."""
    wrote = {set_id[:16]: one for set_id, one in ended.oracle.written.items()}
    honest = believable(ended)
    for case in ended.world.storage.look(lambda connection: list(_cases(connection, ended))):
        found = case.judged.verdict
        ended.oracle.tally[f"verdict {found.result}"] += 1
        told = _told(case.clock, found, wrote)
        if told is None:
            continue
        starts, end = told
        is_believable = {one.phone for one in (*starts, end)} <= honest
        _hold(case, min(one.true_ms for one in starts), end.true_ms, is_believable=is_believable)


def _cases(connection: Connection, ended: Ended) -> Iterator[Case]:
    directory = people.directory(connection)
    now_ms = max((held.received_at_ms for held in ended.sets), default=0)
    entities = projections.entities(connection, b"", 10_000)
    for entity, incident in load_all(connection, entities, directory).items():
        listed = {
            (one.id, one.order, one.round): one
            for one in clocks(incident.state.derived().view, directory.book)
        }
        items = verdicts.needed(incident, directory.book)
        times = timing.times(connection, items, Chains(connection))
        for one in verdicts.judge(incident, times, directory.book, now_ms):
            yield Case(entity, listed[one.clock, one.order, one.round], one)


def _told(
    clock: Clock, found: Verdict, wrote: dict[bytes, Wrote]
) -> tuple[list[Wrote], Wrote] | None:
    """Who wrote what a verdict rests on; None when it rests on something that no phone wrote."""
    if found.start is None or found.end is None:
        return None
    ops = [found.start.op] if clock.order is not None else [said.op for said in clock.starts]
    starts = [wrote.get(op[:16]) for op in ops]
    end = wrote.get(found.end.op[:16])
    known = [one for one in starts if one is not None]
    is_receipt = any(said.is_receipt for said in clock.starts)
    return None if end is None or len(known) < len(ops) or is_receipt else (known, end)


def _hold(case: Case, start_ms: int, end_ms: int, *, is_believable: bool) -> None:
    one, limit, passed_ms = case.judged.verdict, case.judged.force.limit, end_ms - start_ms
    what = f"{case.clock.id} of {case.incident.hex()[:8]}: {passed_ms} ms passed"
    if is_believable and not holds(one.elapsed, passed_ms):
        raise Broken(17, f"{what}, {one.elapsed} was proved")
    if one.result not in DETERMINED or (one.grade == BEST and not is_believable):
        return
    assert limit is not None
    if (end_ms <= limit.due(start_ms)) != (one.result == MET):
        raise Broken(17, f"{what}, {one.result} was found by grade {one.grade}")
