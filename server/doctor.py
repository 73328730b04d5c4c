"""A round through the installation: what is there, what is missing, what to do about it.

Responsible for findings an administrator can act on. Refuses to change anything: it looks.

Example: `ortoo doctor` prints `BAD  database: no tables yet` and below it
`-> run: ortoo migrate`, and exits with 1.
"""

import os
import shutil
import socket
import stat
import time
from collections.abc import Iterator

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from server.settings import Settings
from server.store.engine import Database
from server.store.migrate import revisions
from server.store.rows import query

FREE_SPACE_BYTES = 1_000_000_000
# A clock before this page was written is wrong; so is one decades later.
PLAUSIBLE_S = (1_780_000_000, 2_700_000_000)
TIME_ZONE = "Asia/Shanghai"


class Finding(msgspec.Struct, frozen=True):
    """One thing looked at: what was seen, and what to do when it is not fine."""

    what: str
    fine: bool
    seen: str
    cure: str = ""


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything, in the order an administrator would mend it."""
    return [
        *_data_directory(settings),
        *_key_files(settings),
        *await _database(settings),
        _clock(),
        _pwa(settings),
        _port(settings),
        _exposure(settings),
    ]


def _data_directory(settings: Settings) -> Iterator[Finding]:
    path = settings.data_dir
    if not path.is_dir():
        yield Finding("data directory", False, f"{path} is not there", f"run: mkdir -p {path}")
        return
    writable = os.access(path, os.W_OK | os.X_OK)
    yield Finding(
        "data directory",
        writable,
        f"{path} can {'' if writable else 'not '}be written",
        f"give it to the user the server runs as: chown -R <user> {path}",
    )
    free = shutil.disk_usage(path).free
    yield Finding(
        "free space",
        free >= FREE_SPACE_BYTES,
        f"{free // 1_000_000} MB",
        "free at least 1 GB: a full disk makes the centre answer 503 until there is room",
    )


def _key_files(settings: Settings) -> Iterator[Finding]:
    for path in sorted(settings.data_dir.glob("*.key")):
        mode = stat.S_IMODE(path.stat().st_mode)
        yield Finding(
            "key file", not mode & 0o077, f"{path} has mode {mode:o}", f"run: chmod 600 {path}"
        )


async def _database(settings: Settings) -> list[Finding]:
    if settings.url.startswith("sqlite"):
        path = settings.data_dir / "ortoo.db"
        if not settings.database_url and not path.exists():
            return [Finding("database", False, f"{path} is not there", "run: ortoo migrate")]
    db = Database(settings.url)
    try:
        current, head = await revisions(db)
        findings = [
            Finding(
                "database",
                current == head,
                f"{db.dialect}, revision {current or 'none'}, newest {head}",
                "run: ortoo migrate",
            )
        ]
        if db.dialect == "sqlite":
            findings.append(await db.reading(_durability))
        else:
            findings.append(await db.reading(_durability_postgresql))
        return findings
    except (SQLAlchemyError, OSError) as error:
        return [
            Finding(
                "database",
                False,
                f"cannot be reached ({type(error).__name__})",
                "check database_url, and that the database runs and lets this user in",
            )
        ]
    finally:
        await db.close()


def _durability(connection: Connection) -> Finding:
    mode = query(connection, "PRAGMA journal_mode")[0][0]
    level = query(connection, "PRAGMA synchronous")[0][0]
    return Finding(
        "durability",
        (mode, level) == ("wal", 2),
        f"journal_mode {mode}, synchronous {level}",
        "put the file on a local disk: network file systems cannot keep a WAL",
    )


def _durability_postgresql(connection: Connection) -> Finding:
    values = [query(connection, f"SHOW {name}")[0][0] for name in ("fsync", "synchronous_commit")]
    return Finding(
        "durability",
        values[0] == "on" and values[1] != "off",
        f"fsync {values[0]}, synchronous_commit {values[1]}",
        "set fsync = on and synchronous_commit = on: what is acknowledged must survive",
    )


def _clock() -> Finding:
    now = time.time()
    return Finding(
        "clock",
        PLAUSIBLE_S[0] < now < PLAUSIBLE_S[1],
        time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
        "set the clock and keep it with NTP: receipt times are the centre's word",
    )


def _pwa(settings: Settings) -> Finding:
    index = settings.pwa_dir / "index.html"
    return Finding(
        "app",
        index.is_file(),
        f"{index} is {'there' if index.is_file() else 'missing'}",
        "build it: npm --prefix pwa ci && npm --prefix pwa run build, or set pwa_dir",
    )


def _port(settings: Settings) -> Finding:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            seen, fine = f"{settings.host}:{settings.port}: {error.strerror}", False
        else:
            seen, fine = f"{settings.host}:{settings.port} is free", True
    return Finding("port", fine, seen, "stop what listens there (perhaps this server), or set port")


def _exposure(settings: Settings) -> Finding:
    secure = settings.origin.startswith("https://")
    local = settings.host in {"127.0.0.1", "::1", "localhost"}
    return Finding(
        "cookies",
        settings.cookie_secure or (local and not secure),
        f"cookie_secure is {str(settings.cookie_secure).lower()}, origin {settings.origin}",
        "put TLS in front and set cookie_secure = true: phones need https to work offline",
    )
