"""Cases of HL: what a clock says next, worked out by hand.

Example: a clock at 1000.0 whose wall says 1000 sends 1000.1.
"""

from typing import Any

TOP = 2**48 - 1
_Stamp = tuple[int, int]

PACKED: list[tuple[str, int, int, str]] = [
    ("the beginning", 0, 0, "0000000000000000"),
    ("one of each", 1, 1, "0000000000010001"),
    ("a counter full", 1, 65_535, "000000000001ffff"),
    ("the next millisecond", 2, 0, "0000000000020000"),
    ("a day in 2026", 1_764_000_000_000, 7, "019ab697e8000007"),
    ("the end", TOP, 65_535, "ffffffffffffffff"),
]

# story, rule, last, wall, offset, stamp, reset
SENDS: list[tuple[str, str, _Stamp, int, int | None, _Stamp, bool]] = [
    ("time went on", "HL1", (1000, 5), 2000, 0, (2000, 0), False),
    ("the same millisecond", "HL1", (1000, 5), 1000, 0, (1000, 6), False),
    ("the wall clock went back a little", "HL1", (1000, 5), 400, 0, (1000, 6), False),
    ("the counter is full", "HL1", (1000, 65_535), 1000, 0, (1001, 0), False),
    ("the offset corrects a slow device", "HL1", (1000, 0), 1000, 500, (1500, 0), False),
    ("the offset corrects a fast device", "HL1", (1000, 0), 5000, -4000, (1000, 1), False),
    ("exactly as far ahead as is believed", "HL1", (161_000, 3), 101_000, 0, (161_000, 4), False),
    ("one millisecond further: reset", "HL1", (161_001, 3), 101_000, 0, (101_000, 0), True),
    ("without an offset ten minutes are believed", "HL1", (701_000, 0), 101_000, None, (701_000, 1), False),
    ("without an offset, beyond ten minutes: reset", "HL1", (701_001, 0), 101_000, None, (101_000, 0), True),
    ("a date of 2099 is put right once the truth is known", "HL1", (4_070_908_800_000, 9), 1_764_000_000_000, 0,
     (1_764_000_000_000, 0), True),
    ("a wall clock before 1970", "HL4", (5, 0), -10_000, 0, (5, 1), False),
    ("a wall clock beyond 48 bits", "HL4", (5, 0), 2**50, 0, (TOP, 0), False),
    ("a clamped wall is corrected after the clamp", "HL4", (5, 0), -10_000, 500, (500, 0), False),
    ("an offset that leads before 1970", "HL4", (5, 0), 100, -5000, (5, 1), False),
    ("the end of all stamps", "HL1", (TOP, 65_535), TOP, 0, (TOP, 0), False),
]  # fmt: skip

# story, rule, last, wall, offset, remotes, stamp, positions ahead
RECEIVES: list[tuple[str, str, _Stamp, int, int | None, list[_Stamp], _Stamp, list[int]]] = [
    ("nothing came", "HL2", (1000, 1), 1000, 0, [], (1000, 1), []),
    ("an older stamp", "HL2", (1000, 1), 1000, 0, [(999, 9)], (1000, 1), []),
    ("a newer millisecond", "HL2", (1000, 1), 1000, 0, [(1001, 0)], (1001, 0), []),
    ("a greater counter", "HL2", (1000, 1), 1000, 0, [(1000, 2)], (1000, 2), []),
    ("the greatest of many", "HL3", (1000, 1), 1000, 0, [(1002, 0), (1005, 3), (1005, 2)], (1005, 3), []),
    ("as far ahead as is believed", "HL2", (1000, 1), 1000, 0, [(61_000, 0)], (61_000, 0), []),
    ("further ahead: kept, ignored", "HL2", (1000, 1), 1000, 0, [(61_001, 0)], (1000, 1), [0]),
    ("one from 2099 among honest ones", "HL3", (1000, 1), 2000, 0, [(1500, 0), (4_070_908_800_000, 0), (1800, 2)],
     (1800, 2), [1]),
    ("a stamp believed earlier in the batch moves no limit", "HL3", (1000, 1), 1000, 0, [(60_000, 0), (110_000, 0)],
     (60_000, 0), [1]),
    ("without an offset ten minutes are believed", "HL2", (0, 0), 0, None, [(600_000, 0), (600_001, 0)],
     (600_000, 0), [1]),
    ("a wall clock before 1970 believes only its first minute", "HL4", (0, 0), -1, 0, [(60_000, 0), (60_001, 0)],
     (60_000, 0), [1]),
]  # fmt: skip


def hex_of(stamp: _Stamp) -> str:
    """Eight bytes: 48-bit ms, 16-bit counter."""
    return f"{stamp[0]:012x}{stamp[1]:04x}"


def cases() -> dict[str, Any]:
    """All of them as JSON; stamps as hex."""
    return {
        "packed": [
            {"story": story, "ms": ms, "counter": counter, "stamp": packed}
            for story, ms, counter, packed in PACKED
        ],
        "sends": [
            {
                "story": story,
                "rule": rule,
                "last": hex_of(last),
                "wall_ms": wall,
                "offset_ms": offset,
                "stamp": hex_of(stamp),
                "reset": reset,
            }
            for story, rule, last, wall, offset, stamp, reset in SENDS
        ],
        "receives": [
            {
                "story": story,
                "rule": rule,
                "last": hex_of(last),
                "wall_ms": wall,
                "offset_ms": offset,
                "remotes": [hex_of(remote) for remote in remotes],
                "stamp": hex_of(stamp),
                "ahead": ahead,
            }
            for story, rule, last, wall, offset, remotes, stamp, ahead in RECEIVES
        ],
    }
