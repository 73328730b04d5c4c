"""The sets of an evidence file: whole, in order, each under its author's own key (SPEC XP4).

Responsible for chains and their keys, for links between sets, and for every ruled set being there exactly once.
Refuses to look at proofs; what was ruled is taken from the report.

Example: `keys = chains(report, content, verify); ruled(report, content, keys, verify)`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from msgspec import Struct

from sync import canon, changeset, rulings
from sync.changeset import ChangeSet, Header, Refusal
from sync.evidence.file import Chain, Content
from sync.evidence.report import KIND_FORK, Report, Shown, is_row
from sync.note import Verify
from sync.rulings import Ruling

UNENROLLED: Final = "unenrolled"
"""Why a set is held whose chain nobody here knows: its signature may not be checkable (RL2)."""
GAP: Final = "gap"
"""The flag of a set whose predecessor was not here when it was ruled on (RL2)."""

Known = dict[int, set[tuple[bytes, bytes | None]]]
"""By seq of one chain: the ids of the sets there, each with the id it names as the one before."""


class Key(Struct, frozen=True):
    """The key of one chain."""

    alg: str
    public: bytes


def chains(report: Report, content: Content, verify: Verify) -> dict[bytes, Key]:
    """The key of every chain, as its first set names it, which CS5 ties to the chain's id; while that set is under way,
    as the chain was enrolled."""
    keys: dict[bytes, Key] = {}
    known: dict[bytes, Known] = {}
    for chain in content.chains:
        opening = changeset.read(chain.opening)
        if isinstance(opening, Refusal) or opening.body is None or opening.header.seq != 0:
            report.find("bad_chain", "the first set of a chain", _why(opening))
            continue
        at, op = opening.header.chain, opening.body.ops[0]
        key = keys[at] = Key(op["alg"], op["pub"])
        if not changeset.signature_holds(opening, key.alg, key.public, verify):
            report.find("forged", f"chain {at.hex()}, set 0", "the signature does not hold")
        if not _is_enrolled(report, at, key):
            report.find("not_enrolled", f"chain {at.hex()}", "no ruling names its key")
        of = known.setdefault(at, {})
        _note(of, opening.header, opening.set_id)
        _links(report, chain, at, key, of, verify=verify)
    for raw in content.sets:
        read = changeset.read(raw)
        if isinstance(read, ChangeSet):
            at = read.header.chain
            _note(known.setdefault(at, {}), read.header, read.set_id)
            if at not in keys and (enrolled := _enrolled(report, at)):
                keys[at] = enrolled[0]
    strays = _strays(report)
    for at, of in known.items():
        _linked(report, at, of, strays)
    return keys


def _links(report: Report, chain: Chain, at: bytes, key: Key, of: Known, *, verify: Verify) -> None:
    """Sets in between, without their bodies: signed by the same key."""
    for header, signature in chain.links:
        link = changeset.read(canon.ENCODER.encode([header, signature, None]))
        if isinstance(link, Refusal) or link.header.chain != at:
            report.find("bad_chain", f"chain {at.hex()}", _why(link))
        elif not changeset.signature_holds(link, key.alg, key.public, verify):
            report.find("forged", f"chain {at.hex()}, set {link.header.seq}")
        else:
            _note(of, link.header, link.set_id)


def _note(of: Known, header: Header, set_id: bytes) -> None:
    of.setdefault(header.seq, set()).add((set_id, header.prev))


def _strays(report: Report) -> set[bytes]:
    """Sets that came when the one before them was not here, by their rulings: they need follow on nothing here."""
    return {
        ruling.payload["set"]
        for ruling in report.about
        if ruling.kind == rulings.KIND_SET and GAP in ruling.payload["flags"]
    }


def _linked(report: Report, chain: bytes, of: Known, strays: set[bytes]) -> None:
    """Each set names the one before it, wherever both are here; what lies between unseen is counted.

    Where a chain has two writers the set before may be the other's. A ruling proves that, or says that the one before
    had not come, and the file is sound.
    """
    forked_at = min(
        (
            ruling.payload["seq"]
            for ruling, _leaf, _proof in report.entries.values()
            if ruling.kind == KIND_FORK and ruling.payload["chain"] == chain
        ),
        default=None,
    )
    for before, after in pairwise(sorted(of)):
        if after != before + 1:
            # What a phone wrote between its first set and the first about this incident concerns nobody here.
            report.unseen += after - before - 1 if before else 0
            continue
        ids = {set_id for set_id, _prev in of[before]}
        for set_id, prev in of[after]:
            is_stray = set_id in strays or (forked_at is not None and after > forked_at)
            if prev not in ids and not is_stray:
                report.find("chain_broken", f"chain {chain.hex()}, set {after}")


def _why(read: ChangeSet | Refusal) -> str:
    return f"{read.code}: {read.detail}" if isinstance(read, Refusal) else "it is of another chain"


def _enrolled(report: Report, chain: bytes) -> list[Key]:
    """The keys that rulings enrol this chain with: one and the same, unless something is wrong."""
    rows = [
        ruling.payload["row"]
        for ruling, _leaf, _proof in report.entries.values()
        if is_row(ruling, "devices", chain)
    ]
    return [Key(str(row.get("alg")), _bytes(row.get("pub"))) for row in rows]


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


def _is_enrolled(report: Report, chain: bytes, key: Key) -> bool:
    enrolled = _enrolled(report, chain)
    if not enrolled:
        # A chain that nobody enrolled may be named all the same: what it wrote is held.
        return all(
            ruling.payload.get("why") == UNENROLLED
            for ruling in report.about
            if ruling.kind == rulings.KIND_SET and ruling.payload["chain"] == chain
        )
    return all(one == key for one in enrolled)


def ruled(report: Report, content: Content, keys: dict[bytes, Key], verify: Verify) -> None:
    """Every ruled set is here once, in order, whole and signed by its author; and no other (XP4)."""
    first: dict[bytes, Ruling] = {}
    standing: dict[bytes, Ruling] = {}
    for ruling in report.about:
        if ruling.kind in rulings.DECIDING:
            first.setdefault(ruling.payload["set"], ruling)
            standing[ruling.payload["set"]] = ruling
    redacted = {r.payload["set"] for r in report.about if r.kind == rulings.KIND_REDACT}
    seen: set[bytes] = set()
    last = 0
    for place, raw in enumerate(content.sets, 1):
        read = changeset.read(raw)
        where = f"set {place} of the file"
        if isinstance(read, Refusal):
            report.find("bad_set", where, _why(read))
            continue
        if read.set_id not in first:
            report.find("unruled", where, f"no ruling names {read.set_id.hex()[:16]}")
            continue
        idx = first[read.set_id].idx
        where = f"{where} (entry {idx})"
        if read.set_id in seen:
            report.find("twice", where)
        elif idx < last:
            report.find("out_of_order", where, f"it comes after the set of entry {last}")
        seen.add(read.set_id)
        last = max(last, idx)
        shown = Shown(read, first[read.set_id], standing[read.set_id], read.set_id in redacted)
        _is_its_authors(report, shown, where, keys.get(read.header.chain), verify)
        _is_as_ruled(report, shown, where, content.entity)
        report.shown.append(shown)
    for set_id, ruling in first.items():
        if set_id not in seen:
            report.find("set_missing", f"the set of entry {ruling.idx}", set_id.hex()[:16])


def _is_its_authors(
    report: Report, shown: Shown, where: str, key: Key | None, verify: Verify
) -> None:
    counts = shown.standing.payload["d"] in rulings.COUNTED
    if shown.first.payload.get("why") == UNENROLLED and not counts:
        return  # nobody could tell whose it is when it came, and it counts for nothing
    if key is None:
        report.find("key_missing", where, f"chain {shown.change.header.chain.hex()}")
    elif not changeset.signature_holds(shown.change, key.alg, key.public, verify):
        report.find("forged", where, "the signature does not hold")


def _is_as_ruled(report: Report, shown: Shown, where: str, entity: bytes) -> None:
    header, body, named = shown.change.header, shown.change.body, shown.first.payload
    if (header.chain, header.seq) != (named["chain"], named["seq"]):
        report.find("ruling_differs", where, "the ruling names another place")
    if body is not None and body.entity != entity:
        report.find("foreign", where, "it is about something else")
    if shown.is_redacted and body is not None:
        report.find("words_kept", where, "a ruling took its words away")
    if not shown.is_redacted and body is None:
        report.find("words_missing", where, "no ruling took its words away")
