"""What comes of judging an evidence file: what it says, and each thing that is wrong with it (SPEC XP5).

Responsible for the shape of a report and for what can be read off it. Refuses to judge.

>>> report = Report()
>>> report.find("forged", "set 3 of the file", "the signature does not hold")
>>> report.findings[0].code
'forged'
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct, field

from sync import rulings, witness
from sync.changeset import Bin16, Bin32, ChangeSet, Natural
from sync.evidence.file import Content
from sync.note import Checkpoint
from sync.rulings import Ruling
from sync.witness import Loss

KIND_FORK: Final = "fork"


class Finding(Struct, frozen=True):
    """One thing that is wrong: a code of XP5, the place, and what was seen."""

    code: str
    where: str
    detail: str = ""


class Shown(Struct, frozen=True):
    """One set of the incident as the file shows it: the set, the ruling that stands, and who wrote it."""

    change: ChangeSet
    first: Ruling
    standing: Ruling
    is_redacted: bool


class Decision(Struct, frozen=True):
    """What a ruling that decides about a set must say."""

    set: Bin32
    chain: Bin16
    seq: Natural
    d: str
    flags: list[str]


class OrgRow(Struct, frozen=True):
    """What a ruling about the organisation must say."""

    what: str
    id: bytes
    row: dict[str, object] | None


class Fork(Struct, frozen=True):
    """What a ruling that proves a fork must say."""

    chain: Bin16
    seq: Natural


SHAPES: Final = dict.fromkeys(rulings.DECIDING, Decision) | {
    rulings.KIND_ORG: OrgRow,
    KIND_FORK: Fork,
}


class Report(Struct):
    """What a file says and what is wrong with it. Nothing is wrong when there are no findings.

    `unseen`: how many sets about other matters lie between sets of a chain without being shown.
    """

    findings: list[Finding] = field(default_factory=list)
    content: Content | None = None
    checkpoint: Checkpoint | None = None
    entries: dict[int, tuple[Ruling, bytes, list[bytes]]] = field(default_factory=dict)
    about: list[Ruling] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    unseen: int = 0

    def find(self, code: str, where: str, detail: str = "") -> None:
        """Note one more finding."""
        self.findings.append(Finding(code, where, detail))

    @property
    def origin(self) -> str:
        """The name of the log the file is from."""
        assert self.content is not None
        return witness.origin_of(self.content.server, self.content.epoch)


def log_row(report: Report) -> witness.LogRow | None:
    """The newest row of the organisation that names this log."""
    assert report.content is not None
    server = report.content.server
    rows = [
        ruling.payload["row"]
        for ruling, _leaf, _proof in report.entries.values()
        if is_row(ruling, witness.ORG_ROW, server)
    ]
    return witness.read_row(rows[-1]) if rows else None


def is_row(ruling: Ruling, what: str, row_id: bytes) -> bool:
    """Whether the ruling sets or removes this row of the organisation; `row_id` is 16 bytes."""
    payload = ruling.payload
    named = ruling.kind == rulings.KIND_ORG and (payload["what"], payload["id"]) == (what, row_id)
    return named and payload["row"] is not None


def people_of(report: Report) -> dict[bytes, str]:
    """Names of the people whom rulings in the file name, the newest of each."""
    names: dict[bytes, str] = {}
    for ruling, _leaf, _proof in report.entries.values():
        payload = ruling.payload
        if ruling.kind == rulings.KIND_ORG and payload["what"] == "people" and payload["row"]:
            names[payload["id"]] = str(payload["row"].get("name", ""))
    return names


def losses_of(report: Report) -> list[Loss]:
    """The losses that the log declares, oldest first (TL8)."""
    row = log_row(report)
    return [] if row is None else list(row.lost)
