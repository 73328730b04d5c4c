"""Databases for the server's stories: a fresh SQLite file, and a PostgreSQL of our own.

PostgreSQL runs as an unprivileged user from Debian's binaries for the length of the session, without
fsync because nothing of it is kept; one database serves all stories and is emptied before each, which
costs half of copying one. Where the binaries are missing the stories run on SQLite alone.
"""

import asyncio
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from server.intake.door import Intake
from server.now import VirtualClock
from server.perform import Performer
from server.settings import Settings
from server.store.engine import Database
from server.store.migrate import upgrade
from server.store.tables import metadata
from tests.server.pen import EPOCH_MS, found_org
from tests.server.township import Township, township


def _binaries() -> Path | None:
    newest = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if newest:
        return newest[-1].parent
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


BINARIES = _binaries()
BACKENDS = ["sqlite", *(["postgresql"] if BINARIES is not None else [])]


def _unprivileged() -> list[str]:
    """What to put before a command so that it does not run as root, which PostgreSQL refuses."""
    if os.getuid() != 0:
        return []
    for user in ("postgres", "nobody"):
        try:
            pwd.getpwnam(user)
        except KeyError:
            continue
        return ["setpriv", f"--reuid={user}", "--clear-groups", "--regid=nogroup"]
    return []


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A running PostgreSQL; stopped and removed at the end."""
    assert BINARIES is not None
    root = Path(tempfile.mkdtemp(prefix="ortoo-pg-", dir="/tmp"))
    root.chmod(0o777)
    data = root / "data"
    prefix = _unprivileged()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    subprocess.run(
        [*prefix, str(BINARIES / "initdb"), "-D", str(data), "-U", "ortoo", "-A", "trust", "-E", "UTF8",
         "--no-locale"],
        check=True, capture_output=True, cwd=root,
    )  # fmt: skip
    server = subprocess.Popen(
        [*prefix, str(BINARIES / "postgres"), "-D", str(data), "-p", str(port),
         "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={root}",
         "-c", "fsync=off"],
        cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        ready = [str(BINARIES / "pg_isready"), "-h", "127.0.0.1", "-p", str(port), "-t", "1"]
        for _ in range(60):
            if subprocess.run(ready, check=False, capture_output=True).returncode == 0:
                break
            asyncio.run(asyncio.sleep(0.2))
        else:
            raise AssertionError("PostgreSQL did not become ready")
        yield f"postgresql+asyncpg://ortoo@127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGQUIT)  # nothing of it is kept
        server.wait(20)
        shutil.rmtree(root, ignore_errors=True)


async def _statement(base: str, statement: str, database: str = "postgres") -> None:
    import asyncpg

    connection = await asyncpg.connect(f"{base.replace('+asyncpg', '')}/{database}")
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _migrated(url: str) -> None:
    database = Database(url)
    await upgrade(database)
    await database.close()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with every table, to be copied."""
    path = tmp_path_factory.mktemp("template") / "ortoo.db"
    asyncio.run(_migrated(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def migrated_url(postgresql_url: str) -> str:
    """A PostgreSQL database with every table, to be emptied before each story."""
    asyncio.run(_statement(postgresql_url, "CREATE DATABASE stories"))
    url = f"{postgresql_url}/stories"
    asyncio.run(_migrated(url))
    return url


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """Every story that asks for a database is told on each backend there is."""
    name: str = request.param
    return name


@pytest.fixture
def empty_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables."""
    if backend == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'ortoo.db'}"
    base: str = request.getfixturevalue("postgresql_url")
    name = f"story_{uuid4().hex}"
    asyncio.run(_statement(base, f"CREATE DATABASE {name}"))
    return f"{base}/{name}"


@pytest.fixture
def db_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with every table, empty."""
    if backend == "sqlite":
        path = tmp_path / "ortoo.db"
        shutil.copyfile(request.getfixturevalue("migrated_file"), path)
        return f"sqlite+aiosqlite:///{path}"
    url: str = request.getfixturevalue("migrated_url")
    tables = ", ".join(table.name for table in metadata.tables.values())
    emptied = f"SET lock_timeout = '20s'; TRUNCATE {tables} RESTART IDENTITY CASCADE"
    base, _, name = url.rpartition("/")
    asyncio.run(_statement(base, emptied, name))
    return url


@pytest.fixture
async def db(db_url: str) -> AsyncIterator[Database]:
    """A database with every table, empty."""
    database = Database(db_url)
    yield database
    await database.close()


class House:
    """An intake over a real database, with a clock that stands until it is moved."""

    def __init__(self, settings: Settings, db: Database) -> None:
        self.settings = settings
        self.db = db
        self.clock = VirtualClock(EPOCH_MS)
        self.announced: list[bytes] = []
        self._moved = asyncio.Event()
        self.performer = Performer({"moved": self._announce})
        self.intake = self.new_intake()

    async def _announce(self, payload: bytes) -> None:
        self.announced.append(payload)
        self._moved.set()

    async def heard(self, count: int) -> None:
        """Until so many batches were announced."""
        async with asyncio.timeout(20):
            while len(self.announced) < count:
                self._moved.clear()
                await self._moved.wait()

    def new_intake(self, db: Database | None = None, data_dir: Path | None = None) -> Intake:
        """The next process on the same database; beside this one when given its own two."""
        settings = msgspec.structs.replace(
            self.settings, data_dir=data_dir or self.settings.data_dir
        )
        return Intake(settings, self.clock, os.urandom, db or self.db, self.performer)


@pytest.fixture
async def house(db: Database, db_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """A founded centre with two stations and their people."""
    settings = Settings(data_dir=tmp_path, database_url=db_url)
    made = House(settings, db)
    made.performer.start(db)
    await made.intake.start()
    await found_org(made.intake)
    yield made
    await made.intake.stop()
    await made.performer.stop()


@pytest.fixture
async def place(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Township]:
    """A founded centre, a line, and a station that has not joined."""
    async with township(tmp_path, migrated_file) as made:
        yield made
