"""The kept bytes, by the door they knock at.

Example: `kept("set")` gives `[("a set of one note", b"…"), …]`.
"""

from pathlib import Path

HERE = Path(__file__).parent


def kept(target: str) -> list[tuple[str, bytes]]:
    """Story and bytes of every file of a target, in the order of their names."""
    return [(file.stem, file.read_bytes()) for file in sorted((HERE / target).glob("*.bin"))]
