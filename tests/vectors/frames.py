"""Cases of BU10: files as frames of QR codes, codes that are none, and what comes of frames as they are read.

Example: `frame(b"abc", 0, 2, b"ab")` is the first of two frames of the file `abc`.
"""

from typing import Any

from tests.vectors.packing import squeezed, tagged

Case = dict[str, Any]

PIECE = 400
ONE = b"ortoo/sealed/1\n" + bytes(range(6))
LONG = b"\x61" * 400 + b"\x62" * 400 + b"\x63"
FILE, OTHER = b"abcdefgh", b"uvwxyz"
POSTER = b"https://example.org/menu"


def frame(file: bytes, n: int, count: int, piece: bytes) -> bytes:
    """Piece `n` of `count`, named after the file."""
    return b"ortoo/code/1\n" + tagged("ortoo/code/1", file)[:8] + bytes([n, count]) + piece


def _cut(file: bytes, size: int) -> list[bytes]:
    pieces = [file[at : at + size] for at in range(0, len(file), size)]
    return [frame(file, n, len(pieces), piece) for n, piece in enumerate(pieces)]


def files() -> list[Case]:
    """Files and the frames that a device shows of them."""
    told = [("a file that fits into one code", ONE), ("two whole pieces and one byte", LONG)]
    return [
        {
            "story": story,
            "rule": "BU10",
            "file": squeezed(file),
            "frames": [squeezed(one) for one in _cut(file, PIECE)],
        }
        for story, file in told
    ]


def foreign() -> list[Case]:
    """Codes that are no frames."""
    good = frame(FILE, 0, 3, b"abc")
    told = [
        ("the address on a poster", POSTER),
        ("a frame of a later kind", good.replace(b"code/1", b"code/2")),
        ("without a piece", good[:-3]),
        ("a number that is not below the count", frame(FILE, 3, 3, b"abc")),
        ("a count of none", frame(FILE, 0, 0, b"abc")),
        ("nothing at all", b""),
    ]
    return [{"story": story, "rule": "BU10", "frame": data.hex()} for story, data in told]


def gathered() -> list[Case]:
    """Frames as they are read: what each is taken for, which pieces are there in the end, and the file."""
    first, second, third = _cut(FILE, 3)
    left, middle, right = _cut(OTHER, 2)
    halves = _cut(FILE, 4)
    every = [True, True, True]
    told: list[tuple[str, list[bytes], str, list[bool], bytes | None]] = [
        ("one after the other", [first, second, third], "ttw", every, FILE),
        ("in another order, one of them thrice", [third, second, second, second, first], "ttttw", every, FILE),
        ("one is missing", [first, third], "tt", [True, False, True], None),
        ("a poster in between", [first, POSTER, second, third], "tftw", every, FILE),
        ("the camera is turned to another screen", [first, second, right, middle, left], "ttttw", every, OTHER),
        ("the same file, cut otherwise", [first, halves[1], halves[0]], "ttw", [True, True], FILE),
        ("one was misread: nothing of it is kept", [first, frame(FILE, 1, 3, b"dEf"), third], "ttw", [], None),
    ]  # fmt: skip
    words = {"t": "taken", "f": "foreign", "w": "whole"}
    return [
        {
            "story": story,
            "rule": "BU10",
            "frames": [one.hex() for one in read],
            "taken_for": [words[one] for one in taken],
            "have": have,
            "file": None if file is None else file.hex(),
        }
        for story, read, taken, have, file in told
    ]


def cases() -> Case:
    """All of `frames.json`."""
    return {"files": files(), "foreign": foreign(), "gathered": gathered()}
