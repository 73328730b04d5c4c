"""A key is kept whole or not at all."""

import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

from server import keys

MAKE = "import os, sys; from pathlib import Path; from server import keys;"
MAKE += "keys.load_or_create(Path(sys.argv[1]), keys.ED25519, os.urandom)"


def made(path: Path, room: int) -> int:
    """Have a process that may write no longer files than this make a key; its exit code."""
    command = [sys.executable, "-c", MAKE, str(path)]

    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    return subprocess.run(command, preexec_fn=bound, stderr=subprocess.DEVNULL).returncode  # noqa: PLW1510  the code is what is asked


def test_a_key_for_which_there_was_no_room_is_made_when_there_is(tmp_path: Path) -> None:
    path = tmp_path / "desk.key"
    for room in (0, 31):
        assert made(path, room) != 0
        assert list(tmp_path.iterdir()) == []
    assert made(path, 32) == 0
    key = keys.load_or_create(path, keys.ED25519, os.urandom)
    assert key.seed == path.read_bytes()
    assert len(key.seed) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
