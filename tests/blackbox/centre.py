"""A real `ortoo serve` process, a centre or a station, on a data directory of its own, to be killed and started again.

Responsible for a founded organisation with enrolled phones, and for the life and death of the process. Refuses to know
what is sent to it. Its log stands beside the data directory, for whoever looks into a failure.

Example: `centre = await Centre.founded(place, phones=6)`, then `await centre.start()`, `centre.kill()`, `await
centre.start()`.
"""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2

from server.app import build_app
from server.fleet.centre import listen, serving
from server.fleet.founding import found
from server.fleet.replay.cast import PASSWORD, Officer, desk_people, made_up
from server.intake.memory import load
from server.now import SystemClock
from server.settings import Settings
from server.store import people
from server.store.engine import Database
from server.store.migrate import upgrade
from sync import canon

START_S = 120  # a machine that is busy with other things is not a centre that hangs
STEP_S = 0.02
ANSWER_S = 10.0  # longer than that nobody is left without a word


class EndedError(Exception):
    """The process ended by itself; the message holds the end of its log."""


class Centre:
    """One data directory and the process that serves it, or none."""

    def __init__(
        self,
        data_dir: Path,
        port: int,
        officers: list[Officer],
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Use `founded`; nothing runs yet. `settings`: further variables of its environment."""
        self.data_dir = data_dir
        self.environment = os.environ | {
            "ORTOO_DATA_DIR": str(data_dir),
            "ORTOO_HASHING": "light",
            "ORTOO_PORT": str(port),
            **(settings or {}),
        }
        self.url = f"http://127.0.0.1:{port}"
        self.port = port
        self.officers = officers
        self.log = data_dir.with_suffix(".log")
        self.starts = 0
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    async def founded(cls, data_dir: Path, phones: int) -> "Centre":
        """An organisation for so many phones on a free port, with a dispatcher, an administrator, and somebody on
        duty at each station (`duty0`, `duty1`, …).
        """
        with listen("127.0.0.1", 0) as probe:
            port = probe.getsockname()[1]
        settings = Settings(data_dir=data_dir, port=port, hashing="light")
        db = Database(settings.url)
        await upgrade(db)
        await db.close()
        clock = SystemClock()
        app = build_app(settings, clock=clock)
        rows, officers = made_up(phones)
        logins = desk_people()
        stations = [row_id for what, row_id, _row in rows if what == "stations"]
        for number, station in enumerate(stations):
            person = sha256(b"duty" + station).digest()[:16]
            said = {"name": f"值班{number + 1:02d}", "role": "station", "station": station}
            rows.append(("people", person, said))
            logins.append((person, f"duty{number}", PASSWORD))
        async with serving(app, listen("127.0.0.1", port)):
            await found(app.state.intake, app.state.db, clock, rows, logins)
        return cls(data_dir, port, officers)

    @property
    def pid(self) -> int:
        """The process; raises AssertionError while there is none."""
        assert self._process is not None
        return self._process.pid

    async def command(self, *words: str, code: int = 0) -> str:
        """Run a command where its settings are; what it said. It must end with this code."""
        process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("ortoo"),
            *words,
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _nothing = await process.communicate()
        text = said.decode()
        assert process.returncode == code, f"ortoo {' '.join(words)}\n{text}"
        return text

    async def upstream(self) -> dict[str, Any]:
        """How a station that runs says that it stands with its centre."""
        async with httpx2.AsyncClient(base_url=self.url, timeout=ANSWER_S) as http:
            said: dict[str, Any] = (await http.get("/api/health")).json()["upstream"]
        return said

    def scopes(self) -> dict[str, tuple[int, int, bytes]]:
        """Epoch, newest entry and head of every scope of the centre in which there is something."""
        with closing(sqlite3.connect(self.data_dir / "ortoo.db")) as db:
            rows = db.execute(
                "SELECT name, epoch, n, head FROM scopes WHERE n > 0 AND name NOT LIKE 'hub:%'"
            )
            return {name: (epoch, n, head) for name, epoch, n, head in rows}

    async def views(self, incidents: Iterable[bytes]) -> dict[bytes, bytes]:
        """These incidents as the database of a stopped process tells them, canonical bytes by id."""
        db = Database(Settings(data_dir=self.data_dir).url)
        try:
            directory = await db.reading(people.directory)
            folded = {one: await db.reading(load, one, directory) for one in incidents}
            return {one: canon.encode(incident.state.view()) for one, incident in folded.items()}
        finally:
            await db.close()

    def launch(self, prefix: Sequence[str] = ()) -> None:
        """Start the process, behind the words of `prefix` if any, and do not wait for it."""
        assert self._process is None
        self.starts += 1
        ortoo = Path(sys.executable).with_name("ortoo")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*prefix, str(ortoo), "serve"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def ready(self) -> None:
        """Wait until it answers. Raises EndedError when it ended instead."""
        async with httpx2.AsyncClient(base_url=self.url) as http:
            for _ in range(round(START_S / STEP_S)):
                self._must_run()
                try:
                    if (await http.get("/api/health")).is_success:
                        return
                except httpx2.TransportError:
                    pass
                await asyncio.sleep(STEP_S)
        raise EndedError(f"it did not answer within {START_S} s\n{self.last_words()}")

    async def start(self) -> None:
        """Start and wait until it answers."""
        self.launch()
        await self.ready()

    def ended(self) -> int | None:
        """The exit code of a process that ended by itself, told once; None while it runs or when none does."""
        code = None if self._process is None else self._process.poll()
        if code is not None:
            self._process = None
        return code

    async def over(self) -> int:
        """The exit code of a process that ends by itself, once it has."""
        for _ in range(round(START_S / STEP_S)):
            if (code := self.ended()) is not None:
                return code
            await asyncio.sleep(STEP_S)
        raise AssertionError(f"it did not end within {START_S} s\n{self.last_words()}")

    def _must_run(self) -> None:
        if (code := self.ended()) is not None:
            raise EndedError(f"it ended with {code}\n{self.last_words()}")

    def kill(self) -> None:
        """`kill -9`: nothing of it runs any further."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to go, as an administrator would; no effect when none runs."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(START_S)
            self._process = None

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-2_000:]
