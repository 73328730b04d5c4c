"""A round through the installation: what is there, what is missing, what to do about it.

Responsible for findings an administrator can act on. Refuses to change anything: it looks.

Example: `ortoo doctor` prints `BAD  database: sqlite, revision none, newest 0001` and below it
`-> run: ortoo migrate`, and exits with 1. What stands in the way of `ortoo serve` it says in the same words.
"""

import os
import secrets
import shutil
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from server.backup.make import last_made
from server.intake.replay import newest
from server.proof.signer import KEY_FILE, RefusedError, Signer
from server.settings import STATION, Settings
from server.store import log, spool, upstream
from server.store.engine import Database
from server.store.migrate import RESTORING, is_known, revisions
from server.store.rows import query
from server.store.upstream import Upstream
from server.upstream.clock import StationClock, machine
from server.upstream.reached import answering
from sync import errors

FREE_SPACE_BYTES = 1_000_000_000
RULINGS_TRIED = 500
REFUSED_TOLD = 10
SILENT_MS = 86_400_000  # a station whose centre was not heard for so long
UNSURE_MS = 60_000
ANSWERS_WITHIN_S = 2.0
BACKUP_EVERY_H = 26  # daily, and two hours for one that takes long
# A clock before this page was written is wrong; so is one decades later.
PLAUSIBLE_S = (1_780_000_000, 2_700_000_000)

MIGRATE = "run: ortoo migrate"
CHECK_URL = "check database_url and data_dir, and that the database runs and lets this user in"
CHECK_FILE = "{path} must be an Ortoo database that this user may read and write; if it is damaged, put a copy back"
START_NEWER = "start the newer Ortoo again, or put back the copy from before it was installed"
PUT_BACK = "run ortoo restore once more, with --replace: docs/recovery.md"
ONE_WRITER = "end what holds it (another program, a backup, an open shell), or mend what it says"
LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})
EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104  recognised, not listened to


