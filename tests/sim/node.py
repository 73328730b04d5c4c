"""The TypeScript phones: one node process for all worlds, spoken to over a pipe.

Responsible for bundling `pwa/scripts/sim` (with a fault put back where a trap asks for it), for starting
and ending the process, and for one question at a time. Refuses to know what a phone is.

Example: `node.ask("phone", name="p1", seed="7/p1")`.
"""

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import msgspec

PWA = Path(__file__).parents[2] / "pwa"


class Edit(msgspec.Struct, frozen=True):
    """One fault put back into the source: in `file` (under pwa/src) `old`, found exactly once, becomes `new`."""

    file: str
    old: str
    new: str


class Answer(msgspec.Struct, frozen=True):
    """What came of one question: its value, long acts that ended, pages that died, and what pages want."""

    value: Any
    done: list[tuple[str, Any, str | None]]
    dead: list[int]
    wishes: "Wishes"


class Call(msgspec.Struct, frozen=True):
    """A request a page wants carried; `body` is base64."""

    page: int
    call: int
    path: str
    token: str
    method: str
    range: str
    body: str
    encoding: str = "identity"


class Timer(msgspec.Struct, frozen=True):
    """A timer a page wants rung."""

    page: int
    timer: int
    after_ms: float = msgspec.field(name="afterMs")


class Wishes(msgspec.Struct, frozen=True):
    """What pages want of the world, and errors nobody caught."""

    calls: list[Call]
    timers: list[Timer]
    faults: list[str]


_ANSWER = msgspec.json.Decoder(Answer)


class Node:
    """One node process."""

    def __init__(self, edits: tuple[Edit, ...] = ()) -> None:
        """Bundle and start. Takes under a second."""
        self._dir = tempfile.TemporaryDirectory(prefix="ortoo-sim-")
        bundle = Path(self._dir.name) / "sim.mjs"
        source = PWA if not edits else _edited(Path(self._dir.name), edits)
        rolldown = PWA / "node_modules" / ".bin" / "rolldown"
        subprocess.run(
            [rolldown, "scripts/sim/main.ts", "--file", bundle, "--platform", "node", "--format",
             "esm"],
            cwd=source, check=True, capture_output=True,
        )  # fmt: skip
        self._process = subprocess.Popen(
            ["node", bundle], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=self._dir.name
        )
        self.questions = 0

    def ask(self, cmd: str, **request: Any) -> Answer:
        """One question, one answer. Raises RuntimeError when the process has died."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.questions += 1
        self._process.stdin.write(json.dumps({"cmd": cmd, **request}).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the node process ended at {cmd}")
        return _ANSWER.decode(line)

    def close(self) -> None:
        """End the process and forget the bundle."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._dir.cleanup()


def _edited(room: Path, edits: tuple[Edit, ...]) -> Path:
    """A copy of the sources with these edits made. Raises LookupError when one no longer fits."""
    copy = room / "pwa"
    copy.mkdir()
    (copy / "node_modules").symlink_to(PWA / "node_modules")
    for part in ("src/sync", "src/device", "scripts/sim"):
        for path in (PWA / part).rglob("*.ts"):
            target = copy / path.relative_to(PWA)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    for edit in edits:
        path = copy / "src" / edit.file
        text = path.read_text(encoding="utf-8")
        if text.count(edit.old) != 1:
            raise LookupError(
                f"{edit.file}: the words of this edit stand there {text.count(edit.old)} times"
            )
        path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")
    return copy
