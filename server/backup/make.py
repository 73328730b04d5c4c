"""Making a backup of a centre that goes on working.

Responsible for one directory that holds everything needed to go on: the database as of one moment, the keys that lie
beside it, the settings for people to read, and a manifest. It is written under another name and given its own when it
is whole and on the disk. Refuses to judge it; `verify` does.

Two files of the data directory are left out on purpose. What was signed last (`log.signed`) is there to notice that a
database went back, so it must not go back with it. The desks' key (`desk.key`) goes on with the chain it writes: a
copy would write other records at places of that chain that are taken, so a restored centre opens a chain of its own.

Example: `await make(settings, Path("/mnt/backup"), at_ms=…)` gives `/mnt/backup/ortoo-20261128-131500`.
"""

import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from server import __version__
from server.backup import files, manifest
from server.backup.faults import BackupError
from server.backup.manifest import Manifest, Part
from server.backup.opened import opened
from server.backup.tables import copy_out
from server.intake.beacons import KEY_FILE as BEACON_KEY
from server.proof.signer import KEY_FILE as LOG_KEY
from server.push.pusher import KEY_FILE as PUSH_KEY
from server.settings import Settings
from server.store import log, proofs
from server.store.engine import Database
from server.store.rows import query
from sync import merkle, witness

KEYS: Final = (LOG_KEY, BEACON_KEY, PUSH_KEY)
LAST: Final = "backup.last"
"""In the data directory: the newest backup that was made here and found sound."""


class Last(msgspec.Struct, frozen=True):
    """Where and when the newest sound backup was made, and how many rulings it holds."""

    path: str
    made_at_ms: int
    rulings: int


async def make(settings: Settings, folder: Path, *, config: Path | None, at_ms: int) -> Path:
    """A new backup in `folder`; gives its directory. Raises BackupError."""
    if not (settings.data_dir / LOG_KEY).exists():
        raise BackupError("backup_key_missing", str(settings.data_dir / LOG_KEY))
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    final = folder / f"ortoo-{at:%Y%m%d-%H%M%S}"
    fresh = final.with_name(f"{final.name}.new")
    if final.exists() or fresh.exists():
        raise BackupError("backup_exists", str(final))
    try:
        _begun(fresh)
        try:
            await _fill(settings, fresh, config, at)
            files.sync_folder(fresh)
            fresh.rename(final)
            files.sync_folder(folder)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
    except (OSError, sqlite3.Error) as error:
        raise BackupError("backup_not_written", f"{final}: {error}") from error
    return final


def _begun(fresh: Path) -> None:
    fresh.parent.mkdir(parents=True, exist_ok=True)
    fresh.mkdir(mode=0o700)


async def _fill(settings: Settings, fresh: Path, config: Path | None, at: datetime) -> None:
    db = Database(settings.url)
    try:
        await copy_out(db, fresh / manifest.DATABASE)
    finally:
        await db.close()
    size, digest = files.hashed(fresh / manifest.DATABASE)
    parts = [Part(manifest.DATABASE, size, digest)]
    beside = [(settings.data_dir / name, name) for name in KEYS]
    if config is not None:
        beside.append((config, manifest.SETTINGS))
    for source, name in beside:
        if source.exists():
            parts.append(Part(name, *files.copied(source, fresh / name)))
    page = _described(fresh / manifest.DATABASE, settings, db.dialect, at, parts)
    files.kept(fresh / manifest.FILE, manifest.written(page))


def _described(
    copy: Path, settings: Settings, dialect: str, at: datetime, parts: list[Part]
) -> Manifest:
    with opened(copy) as connection:
        try:
            head = log.read(connection)
        except LookupError as error:
            raise BackupError("backup_nothing", str(error)) from error
        origin = witness.origin_of(head.server_id, head.epoch)
        signed = proofs.newest(connection, origin)
        [[revision]] = query(connection, "SELECT version_num FROM alembic_version")
    return Manifest(
        format=manifest.FORMAT,
        made_at=f"{at:%Y-%m-%dT%H:%M:%SZ}",
        made_at_ms=int(at.timestamp() * 1000),
        made_by=__version__,
        centre=settings.name,
        database=dialect,
        revision=revision,
        origin=origin,
        rulings=head.idx,
        sets=head.arrival_no,
        signed=signed.size if signed else 0,
        root=(signed.root if signed else merkle.EMPTY_ROOT).hex(),
        parts=parts,
    )


def note_last(settings: Settings, backup: Path, page: Manifest) -> None:
    """Remember for the doctor that this backup was made and found sound."""
    last = Last(str(backup.resolve()), page.made_at_ms, page.rulings)
    files.kept(settings.data_dir / LAST, msgspec.json.encode(last))


def last_made(settings: Settings) -> Last | None:
    """The newest backup that was made here and found sound; None when there is none, or nobody can read of it."""
    try:
        return msgspec.json.decode((settings.data_dir / LAST).read_bytes(), type=Last)
    except (OSError, msgspec.MsgspecError):
        return None
