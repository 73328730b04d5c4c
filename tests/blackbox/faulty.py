"""A disk that fails and a machine that loses power, under a real process and without touching its code.

Responsible for compiling the shim (`failing.c` says what it can do), for turning faults on and off, and for leaving of
the files what the platter had when the power went. Refuses to know what is stored.

Example: `disk.fail("sync", "ortoo.db-wal")`; after `centre.kill()`, `disk.power_loss(centre)`.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from server.store.wal import LONG_PAGES, PAGE_BYTES
from tests.blackbox.centre import Centre

SOURCE = Path(__file__).with_name("failing.c")
DATABASE, LOG = "ortoo.db", "ortoo.db-wal"

MUCH = (LONG_PAGES + 200) * PAGE_BYTES  # bytes: more than makes the log long
FILLING = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
db.execute("PRAGMA wal_autocheckpoint=0")
db.execute("PRAGMA synchronous=FULL")
db.execute("CREATE TABLE IF NOT EXISTS ballast (id INTEGER PRIMARY KEY, bytes BLOB)")
db.execute("REPLACE INTO ballast VALUES (1, zeroblob(?))", (int(sys.argv[2]),))
db.close()
"""


class FaultyDisk:
    """What lies between a centre and its files."""

    def __init__(self, place: Path, centre: Centre) -> None:
        """Compile the shim into `place`; the files of a stopped centre count as written to the platter."""
        self._place = place
        place.mkdir()
        self._shim = place / "failing.so"
        subprocess.run(
            ["cc", "-O1", "-shared", "-fPIC", "-o", str(self._shim), str(SOURCE), "-ldl"],
            check=True,
        )
        shutil.copy(centre.data_dir / DATABASE, self._platter(DATABASE))

    @property
    def prefix(self) -> Sequence[str]:
        """Words before the command of a centre that is to stand on this disk."""
        return ("env", f"LD_PRELOAD={self._shim}", f"FAILING_DISK={self._place}")

    def fail(self, call: str, name: str) -> None:
        """From now on this call (`sync`, `write`, `short`, `read`) fails for the file of this name."""
        fresh = self._place / "fault.new"
        fresh.write_text(f"{call} {name}", encoding="utf-8")
        fresh.replace(self._place / "fault")

    def heal(self) -> None:
        """Nothing fails any more."""
        (self._place / "fault").unlink(missing_ok=True)

    def fill(self, centre: Centre, size: int) -> None:
        """Another process on this disk writes so many bytes beside the tables, and folds nothing of them."""
        file = str(centre.data_dir / DATABASE)
        command = [*self.prefix, sys.executable, "-c", FILLING, file, str(size)]
        subprocess.run(command, check=True)

    def power_loss(self, centre: Centre) -> None:
        """Leave a centre that was killed what is on the platter, and nothing that only the page cache had."""
        (centre.data_dir / "ortoo.db-shm").unlink(missing_ok=True)
        for name in (DATABASE, LOG):
            (self._place / f"{name}.dirty").unlink(missing_ok=True)
            (centre.data_dir / name).unlink(missing_ok=True)
            if self._platter(name).exists():
                shutil.copy(self._platter(name), centre.data_dir / name)

    def _platter(self, name: str) -> Path:
        return self._place / f"{name}.disk"
