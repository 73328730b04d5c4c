"""I16: what is proved of when a set was signed holds the truth, which nobody knows but the simulated world.

Responsible for asking the product's own timing about every set that a phone wrote, and for comparing. Grade 0 must hold
whoever wrote; grade 1 for every phone, for none of these lies; grade 2 for those whose wall clock nobody ever set.

Example: `sound(ended)` raises `Broken(16, …)` for a set that cannot have been signed when it was.
"""

from sqlalchemy import Connection

from server.intake import timing
from server.intake.chains import Chains
from sync import fold
from sync.time import Bounds, Timed
from tests.sim.ended import Ended
from tests.sim.oracle import DESK, Broken


def sound(ended: Ended) -> None:
    """I16: the true time of every signing lies inside what each grade proves of it."""
    honest = believable(ended)
    found = ended.world.storage.look(_times, ended)
    for held in ended.sets:
        wrote, timed = ended.oracle.written.get(held.id), found.get(held.id)
        if wrote is None or timed is None:
            continue
        ended.oracle.tally[f"grade {timed.grade}"] += 1
        layers = timed.layers if wrote.phone in honest else timed.layers[:2]
        for grade, bounds in enumerate(layers):
            if bounds is not None and not holds(bounds, wrote.true_ms):
                raise Broken(
                    16,
                    f"{wrote.phone}: set {held.id.hex()[:8]} was signed at {wrote.true_ms},"
                    f" grade {grade} says {bounds}",
                )


def believable(ended: Ended) -> set[str]:
    """Those of whom grade 2 holds: nobody set their wall clocks, and no station lied of times."""
    if ended.oracle.tally["lies of times"]:
        return set()
    phones = {phone.name for phone in ended.world.phones if not phone.clock.was_set}
    return phones | {
        one.phone for one in ended.oracle.written.values() if one.phone.startswith(DESK)
    }


def _times(connection: Connection, ended: Ended) -> dict[bytes, Timed]:
    """When each set was signed that is of some phone and can be read."""
    items = {}
    for held in ended.sets:
        change, ruling = held.change, ended.standing(held.id)
        if change is not None and held.id in ended.oracle.written:
            first = next(iter(fold.items_of(change, ruling)), None)
            if first is not None:
                items[held.id] = first
    known = timing.times(connection, items.values(), Chains(connection))
    return {set_id: known[item.op] for set_id, item in items.items()}


def holds(bounds: Bounds, true_ms: int) -> bool:
    """Whether the truth lies within these bounds."""
    is_after = bounds.lo_ms is None or bounds.lo_ms <= true_ms
    return is_after and (bounds.hi_ms is None or true_ms <= bounds.hi_ms)
