"""Bytes made to hurt are answered within a hard bound of memory and processor time, whatever they claim (CB5, EX6).

Each door reads them in a child that the kernel stops at the bound; nothing is measured and nothing is timed. The
allowance is of the order of one body as it may come (8 MiB), some times over, for all these cases together.
"""

import json
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sync import exchange
from tests.corpus.kept import kept
from tests.sync.conftest import ROOT, vector_cases
from tests.sync.hostile.bounded import CPU_S, MEMORY_BYTES
from tests.sync.hostile.targets import PEER, TARGETS, in_words

Pieces = list[tuple[str, int]]
BODY = exchange.BODY_BYTES_MAX
DEVICE_BYTES = (
    384 * 1024 * 1024
)  # of writable memory for node as a whole, the longest request line included


def _bomb(mebibytes: int) -> Pieces:
    """A gzip stream of so many MiB of zeros, a kilobyte for each."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return [((head + block).hex(), 1), (again.hex(), mebibytes - 1)]


def _many(head: str, item: str) -> Pieces:
    """A body as long as may come, all of it items."""
    return [(head, 1), (item, (BODY - 64) // (len(item) // 2))]


HURTING: dict[str, tuple[str, Pieces, str]] = {
    "five gigabytes of zeros in five megabytes": ("gzip", _bomb(5_000), "request_too_large"),
    "empty streams in a row": ("gzip", [("1f8b08000000000000ff03000000000000000000", 100)], "bad_compression"),
    "a name without end in a gzip head": ("gzip", [("1f8b08080000000000ff", 1), ("61", BODY)], "bad_compression"),
    "eight million sets of one byte": ("requests", _many("81a473657473dd007fff00", "c0"), "bad_message"),
    "eight million sets promised, none sent": ("requests", [("81a473657473ddffffffff", 1)], "bad_message"),
    "a million cursors": ("requests", _many("81a7637572736f7273dd000f0000", "93a36f72670100"), "bad_message"),
    "eight million items under a key nobody knows": ("requests", _many("81a178dd007fff00", "c0"), "bad_message"),
    "four million maps, each in the other": ("requests", [("81a0", BODY // 2)], "bad_message"),
    "eight million arrays, each in the other": ("requests", [("91", BODY)], "bad_message"),
    "a token of eight megabytes": ("requests", [("81a26131c6007fff00", 1), ("00", 0x7FFF00)], "bad_message"),
    "an app's name of eight megabytes": ("requests", [("81a3617070db007fff00", 1), ("61", 0x7FFF00)], "bad_message"),
    "eight megabytes of arrays in arrays": ("canon", [("91", BODY)], "depth@8"),
    "eight megabytes said to be a set": ("set", _many("dd007fff00", "90"), "too_large"),
}  # fmt: skip


def _pieces(written: str) -> Pieces:
    """As the vectors write long bytes: `da4001 61*16385`."""
    parts = [part.partition("*") for part in written.split()]
    return [(piece, int(times or 1)) for piece, _star, times in parts]


def _told() -> Iterator[tuple[str, str, Pieces, str | None]]:
    for story, hurting in HURTING.items():
        yield story, *hurting
    for target in TARGETS:
        for story, data in kept(target):
            yield f"{target}/{story}", target, [(data.hex(), 1)], None
    for section in ("bytes", "envelopes", "bodies"):
        for case in vector_cases("hostile", section):
            told: Any = case.values[0]
            for target in TARGETS:
                yield f"{target}: {told['story']}", target, _pieces(told["hex"]), None


def _lines(asked: list[tuple[str, Pieces]]) -> str:
    return "".join(
        json.dumps({"target": target, "pieces": pieces}) + "\n" for target, pieces in asked
    )


def test_every_door_answers_hostile_bytes_within_bounds() -> None:
    told = list(_told())
    child = subprocess.run(
        [sys.executable, "-m", "tests.sync.hostile.bounded"],
        input=_lines([(target, pieces) for _story, target, pieces, _answer in told]),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    answers = [json.loads(line) for line in child.stdout.splitlines()]
    stories = [story for story, *_rest in told]
    assert len(answers) == len(told), f"it was stopped at {stories[len(answers)]!r}: {child.stderr}"
    wrong = {
        story: answer
        for (story, _target, _pieces, expected), answer in zip(told, answers, strict=True)
        if answer == "MemoryError" or (expected is not None and answer != expected)
    }
    assert wrong == {}


def test_the_doors_of_a_device_answer_hostile_bytes_within_bounds(peer_bundle: Path) -> None:
    told = [(story, target, pieces) for story, target, pieces, _answer in _told() if target in PEER]
    lines = [
        json.dumps({"cmd": PEER[target], "hex": "".join(piece * times for piece, times in pieces)})
        for _story, target, pieces in told
    ]
    bounded = ["prlimit", f"--data={DEVICE_BYTES}", f"--cpu={CPU_S}", "node", str(peer_bundle)]
    node = subprocess.run(
        bounded, input="\n".join(lines) + "\n", capture_output=True, text=True, check=False
    )
    answers = [json.loads(line) for line in node.stdout.splitlines()]
    stopped_at = told[min(len(answers), len(told) - 1)][0]
    assert len(answers) == len(told), f"it was stopped at {stopped_at!r}: {node.stderr}"
    kept_here = {f"{target}/{story}": data for target in PEER for story, data in kept(target)}
    wrong = {
        story: answer
        for (story, target, _pieces), answer in zip(told, answers, strict=True)
        if story in kept_here
        and in_words(answer, kept_here[story]) != TARGETS[target](kept_here[story])
    }
    assert wrong == {}


def test_the_bound_is_one_that_can_be_met_with() -> None:
    """What keeps every byte as an object of its own does not pass: the child is really bounded."""
    greedy = (
        "import tests.sync.hostile.bounded as child; child._limit()\n"
        f"try: held = [bytes(64) for _ in range({MEMORY_BYTES // 64})]\n"
        "except MemoryError: print('bounded')"
    )
    command = [sys.executable, "-c", greedy]
    child = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert child.stdout == "bounded\n"
