"""What happened in a world that matters to its invariants: races, conflicts, gaps, forks, rights that straddled.

Responsible for counting them in what a world left behind. Refuses to judge: a world without any is a good world, but
some hundred of them without any would prove nothing, and `test_worlds` says so.

Example: `count(ended)` adds `{"forks": 1, "gaps": 3}` to the oracle's tally.
"""

from collections import Counter, defaultdict

from sync.rulings import KIND_SET
from tests.sim.ended import Ended

STRADDLED = frozenset({"authority_straddles", "revoked_straddle"})


def count(ended: Ended) -> None:
    """Add what happened to the tally."""
    tally = ended.oracle.tally
    for ruling in ended.rulings:
        if ruling.kind != KIND_SET:
            tally[ruling.kind] += 1
            tally["moves"] += "del" in ruling.payload
            continue
        flags, why = ruling.payload["flags"], ruling.payload["why"]
        tally.update(f"flag {flag}" for flag in flags)
        tally["gaps"] += "gap" in flags
        tally["rights straddled"] += why in STRADDLED or "rights_uncertain" in flags
        if why is not None:
            tally[f"why {why}"] += 1
    places = Counter((held.chain, held.seq) for held in ended.sets)
    tally["forks"] += sum(found > 1 for found in places.values())
    for state in ended.incidents.values():
        view = state.view()
        tally["conflicts"] += view["conflicts"] > 0
        claimed: dict[object, set[bytes]] = defaultdict(set)
        for claim in view["claims"]:
            claimed[claim["kind"], claim["order"], claim["round"]].add(claim["by"])
        tally["races"] += sum(len(authors) > 1 for authors in claimed.values())
