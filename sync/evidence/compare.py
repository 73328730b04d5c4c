"""An evidence file beside an earlier one of the same incident: has the past stayed what it was (SPEC XP6).

Responsible for noticing a log that was rolled back, rewritten or begun anew between the two. Both files must be sound
by themselves; `check` says whether they are.

Example: `compare(check(new, verify=verify), check(old, verify=verify))` is empty when all is well.
"""

from __future__ import annotations

from collections.abc import Iterable

from sync import merkle, note
from sync.evidence.report import Finding, Report, losses_of
from sync.witness import Loss


def compare(later: Report, earlier: Report) -> list[Finding]:
    """What an earlier file of the same incident shows to be wrong with a later one (XP6)."""
    new, old = later.content, earlier.content
    if new is None or old is None or later.checkpoint is None or earlier.checkpoint is None:
        return [Finding("not_comparable", "the files", "one of them cannot be read")]
    if new.entity != old.entity or new.server != old.server:
        return [Finding("not_comparable", "the files", "they are of different incidents")]
    found = Report()
    if new.pub != old.pub:
        found.find("other_key", "the log", note.fingerprint(new.pub))
    upto, size = earlier.checkpoint.size, later.checkpoint.size
    if new.epoch != old.epoch:
        ended = [one for one in losses_of(later) if one.epoch == old.epoch]
        if not ended:
            found.find("undeclared_epoch", "the log", "it began anew and does not say why")
            return found.findings
        upto = min(upto, ended[0].kept)
        _lost(found, later, earlier, ended[0])
    elif size < upto:
        found.find("rolled_back", "the log", f"it had {upto} entries, now it has {size}")
    elif size == upto and later.checkpoint.root != earlier.checkpoint.root:
        found.find("history_differs", "the log", f"{size} entries, but not the same")
    _same(found, later, earlier, min(upto, size))
    return found.findings


def _lost(found: Report, later: Report, earlier: Report, loss: Loss) -> None:
    """Rulings about the incident that the declared loss took."""
    left = {leaf for _ruling, leaf, _proof in later.entries.values()}
    gone = [
        ruling.idx
        for ruling in earlier.about
        if ruling.idx > loss.kept and earlier.entries[ruling.idx][1] not in left
    ]
    if gone:
        found.find("declared_lost", _listed(gone), loss.why)


def _listed(idxs: Iterable[int]) -> str:
    return "entries " + ", ".join(map(str, idxs))


def _same(found: Report, later: Report, earlier: Report, upto: int) -> None:
    """Rulings about the incident up to an index are the same in both, and so is all that lies before the last."""
    now = {ruling.idx: ruling for ruling in later.about}
    common = 0
    for before in earlier.about:
        if before.idx > upto:
            continue
        after = now.get(before.idx)
        if after is None:
            found.find("entry_gone", f"entry {before.idx}", "the earlier file has it")
        elif earlier.entries[before.idx][1] != later.entries[before.idx][1]:
            found.find("history_differs", f"entry {before.idx}", "it was another ruling")
        else:
            common = before.idx
    if common and _past(later, common) != _past(earlier, common):
        found.find("history_differs", "the log", f"what lies before entry {common} is not the same")


def _past(report: Report, idx: int) -> bytes | None:
    _ruling, leaf, proof = report.entries[idx]
    assert report.checkpoint is not None
    return merkle.root_before(idx - 1, report.checkpoint.size, leaf, proof)
