"""Putting a backup back, and saying in the log that this was done.

Responsible for the order of things: the backup is looked at whole before anything is touched; what is in the place is
moved aside, never deleted; the copy stands at a revision that no server starts on until the loss is declared (SPEC
TL8). So a restore that was cut off leaves either the old centre, or one that says to run it again. It is declared
in any case: nobody knows what was acknowledged after the copy was made, and by the new epoch every phone offers
again what it keeps (TL11). Refuses to guess: what was signed last is not in a backup, and stays where it is.

People log in again, for a session that was ended since must not come back; nothing that waited to be performed is
performed, for it was long ago.

Example: `await restore(Path("/mnt/backup/ortoo-20261128-131500"), settings, why="the disk failed", …)`.
"""

import asyncio
import secrets
import sqlite3
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from server.backup import files
from server.backup.faults import BackupError
from server.backup.make import KEYS
from server.backup.manifest import DATABASE, Manifest
from server.backup.places import BESIDE, Place, place_of
from server.backup.tables import closed
from server.backup.verify import examine
from server.intake.batch import MOVED, Batch
from server.intake.desk import KEY_FILE as DESK_KEY
from server.intake.door import Intake
from server.now import Clock
from server.perform import Performer
from server.proof import loss, memory
from server.proof.loss import Declared
from server.proof.signer import RefusedError, Signer
from server.settings import Settings
from server.store import devices
from server.store.engine import Database
from server.store.migrate import RESTORING, revisions, upgrade
from server.store.rows import execute

NOT_BROUGHT_BACK: Final = ("sessions", "enrol_codes", "effects")


class Restored(msgspec.Struct, frozen=True):
    """What was put back, what the log says of it now, and what was there before and lies aside, under which ending."""

    manifest: Manifest
    declared: Declared
    held: list[str]
    aside: str


async def restore(
    backup: Path, settings: Settings, *, why: str, replace: bool, clock: Clock
) -> Restored:
    """Put a backup back where the settings say. Raises BackupError."""
    report = await asyncio.to_thread(examine, backup)
    if report.findings or report.manifest is None:
        told = "; ".join(f"{found.code}: {found.detail}" for found in report.findings)
        raise BackupError("restore_not_sound", told)
    _must_be_its_memory(settings, report.manifest)
    now = datetime.fromtimestamp(clock.now_ms() / 1000, UTC)
    aside = f"before-{now:%Y%m%d-%H%M%S}"
    place = place_of(settings)
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        keys = [settings.data_dir / name for name in (*KEYS, DESK_KEY)]
        held = [*await place.held(), *(str(path) for path in keys if path.exists())]
        if held and not replace:
            raise BackupError("restore_holds_data", ", ".join(held))
        try:
            await _prepared(backup / DATABASE, place)
            if held:
                await place.clear(aside)
            for path in keys:
                if path.exists():
                    path.rename(path.with_name(f"{path.name}.{aside}"))
            await place.fill()
        finally:
            _forgotten(place.copy)
        for name in KEYS:
            if (backup / name).exists():
                files.copied(backup / name, settings.data_dir / name)
        files.sync_folder(settings.data_dir)
        declared = await _declared(settings, report.manifest, why, clock)
    except (OSError, sqlite3.Error, SQLAlchemyError, RefusedError) as error:
        raise BackupError(
            "restore_not_written", str(getattr(error, "orig", None) or error)
        ) from error
    return Restored(report.manifest, declared, held, aside)


def _must_be_its_memory(settings: Settings, page: Manifest) -> None:
    """What was signed last stays in its place; it must be of this centre, in whatever epoch."""
    path = memory.path_of(settings)
    try:
        before = memory.recall(path)
    except memory.DamagedError:
        return  # the declaration copes with that
    centre = page.origin.rpartition("/")[0]
    if before is not None and before.checkpoint.origin.rpartition("/")[0] != centre:
        raise BackupError("restore_other_centre", f"{path} is of {before.checkpoint.origin}")


async def _prepared(source: Path, place: Place) -> None:
    """A copy beside its place, at the newest revision but for its mark, and without what must not come back."""
    _forgotten(place.copy)  # of a run that was cut off
    place.copy.parent.mkdir(parents=True, exist_ok=True)
    await asyncio.to_thread(files.copied, source, place.copy)
    db = Database(f"sqlite+aiosqlite:///{place.copy}")
    try:
        await upgrade(db)
        await db.writing(_stripped)
    finally:
        await db.close()
    await asyncio.to_thread(closed, place.copy)


def _forgotten(copy: Path) -> None:
    for end in BESIDE:
        copy.with_name(copy.name + end).unlink(missing_ok=True)


def _stripped(connection: Connection) -> None:
    for table in NOT_BROUGHT_BACK:
        execute(connection, f"DELETE FROM {table}")  # noqa: S608  our own names
    execute(connection, "UPDATE alembic_version SET version_num = ?", (RESTORING,))


def _without_old_desks(batch: Batch, own: bytes) -> None:
    """Desks sign with a new key: the old ones lie on disks nobody watches any more, and sign for everybody."""
    for device in devices.every(batch.connection):
        if device.is_desk and device.in_use and device.chain != own:
            ended = msgspec.structs.replace(
                device, revoked_at_ms=batch.at_ms, revoked_why="restored"
            )
            batch.devices.enrol(ended)


async def _declared(settings: Settings, page: Manifest, why: str, clock: Clock) -> Declared:
    """Say in the log that a copy was put back; only then a server may start on it."""

    async def nobody_listens(_payload: bytes) -> None:
        """No server runs here yet."""

    db = Database(settings.url)
    try:
        performer = Performer({MOVED: nobody_listens})
        intake = Intake(settings, clock, secrets.token_bytes, db, performer)
        await intake.start()
        try:
            await intake.transaction(partial(_without_old_desks, own=intake.desk.chain))
            signer = Signer(settings, secrets.token_bytes)
            declared = await loss.declare(
                intake, signer, secrets.token_bytes, why=why, put_back=page.rulings
            )
        finally:
            await intake.stop()
        _current, head = await revisions(db)
        await db.writing(execute, "UPDATE alembic_version SET version_num = ?", (head,))
    finally:
        await db.close()
    return declared