class Finding(msgspec.Struct, frozen=True):
    """One thing looked at: what was seen, and what to do when it is not fine."""

    what: str
    fine: bool
    seen: str
    cure: str = ""


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything, in the order an administrator would mend it."""
    about_database = await database(settings)
    if all(finding.fine for finding in about_database):
        about_database += [
            await _durability(settings),
            *(await _of_station(settings) if settings.role == STATION else await _of_log(settings)),
        ]
    return [
        *_data_directory(settings),
        *_key_files(settings),
        *about_database,
        _clock(),
        _pwa(settings),
        await _listening(settings),
        _exposure(settings),
        _address(settings),
    ]


async def _of_log(settings: Settings) -> list[Finding]:
    """What only the one who keeps the log must look after."""
    return [await _rulings(settings), await _log(settings), _backup(settings)]


async def _of_station(settings: Settings) -> list[Finding]:
    """How a station stands with its centre."""
    db = Database(settings.url)
    try:
        known = await db.reading(upstream.read)
        counts = await db.reading(spool.counts)
        refused = await db.reading(spool.refused, REFUSED_TOLD)
    finally:
        await db.close()
    if known is None:
        return [Finding("centre", False, "this station has none", "run: ortoo station join")]
    clock = StationClock(machine())
    clock.resume(known)
    now_ms = clock.now_ms()
    waiting = (
        "" if counts.oldest_ms is None else f", the oldest for {_hours(now_ms - counts.oldest_ms)}"
    )
    return [
        await _centre(settings.upstream or known.url, known, now_ms - known.told_at_ms),
        Finding(
            "spool",
            not counts.refused,
            f"{counts.waiting} sets wait{waiting}, {counts.handed} are at the centre, {counts.refused} refused"
            + "".join(f"; set {seq} of chain {chain.hex()}: {why}" for chain, seq, why in refused),
            "sets that the centre would not have stay here: have their authors look, and tell support the codes",
        ),
        Finding(
            "offset",
            clock.uncertainty_ms() <= UNSURE_MS,
            "the centre's clock was never measured"
            if clock.offset_ms is None
            else f"the centre's clock is {clock.offset_ms} ms from ours, to within {clock.uncertainty_ms()} ms",
            "it is measured again at the next contact; check the battery of the machine's clock",
        ),
    ]


async def _centre(url: str, known: Upstream, silent_ms: int) -> Finding:
    """Whether the centre was heard lately, and whether nobody else answers at its address. A line may be away."""
    seen = f"{url}, " + (
        f"last heard {_hours(silent_ms)} ago" if known.told_at_ms else "never heard"
    )
    trouble = await answering(url, known.server)
    if trouble:
        told = errors.lookup(trouble)
        return Finding("centre", False, f"{seen}. {told.cause}", told.cure)
    cure = "see whether the line is there and the station runs; nothing is lost meanwhile"
    return Finding("centre", silent_ms <= SILENT_MS, seen, cure)


def _hours(ms: int) -> str:
    return f"{ms / 3_600_000:.1f} h"


async def _log(settings: Settings) -> Finding:
    """Whether the log only grew since it was signed (TL7). `ortoo log check` hashes all of it again."""
    db = Database(settings.url)
    signer = Signer(settings, secrets.token_bytes)
    try:
        looked = await db.reading(signer.look)
    except LookupError:
        return Finding("log", True, "nothing was ruled yet")
    except RefusedError as refusal:
        follows = refusal.code == "log_key_differs" and signer.own_key() is None
        seen = "another node signs it" if follows else f"{refusal.code}: {refusal.detail}"
        return Finding("log", follows, seen, refusal.cure)
    finally:
        await db.close()
    signed = looked.before.checkpoint.size if looked.before else 0
    return Finding(
        "log", True, f"{signed} of {looked.head.idx} rulings are signed, and are what they were"
    )


def _backup(settings: Settings) -> Finding:
    """Whether there is a young backup: a restore can only bring back what phones still keep besides (TL11)."""
    cure = "run daily: ortoo backup --to DIRECTORY on another disk; docs/recovery.md"
    if not (settings.data_dir / KEY_FILE).exists():
        return Finding("backup", True, "made where the log is signed")
    last = last_made(settings)
    if last is None:
        return Finding("backup", False, "none was made of this centre", cure)
    age_h = (time.time_ns() // 1_000_000 - last.made_at_ms) / 3_600_000
    seen = f"the newest, {last.path}, is {age_h:.1f} h old and holds {last.rulings} rulings"
    return Finding("backup", age_h <= BACKUP_EVERY_H, seen, cure)


async def _rulings(settings: Settings) -> Finding:
    """Whether the newest decisions follow from what they say they looked at (RL7). `rebuild --check` tries all."""
    db = Database(settings.url)
    try:
        decided = await db.reading(newest, RULINGS_TRIED)
    finally:
        await db.close()
    return Finding(
        "rulings",
        not decided.wrong,
        f"{decided.again} decided again, {len(decided.wrong)} came out otherwise",
        "run: ortoo rebuild --check; somebody changed the database, or tell support the version",
    )


def _data_directory(settings: Settings) -> Iterator[Finding]:
    path = settings.data_dir
    if not os.path.isdir(path):  # noqa: PTH112  pathlib raises where a folder above may not be entered
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


async def database(settings: Settings) -> list[Finding]:
    """The database: whether it opens, is at this program's revision, and takes writes.

    The cure is `MIGRATE` where bringing it to the newest revision is all that is missing.
    """
    missing = _missing_file(settings)
    if missing is not None:
        return [Finding("database", False, f"{missing} is not there", MIGRATE)]
    try:
        db = Database(settings.url)
    except (SQLAlchemyError, ValueError, OSError) as error:
        return [Finding("database", False, f"cannot be opened: {_reason(error)}", CHECK_URL)]
    try:
        return await _state(db)
    except (SQLAlchemyError, OSError) as error:
        return [
            Finding(
                "database",
                False,
                f"{db.dialect} cannot be reached: {_reason(error)}",
                CHECK_FILE.format(path=db.path) if db.path else CHECK_URL,
            )
        ]
    finally:
        await db.close()


def _missing_file(settings: Settings) -> Path | None:
    path = settings.data_dir / "ortoo.db"
    return None if settings.database_url or os.path.lexists(path) else path


async def _state(db: Database) -> list[Finding]:
    current, head = await revisions(db)
    if current == RESTORING:
        seen = "a copy was to be put back here, and that was cut off"
        return [Finding("database", False, seen, PUT_BACK)]
    seen = f"{db.dialect}, revision {current or 'none'}, newest {head}"
    if current is not None and not is_known(current):
        return [Finding("database", False, f"{seen}: a newer Ortoo wrote it", START_NEWER)]
    return [Finding("database", current == head, seen, MIGRATE), await _writable(db)]


async def _writable(db: Database) -> Finding:
    if db.path is not None and not os.access(db.path, os.W_OK):
        seen = f"{db.path} is read-only for this user"
        return Finding("writing", False, seen, f"run: chown <user> {db.path}*")
    try:
        await db.writing(_takes_writes)
    except (SQLAlchemyError, OSError) as error:
        return Finding("writing", False, f"it takes none: {_reason(error)}", ONE_WRITER)
    return Finding("writing", True, "a transaction can begin")


def _takes_writes(connection: Connection) -> None:
    """SQLite has taken the lock by now; PostgreSQL is asked, because a standby reads well."""
    if connection.dialect.name == "postgresql":
        [[read_only]] = query(connection, "SHOW transaction_read_only")
        if read_only == "on":
            raise OSError("the database is read-only, perhaps a standby")


def _reason(error: Exception) -> str:
    """The driver's own sentence, without statement and links."""
    return str(getattr(error, "orig", None) or error).splitlines()[0] or type(error).__name__


