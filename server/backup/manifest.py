"""The page that says what a backup holds: of which log, how far, when, and every part with its hash.

Responsible for its form and for the sum over itself, so that a changed byte of this page is seen too. Refuses to look
at the parts.

Example: `read(folder)` gives the manifest, or raises BackupError with the fault.
"""

from hashlib import sha256
from pathlib import Path

import msgspec

from server.backup.faults import BackupError

FORMAT = 1
FILE = "manifest.json"
DATABASE = "ortoo.db"
SETTINGS = "settings.toml"


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file beside the manifest; `sha256` in hex."""

    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a backup is of: `origin` names log and epoch (SPEC TL6), `root` (hex) is of the first `signed` rulings."""

    format: int
    made_at: str  # ISO 8601, UTC
    made_at_ms: int
    made_by: str  # the version of Ortoo
    centre: str
    database: str  # what it was copied from: sqlite, postgresql. The copy is SQLite in any case.
    revision: str
    origin: str
    rulings: int
    sets: int
    signed: int
    root: str
    parts: list[Part]
    sum: str = ""  # SHA-256 over all of the above


class _Form(msgspec.Struct, frozen=True):
    format: int


def written(manifest: Manifest) -> bytes:
    """The page, for people too."""
    whole = msgspec.structs.replace(manifest, sum=_sum(manifest))
    return msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"


def read(folder: Path) -> Manifest:
    """The manifest of a backup. Raises BackupError for none, for one of a newer form and for one that was changed."""
    try:
        raw = (folder / FILE).read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BackupError("backup_not_there", str(folder)) from error
    try:
        form = msgspec.json.decode(raw, type=_Form).format
        if form > FORMAT:
            raise BackupError("backup_newer", f"its form is {form}, known here is {FORMAT}")
        manifest = msgspec.json.decode(raw, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BackupError("backup_manifest_changed", str(error)) from error
    if manifest.sum != _sum(manifest):
        raise BackupError("backup_manifest_changed", "its sum is another")
    return manifest


def _sum(manifest: Manifest) -> str:
    return sha256(msgspec.json.encode(msgspec.structs.replace(manifest, sum=""))).hexdigest()
