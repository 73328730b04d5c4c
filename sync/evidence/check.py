"""Judging an evidence file: is it whole, and is it the centre's (SPEC XP3 to XP5, XP7).

Responsible for finding everything that is wrong and for saying where. It goes on after a finding as far as it can, so
that one changed byte is named by its place and not by the first thing it upsets. It trusts nothing but one public key,
which it is given or reads from the file; whoever reads the report compares its fingerprint.

>>> report = check(b"hello", verify=lambda *_: True)
>>> [finding.code for finding in report.findings]
['not_canonical']
"""

from __future__ import annotations

from typing import Final

import msgspec

from sync import merkle, note, rulings
from sync.canon import CanonError
from sync.evidence import file, sets
from sync.evidence.file import Content, Export, Unreadable
from sync.evidence.found import Found, unfounded
from sync.evidence.report import KIND_FORK, SHAPES, Report, log_row
from sync.note import NoteError, Verify

_SHAPES: Final = SHAPES | {rulings.KIND_VERDICT: Found}


def check(data: bytes, *, verify: Verify, key: bytes | None = None) -> Report:
    """Judge one file (XP). `key` is the public key of the log, 32 bytes, where it is known from elsewhere.

    Raises nothing: whatever the bytes, what is wrong is a finding of the report (XP5).
    """
    report = Report()
    export = file.read(data)
    if isinstance(export, Unreadable):
        report.find(export.code, export.where, export.detail)
        return report
    report.content = export.content
    _seal(report, export, verify, key)
    _entries(report, export.content, verify)
    _about(report, export.content)
    keys = sets.chains(report, export.content, verify)
    sets.ruled(report, export.content, keys, verify)
    unfounded(report)
    return report


def _seal(report: Report, export: Export, verify: Verify, key: bytes | None) -> None:
    content = export.content
    if key is not None and key != content.pub:
        report.find("other_key", "the file", note.fingerprint(content.pub))
    try:
        seal = note.read_note(export.seal)
    except NoteError as error:
        report.find("bad_seal", "the seal", str(error))
        return
    if seal.text != file.seal_text(content.entity, export.content_bytes):
        report.find("content_changed", "the file", "the seal is over another content")
    if not note.is_signed(seal, report.origin, content.pub, verify):
        report.find("bad_seal", "the seal", "the signature does not hold")
    elif len(seal.signatures) != 1:
        report.find("bad_seal", "the seal", "there is a signature that the seal does not need")


def _entries(report: Report, content: Content, verify: Verify) -> None:
    """The checkpoint, and every ruling's place under it (XP3)."""
    try:
        signed = note.read_note(content.checkpoint)
        report.checkpoint = note.read_checkpoint(signed.text)
    except NoteError as error:
        report.find("bad_checkpoint", "the checkpoint", str(error))
        return
    if report.checkpoint.origin != report.origin:
        report.find("bad_checkpoint", "the checkpoint", "it is of another log")
    if not note.is_signed(signed, report.origin, content.pub, verify):
        report.find("bad_checkpoint", "the checkpoint", "the signature does not hold")
    last = 0
    for place, entry in enumerate(content.entries, 1):
        try:
            ruling = rulings.read_ruling(entry.ruling)
            if (shape := _SHAPES.get(ruling.kind)) is not None:
                msgspec.convert(ruling.payload, shape, builtin_types=(bytes,))
        except (CanonError, msgspec.ValidationError) as error:
            report.find("bad_ruling", f"ruling {place} of the file", str(error))
            continue
        where = f"entry {ruling.idx}"
        if ruling.idx <= last:
            report.find("out_of_order", where, f"it comes after entry {last}")
        last = max(last, ruling.idx)
        leaf = rulings.leaf_hash(entry.ruling)
        size, root = report.checkpoint.size, report.checkpoint.root
        if merkle.root_from_inclusion(ruling.idx - 1, size, leaf, entry.proof) != root:
            report.find("not_in_log", where, "its proof does not lead to the checkpoint")
        report.entries[ruling.idx] = (ruling, leaf, entry.proof)


def _about(report: Report, content: Content) -> None:
    """Every ruling about the entity is here, in order, and none but those and what they need (XP4)."""
    n, head = 0, rulings.ENTITY_HEAD_ZERO
    for idx in sorted(report.entries):
        ruling, leaf, _proof = report.entries[idx]
        where = f"entry {idx}"
        if ruling.payload.get("e") != content.entity:
            if ruling.kind not in {rulings.KIND_ORG, KIND_FORK}:
                report.find("foreign", where, "it is about something else")
            continue
        report.about.append(ruling)
        n += 1
        number, named = ruling.payload.get("en"), ruling.payload.get("eh")
        if number != n:
            gone = f"ruling {n}" if number == n + 1 else f"rulings {n} to {number}"
            report.find("ruling_missing", f"{gone} about the incident", f"entry {idx} is {number}")
            n = number if isinstance(number, int) else n
        elif named != head:
            report.find("ruling_changed", f"ruling {n - 1} about the incident", f"by {where}")
        head = rulings.entity_head(named if isinstance(named, bytes) else head, leaf)
    if n != content.n:
        report.find("ruling_missing", f"rulings {n + 1} to {content.n} about the incident")
    elif head != content.head:
        report.find("ruling_changed", f"ruling {n} about the incident")
    newest = log_row(report)
    if newest is None or (newest.pub, newest.epoch) != (content.pub, content.epoch):
        report.find("key_not_announced", "the log", "no ruling names this key and epoch")