async def _durability(settings: Settings) -> Finding:
    db = Database(settings.url)
    try:
        if db.dialect == "sqlite":
            return await db.reading(_durability_sqlite)
        return await db.reading(_durability_postgresql)
    finally:
        await db.close()


def _durability_sqlite(connection: Connection) -> Finding:
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
        "build it: make setup, or set pwa_dir",
    )


async def _listening(settings: Settings) -> Finding:
    """Whether this server listens where it is told to, or could."""
    found = port(settings)
    if found.fine or not await _is_serving(settings):
        return found
    return msgspec.structs.replace(found, fine=True, seen=f"{settings.origin}: it serves", cure="")


async def _is_serving(settings: Settings) -> bool:
    """Whether what listens there is the server of this very database."""
    here = f"http://{settings.host}:{settings.port}/api/health"
    try:
        async with httpx2.AsyncClient(timeout=ANSWERS_WITHIN_S, trust_env=False) as http:
            said = (await http.get(here)).json()
        role, origin = said["role"], said["log"]["origin"]
    except (httpx2.HTTPError, ValueError, KeyError, TypeError):
        return False
    db = Database(settings.url)
    try:
        of_log = await db.reading(_server_of_log)
    except (SQLAlchemyError, OSError, LookupError):
        return False
    finally:
        await db.close()
    return bool(role == settings.role and of_log.hex() in origin)


def _server_of_log(connection: Connection) -> bytes:
    """Whose log this is: a station's is its centre's."""
    known = upstream.read(connection)
    return log.read(connection).server_id if known is None else known.server


def port(settings: Settings) -> Finding:
    """Whether the server could listen where it is told to."""
    place = f"{settings.host}:{settings.port}"
    try:
        family, _, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        seen, fine = f"{place}: {error.strerror}", False
    else:
        seen, fine = f"{place} is free", True
    return Finding(
        "port", fine, seen, "stop what listens there (perhaps this server), or set host and port"
    )


def _exposure(settings: Settings) -> Finding:
    secure = settings.origin.startswith("https://")
    return Finding(
        "cookies",
        settings.cookie_secure == secure and (secure or settings.host in LOCAL),
        f"cookie_secure is {str(settings.cookie_secure).lower()}, origin {settings.origin}",
        "put TLS in front, give its https address as public_url and set cookie_secure = true:"
        " phones need https to work offline, and browsers drop secure cookies without it",
    )


def _address(settings: Settings) -> Finding:
    return Finding(
        "address",
        bool(settings.public_url) or settings.host not in EVERYWHERE,
        f"phones are sent to {settings.origin}",
        "set public_url to the address that phones and desks use: it stands in enrolment codes",
    )
