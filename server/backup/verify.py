"""Is a backup what it says, and is what it says a log that a centre can go on with?

Responsible for looking at every byte of it: the parts beside the manifest, the database as SQLite sees it, the log's
leaves under its newest signature, a set for every ruling and a ruling for every set, each decision taken again from
what it says it looked at, and a sample of what screens read. Refuses to change anything, and to need the centre, its
database server or a network.

Example: `examine(Path("/mnt/backup/ortoo-20261128-131500")).findings` is empty for a sound one.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from server import keys
from server.backup import files, manifest
from server.backup.faults import BackupError, Found
from server.backup.manifest import DATABASE, Manifest, Part
from server.backup.opened import opened
from server.intake.rebuild import sample
from server.intake.replay import every
from server.proof.signer import KEY_FILE as LOG_KEY
from server.proof.signer import RefusedError, Signer, named_log
from server.proof.tree import BrokenEntryError, entries
from server.settings import Settings
from server.store import log, proofs
from server.store.migrate import is_known
from server.store.proofs import Signed
from server.store.rows import query
from server.store.tables import metadata
from sync import note, witness
from sync.canon import CanonError
from sync.merkle import Frontier

SHOWN = 10
LEAVES_AT_ONCE = 4_096
CHANGED = "log_changed"


class Report(msgspec.Struct, frozen=True):
    """What a backup says it is (None when it cannot say), and everything that is wrong with it."""

    manifest: Manifest | None
    findings: list[Found]


def examine(folder: Path) -> Report:
    """Look at a whole backup. Of findings that follow from one another only the first is told."""
    try:
        page = manifest.read(folder)
    except BackupError as error:
        return Report(None, [error.found])
    if not is_known(page.revision):
        return Report(page, [Found("backup_newer", f"its database is at revision {page.revision}")])
    findings = [*_parts(folder, page)]
    if not findings:
        findings = [*_database(folder, page)]
    return Report(page, findings)


def _parts(folder: Path, page: Manifest) -> Iterator[Found]:
    names = {part.name for part in page.parts}
    for name in sorted({DATABASE, LOG_KEY} - names):
        yield Found("backup_part_missing", f"{name}: the manifest does not name it")
    for part in page.parts:
        yield from _part(folder / part.name, part)


def _part(path: Path, part: Part) -> Iterator[Found]:
    try:
        size, digest = files.hashed(path)
    except OSError as error:
        yield Found("backup_part_missing", f"{path}: {error.strerror}")
        return
    if size != part.size:
        yield Found("backup_part_cut", f"{path} has {size} bytes of {part.size}")
    elif digest != part.sha256:
        yield Found("backup_part_changed", f"{path} has SHA-256 {digest}, not {part.sha256}")


def _database(folder: Path, page: Manifest) -> Iterator[Found]:
    try:
        with opened(folder / DATABASE) as connection:
            damage = _damage(connection)
            if damage:
                yield Found("backup_database_damaged", "; ".join(damage[:SHOWN]))
                return
            differing = _other_than_said(connection, page)
            if differing:
                yield Found("backup_log_differs", differing)
                return
            broken = [*_log(connection, folder)]
            yield from broken or _decisions(connection)
    except (SQLAlchemyError, sqlite3.Error, LookupError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        yield Found("backup_database_damaged", reason)


def _damage(connection: Connection) -> list[str]:
    found = [row[0] for row in query(connection, f"PRAGMA integrity_check({SHOWN})")]
    there = {row[0] for row in query(connection, "SELECT name FROM sqlite_master")}
    return [
        *(text for text in found if text != "ok"),
        *map(str, query(connection, "PRAGMA foreign_key_check")),
        *(f"table {name} is not there" for name in sorted(metadata.tables.keys() - there)),
    ]


def _other_than_said(connection: Connection, page: Manifest) -> str | None:
    head = log.read(connection)
    origin = witness.origin_of(head.server_id, head.epoch)
    signed = proofs.newest(connection, origin)
    [[revision]] = query(connection, "SELECT version_num FROM alembic_version")
    seen = (revision, origin, head.idx, head.arrival_no, signed.size if signed else 0)
    said = (page.revision, page.origin, page.rulings, page.sets, page.signed)
    if seen != said:
        return f"{' '.join(map(str, seen))} where {' '.join(map(str, said))} is said"
    if signed is not None and signed.root.hex() != page.root:
        return f"root {signed.root.hex()} where {page.root} is said"
    return None


def _log(connection: Connection, folder: Path) -> Iterator[Found]:
    """Whether the leaves lead to what was signed, by the key that lies beside, and every ruling has its set."""
    head = log.read(connection)
    try:
        key = keys.SigningKey(keys.ED25519, (folder / LOG_KEY).read_bytes())
        row = named_log(connection, head)
        if row is None or row["pub"] != key.public:
            yield Found("backup_key_differs", str(folder / LOG_KEY))
            return
        signed = proofs.newest(connection, witness.origin_of(head.server_id, head.epoch))
        size = signed.size if signed else 0
        # First what names the entry at fault, then what trusts no tile.
        Signer(Settings(data_dir=folder), _no_chance).audit(connection, size)
        if signed is not None:
            _must_be_signed(connection, signed, key.public)
    except RefusedError as error:
        yield Found("backup_log_changed", error.detail)
    except (BrokenEntryError, note.NoteError) as error:
        yield Found("backup_log_changed", str(error))
    except ValueError as error:
        yield Found("backup_key_differs", f"{folder / LOG_KEY}: {error}")


def _must_be_signed(connection: Connection, signed: Signed, public: bytes) -> None:
    """Raises RefusedError. Every leaf is hashed from the bytes themselves; no tile is asked."""
    told = note.read_note(signed.note)
    checkpoint = note.read_checkpoint(told.text)
    if (checkpoint.origin, checkpoint.size, checkpoint.root) != (
        signed.origin,
        signed.size,
        signed.root,
    ) or not note.is_signed(told, signed.origin, public, keys.verify):
        raise RefusedError(CHANGED, f"the note over {signed.size} entries is not of this key")
    leaves = (leaf for _ruling, _raw, leaf in entries(connection, 0, signed.size))
    if _grown(leaves).root() != signed.root:
        raise RefusedError(
            CHANGED, f"the first {signed.size} entries do not have the root that was signed"
        )


def _grown(leaves: Iterable[bytes]) -> Frontier:
    tree = Frontier()
    while some := list(islice(leaves, LEAVES_AT_ONCE)):
        tree = tree.extended(some)
    return tree


def _decisions(connection: Connection) -> Iterator[Found]:
    try:
        decided = every(connection)
        if decided.wrong:
            shown = ", ".join(map(str, decided.wrong[:SHOWN]))
            yield Found("backup_decided_otherwise", f"entries {shown}")
            return
        folded, wrong = sample(connection)
        if wrong:
            yield Found("backup_folded_otherwise", f"{wrong} of {folded} incidents")
    except (CanonError, msgspec.MsgspecError, ValueError, AssertionError) as error:
        yield Found("backup_log_changed", str(error) or type(error).__name__)


def _no_chance(_count: int) -> bytes:
    raise AssertionError("whoever only looks draws no key")
