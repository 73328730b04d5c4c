"""Running many worlds, one after another, and saying in one line what happened in them.

Responsible for the command line, for what is kept of a world that failed, and for the summary. Refuses to know what
happens in a world.

    python -m tests.sim.run --seeds 200 --first 0
    python -m tests.sim.run --seed 17            # one world, told line by line
    python -m tests.sim.run --township           # worlds with stations between phones and the centre
"""

import argparse
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from server import keys
from server.intake import beacons, desk
from server.proof import signer
from tests.sim.node import Edit, Node
from tests.sim.scene import Size, Tools
from tests.sim.storage import Storage
from tests.sim.town_world import TownWorld
from tests.sim.world import Outcome, World

KEPT = Path(__file__).parents[2] / ".data" / "sim"
FAILED_BEFORE = Path(__file__).with_name("failed_seeds.txt")

STATIONS = ("east", "west", "twin")  # their keys are the same in every world, too

TOLD_EVERY = 1_000  # worlds; a long run says how far it is
FAILURES_AT_MOST = 20  # past it more worlds tell nothing new

# What the last line tells, in this order; the rest is in the trace of a world.
TOLD = (
    *(
        "sets",
        "desk",
        "stored",
        "duplicate",
        "held",
        "rejected",
        "opaque",
        "malformed",
        "bad_signature",
    ),
    *("races", "conflicts", "gaps", "forks", "rotations", "revocations", "rights straddled"),
    *("review", "ask", "redact", "moves"),
    *("grade 0", "grade 1", "grade 2"),
    *("checkpoints", "snapshot", "snapshots fetched"),
    *(
        "lost replies",
        "phone crashes",
        "centre crashes",
        "disk full",
        "rollbacks",
        "clones",
        "couriers",
        "bundles",
        "centres put back",
        "declared lost",
    ),
    *(
        "stations",
        "split hubs",
        "roamed",
        "pushes at a station",
        "station crashes",
        "stations burnt",
        "desks of stations",
        "lies of times",
        "evil",
    ),
    *(
        "by a file alone",
        "settled by a file",
        "confirmed by a file",
        "kept by a file",
        "files for others",
    ),
)


def _of(name: str, size: int) -> bytes:
    """The seed of a house's key."""
    return name[:1].encode() * size


@contextmanager
def tools(edits: tuple[Edit, ...] = ()) -> Iterator[Tools]:
    """What worlds share, opened and closed."""
    log = logging.getLogger("ortoo")
    usual = log.level
    log.setLevel(logging.CRITICAL)  # what goes wrong here is meant to
    with tempfile.TemporaryDirectory(prefix="ortoo-sim-") as data_dir:
        # The house's keys are the same in every world, or the first world would leave its own to the next.
        for file in (desk.KEY_FILE, signer.KEY_FILE, beacons.KEY_FILE):
            keys.load_or_create(Path(data_dir) / file, keys.ED25519, lambda size: b"d" * size)
        for name in STATIONS:
            house = Path(data_dir) / name
            house.mkdir()
            for file in (desk.KEY_FILE, beacons.KEY_FILE):
                keys.load_or_create(house / file, keys.ED25519, partial(_of, name))
        node = Node(edits)
        try:
            storages = tuple(Storage() for _name in STATIONS)
            yield Tools(node, Storage(), Path(data_dir), storages)
        finally:
            node.close()
            log.setLevel(usual)


def failed_before() -> list[int]:
    """Seeds that found something once; they are lived through again for ever."""
    lines = FAILED_BEFORE.read_text(encoding="utf-8").splitlines()
    return [int(line.split()[0]) for line in lines if line and not line.startswith("#")]


def worlds(
    shared: Tools,
    seeds: Iterable[int],
    size: Size | None = None,
    kind: Callable[..., World] = World,
) -> Iterator[Outcome]:
    """Each world's outcome; one that failed is lived through again with its trace kept, and written down."""
    for seed in seeds:
        outcome = kind(seed, shared, size=size).run()
        if outcome.broken is not None:
            outcome = kind(seed, shared, size=size, keep=True).run()
            keep(outcome)
        yield outcome


def happened(outcomes: Iterable[Outcome]) -> Counter[str]:
    """Everything that happened, added up."""
    total: Counter[str] = Counter()
    for outcome in outcomes:
        total += outcome.tally
    return total


def summary(outcomes: list[Outcome], seconds: float) -> str:
    """One line: how many worlds, what happened in them, how fast."""
    total = happened(outcomes)
    told = ", ".join(f"{total[what]} {what}" for what in TOLD)
    failed = [outcome.seed for outcome in outcomes if outcome.broken is not None]
    rate = len(outcomes) / max(seconds, 0.001) * 60
    verdict = "every invariant holds" if not failed else f"BROKEN in {failed}"
    return f"{len(outcomes)} seeds: {told}; {seconds:.1f} s, {rate:.0f} seeds/min: {verdict}"


def keep(outcome: Outcome) -> Path:
    """Write the whole trace of a world that failed where it can be read."""
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / f"seed-{outcome.seed}.txt"
    path.write_text("\n".join([str(outcome.broken), *outcome.lines, ""]), encoding="utf-8")
    return path


def main(arguments: list[str] | None = None) -> int:
    """Exit status 1 when any invariant is broken."""
    parser = argparse.ArgumentParser(prog="sim", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=200, help="how many worlds")
    parser.add_argument("--first", type=int, default=0, help="the seed of the first")
    parser.add_argument("--seed", type=int, help="one world alone, told line by line")
    parser.add_argument(
        "--events", type=int, default=Size().events, help="things that happen in each"
    )
    parser.add_argument(
        "--township", action="store_true", help="with stations between phones and the centre"
    )
    asked = parser.parse_args(arguments)
    kind = TownWorld if asked.township else World
    size = Size(events=asked.events)
    outcomes: list[Outcome] = []
    began = time.monotonic()
    with tools() as shared:
        if asked.seed is not None:
            outcomes = [kind(asked.seed, shared, size=size, keep=True).run()]
            print("\n".join(outcomes[0].lines))
        else:
            seeds = range(asked.first, asked.first + asked.seeds)
            for outcome in worlds(shared, seeds, size, kind):
                outcomes.append(outcome)
                if outcome.broken is not None:
                    print(f"seed {outcome.seed}: {outcome.broken}", flush=True)
                if len(outcomes) % TOLD_EVERY == 0:
                    print(f"{len(outcomes)} worlds, {time.monotonic() - began:.0f} s", flush=True)
                if sum(one.broken is not None for one in outcomes) == FAILURES_AT_MOST:
                    print(f"{FAILURES_AT_MOST} worlds are broken: stopping here")
                    break
    print(summary(outcomes, time.monotonic() - began))
    return int(any(outcome.broken is not None for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
