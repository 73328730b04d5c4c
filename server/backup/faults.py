"""What can be wrong with a backup or stand in the way of one: a stable code, its cause and its cure.

Responsible for these words. Refuses to look at anything.

Example: `Found("backup_part_changed", "log.key").cure` says what to do about it.
"""

from typing import Final, NamedTuple

import msgspec


class Entry(NamedTuple):
    """What is told with a code."""

    cause: str
    cure: str


ANOTHER: Final = (
    "Take another backup: they are as many as were made. ortoo backup verify tells which are sound."
)
WRITE_AGAIN: Final = "Make room, see that this user may write there, and make it again."

FAULTS: Final[dict[str, Entry]] = {
    # ---- of a backup that is there
    "backup_not_there": Entry(
        "There is no backup at this place: it has no manifest.json.",
        "Name the directory that ortoo backup printed. One whose name ends in .new was never finished.",
    ),
    "backup_manifest_changed": Entry("The manifest is not what was written.", ANOTHER),
    "backup_newer": Entry(
        "A newer Ortoo made this backup.",
        "Install that version, or a later one, and put it back with that.",
    ),
    "backup_part_missing": Entry("A part that the manifest names is not there.", ANOTHER),
    "backup_part_cut": Entry("A part is longer or shorter than the manifest says.", ANOTHER),
    "backup_part_changed": Entry("A part is not the bytes that were written.", ANOTHER),
    "backup_database_damaged": Entry("The copy of the database cannot be read whole.", ANOTHER),
    "backup_log_differs": Entry("The copy holds another log than the manifest says.", ANOTHER),
    "backup_log_changed": Entry(
        "Rulings or sets of the copy are not what was signed.",
        "Take an earlier backup, and run ortoo log check on the centre: its own log may have changed.",
    ),
    "backup_key_differs": Entry(
        "The log's key in this backup is not the one that the organisation names.", ANOTHER
    ),
    "backup_decided_otherwise": Entry(
        "Rulings of the copy do not follow from what they say they looked at.",
        "Take an earlier backup, and run ortoo rebuild --check on the centre.",
    ),
    "backup_folded_otherwise": Entry(
        "What screens read does not follow from the log of this copy.",
        "The log is sound: run ortoo rebuild on the centre, or after putting this back.",
    ),
    # ---- of making one
    "backup_exists": Entry(
        "There is something under the backup's name already.", "Wait a second, and make it again."
    ),
    "backup_nothing": Entry(
        "This centre was never started: there is nothing to copy.", "Start it once."
    ),
    "backup_key_missing": Entry(
        "This node does not hold the log's key, and a backup without it cannot go on.",
        "Make the backup on the node whose data directory has log.key.",
    ),
    "backup_not_written": Entry("The backup could not be written.", WRITE_AGAIN),
    # ---- of putting one back
    "restore_not_sound": Entry("The backup is not sound, and nothing was touched.", ANOTHER),
    "restore_holds_data": Entry(
        "There is data in this place already, and nothing was touched.",
        "Put it back elsewhere, or give --replace: what is there is moved aside, not deleted.",
    ),
    "restore_in_use": Entry(
        "Somebody uses this database, and nothing was touched.",
        "Stop the server, and close what else is connected to it.",
    ),
    "restore_other_centre": Entry(
        "What was signed last here belongs to another centre than the backup, and nothing was touched.",
        "Use the data directory (and log_memory) of the centre that the backup is of, or an empty one.",
    ),
    "restore_not_written": Entry(
        "It could not be put back whole, and the server refuses to start on it.",
        "Make room, see that this user may write there, and run ortoo restore once more with --replace.",
    ),
}


class Found(msgspec.Struct, frozen=True):
    """One fault of a backup: its code, and what was seen where."""

    code: str
    detail: str

    @property
    def cause(self) -> str:
        """What the code means."""
        return FAULTS[self.code].cause

    @property
    def cure(self) -> str:
        """What to do about it."""
        return FAULTS[self.code].cure


class BackupError(Exception):
    """It cannot be done; `found` says why and what to do."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.found = Found(code, detail)
