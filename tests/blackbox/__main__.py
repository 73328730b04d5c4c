"""The long lane: a real centre killed many times, its connections cut after every byte, its disk filled and failing,
and two townships over satellite links, one of them alone for long.

Responsible for doing all of it, one after the other, and for saying at the end what was done. Everything a run leaves
lies under `--keep`; a failure names the directory, and the same seed draws the same moments again.

Example: `python -m tests.blackbox --rounds 100 --seed 1` ends with `blackbox: every promise was kept: 100 kills, …`.
"""

import argparse
import asyncio
import shutil
import sys
from pathlib import Path

from tests.blackbox.cuts import cut_everywhere
from tests.blackbox.disk import may_mount
from tests.blackbox.failing import fail
from tests.blackbox.kills import BrokenPromiseError, rounds
from tests.blackbox.remote import live
from tests.blackbox.starving import starve
from tests.blackbox.wires import why_not

LONG_ALONE_S = 120.0
DISK_STEPS = range(0, 262_144, 8_192)


async def run(place: Path, count: int, seed: int) -> str:
    """All five lanes; a sentence that sums them up. Raises BrokenPromiseError."""
    kills = await rounds(_fresh(place / "kills"), seed, count)
    print(f"kills: {kills}")
    cuts = await cut_everywhere(_fresh(place / "cuts"), seed, stride=1)
    print(f"cuts: {cuts}")
    kinds = ["mount", "limit"] if may_mount(_fresh(place / "may")) else ["limit"]
    refused = 0
    for kind in kinds:
        refused += await starve(_fresh(place / kind), kind, seed, DISK_STEPS)
    failed = await fail(_fresh(place / "failing"), seed, count)
    print(f"failing disks: {failed}")
    remote = why_not() or str(
        await asyncio.to_thread(live, _fresh(place / "remote"), seed, LONG_ALONE_S)
    )
    print(f"townships: {remote}")
    disks = "full disks" if "mount" in kinds else "bounded files (no disk could be mounted here)"
    return (
        f"{kills.rounds} kills ({kills.killed_starting} while starting), {kills.acked} answers of which"
        f" {kills.duplicates} repeated; {sum(cuts.values())} connections cut;"
        f" {len(DISK_STEPS) * len(kinds)} {disks}, {refused} pushes refused;"
        f" {failed.rounds} failures of a disk, {failed.ended} times the centre ended itself;"
        f" townships: {remote}"
    )


def _fresh(place: Path) -> Path:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    return place


def main() -> int:
    """Read the command line, run, sum up."""
    parser = argparse.ArgumentParser(prog="python -m tests.blackbox", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path(".data/blackbox"))
    given = parser.parse_args()
    try:
        did = asyncio.run(run(given.keep / str(given.seed), given.rounds, given.seed))
    except BrokenPromiseError as error:
        print(error)
        print(f"blackbox: BROKEN with --rounds {given.rounds} --seed {given.seed}")
        return 1
    print(f"blackbox: every promise was kept with seed {given.seed}: {did}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
