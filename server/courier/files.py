"""A file as it is brought here, sealed or not, and what is told of it (BU5, BU8).

Responsible for opening it with the key of this server, and for the words beside every code. Refuses to take anything
in.

Example: `records_of([data], own_key(settings))` are the records of a bundle; `told_of(carried)` is the report.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Annotated, Any

import msgspec

from server import keys
from server.courier.carried import Carried
from server.intake import desk
from server.proof import signer
from server.seal import SealKey, opened
from server.settings import STATION, Settings
from sync import bundle, errors, sealed
from sync.bundle import Record

Ms = Annotated[int, msgspec.Meta(description="milliseconds since 1970, UTC")]


class CourierRemark(msgspec.Struct, frozen=True):
    """A code with its cause and its cure, and the record it is said of: its place in the file from 1, its set."""

    record: int
    code: str
    cause: str
    cure: str
    result: str | None = None
    set: str | None = None


class CourierReport(msgspec.Struct, frozen=True):
    """What became of a bundle. `whole`: it is all of what its maker put in. `made_at`, `by` and `chain` as its
    manifest says, null where it has none. `promised`: how many records of each kind its maker put in; `results`: how
    many of its sets by their push result. `refused`: those with a reason, and `faults` the records that could not be
    read, the first thousand of each; `faults_in_all` counts them all.
    """

    whole: bool
    sealed: bool
    made_at: Ms | None
    by: str | None
    chain: str | None
    promised: dict[str, int]
    results: dict[str, int]
    refused: list[CourierRemark]
    faults: list[CourierRemark]
    faults_in_all: int


def is_sealed(begun: bytes) -> bool:
    """Whether a file that begins so is sealed."""
    return begun.startswith(sealed.MAGIC)


def own_key(settings: Settings) -> SealKey | None:
    """The key that files for this server are sealed to (BU9); None where what it follows from is not here."""
    name = desk.KEY_FILE if settings.role == STATION else signer.KEY_FILE
    key = keys.load(settings.data_dir / name, keys.ED25519)
    return None if key is None else SealKey.of(key)


def records_of(pieces: Iterable[bytes], key: SealKey | None) -> Iterator[Record]:
    """What is in a file, of which the first piece holds the beginning. Raises SealError for one that is sealed to
    others.
    """
    rest = iter(pieces)
    first = next(rest, b"")
    whole = chain([first], rest)
    return bundle.read(opened(whole, key) if is_sealed(first) else whole, verify=keys.verify)


def told_of(carried: Carried, *, was_sealed: bool) -> CourierReport:
    """The report."""
    made = carried.manifest
    return CourierReport(
        whole=carried.is_whole,
        sealed=was_sealed,
        made_at=made.at_ms if made else None,
        by=made.by if made else None,
        chain=made.chain.hex() if made else None,
        promised=made.counts if made else {},
        results=dict(sorted(carried.results.items())),
        refused=[
            CourierRemark(
                one.n, *_words(one.why or one.r), one.r, one.set_id.hex() if one.set_id else None
            )
            for one in carried.refused
        ],
        faults=[CourierRemark(one.n, *_words(one.code)) for one in carried.faults],
        faults_in_all=carried.faults_count,
    )


def _words(code: str) -> tuple[str, str, str]:
    entry = errors.lookup(code)
    return code, entry.cause, entry.cure


def as_json(report: CourierReport) -> Any:
    """The report as plain values."""
    return msgspec.to_builtins(report)
