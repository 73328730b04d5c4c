"""How one installation differs from another: a TOML file, then `ORTOO_*` variables over it.

Responsible for reading, typing and refusing settings with a sentence that names the culprit.
Refuses to know what any setting does.

Example: `ORTOO_PORT=9000 ortoo serve --config ortoo.toml` listens on 9000 whatever the file says.
"""

import os
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec

PREFIX = "ORTOO_"
CONFIG_VARIABLE = "ORTOO_CONFIG"
OF_OTHER_ROOMS = frozenset(
    {
        CONFIG_VARIABLE,
        "ORTOO_ADMIN_PASSWORD",
        "ORTOO_STATION_CODE",
        "ORTOO_REAL_DATA",
        "ORTOO_CHROMIUM",
    }
)
"""Variables that are no settings: which file to read, a password for one command, what tests look for."""
PORT_MAX = 65_535
STATION = "station"
"""The role of a server between the phones of a township and the centre."""

Port = Annotated[int, msgspec.Meta(ge=0, le=PORT_MAX)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Months = Annotated[int, msgspec.Meta(ge=2)]  # phones follow this month and the last
WebUrl = Annotated[str, msgspec.Meta(pattern=r"^$|^https?://")]
DatabaseUrl = Annotated[
    str, msgspec.Meta(pattern=r"^$|^(postgres(ql)?(\+asyncpg)?|sqlite(\+aiosqlite)?)://")
]


class SettingsError(ValueError):
    """The settings cannot be used as they are; the message says which and why."""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds on everything that grows while the server runs."""

    queue_sets: Positive = 20_000  # waiting for the writer; past it a push is answered 503
    batch_sets: Positive = 2_000  # written by one transaction
    verify_threads: Positive = 2
    cached_incidents: Positive = 20_000  # folded states kept in memory
    reader_connections: Positive = 4
    snapshot_entries: Positive = 1_000  # of a scope beyond its newest snapshot, for the next one
    events_lifetime_ms: Positive = 300_000  # one event stream; the client then opens the next
    event_streams: Positive = 10_000


PUSH_SERVICES = (
    "fcm.googleapis.com, *.push.services.mozilla.com, *.push.apple.com, *.notify.windows.com"
)
"""Of Chrome and most others on Android, Firefox, Safari, and Edge on Windows."""


class PushSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Web Push: who may be asked to knock at a phone. Nothing but names of hosts ever leads out of this server."""

    services: str = PUSH_SERVICES  # hosts, commas; *. for anything below; empty: no Web Push here
    contact: str = (
        ""  # mail address for these services; empty: postmaster at the host of public_url
    )
    loopback: bool = False  # for tests alone: services on this very machine, without TLS


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything an installation may choose. Paths are relative to where the server is started."""

    name: str = "指挥中心"
    role: Literal["centre", "station"] = "centre"
    upstream: WebUrl = ""  # of a station: where its centre is; empty: where it joined
    retain_months: Months = (
        13  # of a station: whole months kept before this one; a year ago is still there
    )
    data_dir: Path = Path(".data/ortoo")
    log_memory: Path | None = None  # what was signed last; unset: log.signed in data_dir
    database_url: DatabaseUrl = ""  # empty: a SQLite file in data_dir
    host: str = "127.0.0.1"
    port: Port = 8000
    trusted_proxies: str = (
        "127.0.0.1"  # whose word on a client's address counts; commas, CIDR, or *
    )
    public_url: str = ""  # empty: http://host:port
    pwa_dir: Path = Path("pwa/dist")
    cookie_secure: bool = False  # true wherever TLS ends before this server
    hashing: Literal["full", "light"] = "full"  # of passwords; light only for demos and tests
    push: PushSettings = msgspec.field(default_factory=PushSettings)
    limits: Limits = msgspec.field(default_factory=Limits)

    def __post_init__(self) -> None:
        """Refuse what does not go together. Raises SettingsError."""
        if self.role == STATION and self.url.startswith("postgresql"):
            raise SettingsError(
                "database_url: a station keeps its records in a SQLite file, from which what it forgets is"
                " overwritten: leave database_url empty"
            )

    @property
    def push_contact(self) -> str:
        """The mail address that push services are given (RFC 8292 section 2.1)."""
        return self.push.contact or f"postmaster@{urlsplit(self.origin).hostname}"

    @property
    def url(self) -> str:
        """The database as SQLAlchemy writes it: PostgreSQL through asyncpg, SQLite through aiosqlite."""
        if not self.database_url:
            return f"sqlite+aiosqlite:///{self.data_dir / 'ortoo.db'}"
        kind, _, rest = self.database_url.partition("://")
        driver = "sqlite+aiosqlite" if kind.startswith("sqlite") else "postgresql+asyncpg"
        return f"{driver}://{rest}"

    @property
    def origin(self) -> str:
        """Where browsers and devices find this server, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (self.public_url or f"http://{host}:{self.port}").rstrip("/")


GROUPS: dict[str, type[msgspec.Struct]] = {"push": PushSettings, "limits": Limits}
"""Settings that stand in a table of their own in the file."""


def load(path: Path | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from the file (or the one `ORTOO_CONFIG` names) with `ORTOO_*` variables over it.

    A nested name takes two underscores: `ORTOO_LIMITS__QUEUE_SETS=500`.
    Raises SettingsError for a file that cannot be read, an unknown name or a wrong value.
    """
    named = path or (Path(environment[CONFIG_VARIABLE]) if CONFIG_VARIABLE in environment else None)
    values: dict[str, Any] = {}
    if named is not None:
        try:
            values = tomllib.loads(named.read_text(encoding="utf-8"))
        except OSError as error:
            raise SettingsError(f"{named}: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{named} is not TOML: {error}") from error
    _lay_over(values, environment)
    try:
        return msgspec.convert(values, Settings, strict=False, dec_hook=_path_from_text)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{named or 'settings'}: {error}") from error


def _path_from_text(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise TypeError(f"expected {kind.__name__}, got {type(value).__name__}")


def _lay_over(values: dict[str, Any], environment: Mapping[str, str]) -> None:
    known = _variables()
    for variable, text in environment.items():
        if not variable.startswith(PREFIX) or variable in OF_OTHER_ROOMS:
            continue
        if variable not in known:
            raise SettingsError(f"{variable} is no setting.{_nearest(variable, known)}")
        head, _, rest = variable.removeprefix(PREFIX).lower().partition("__")
        if rest:
            values.setdefault(head, {})[rest] = text
        else:
            values[head] = text


def _variables() -> list[str]:
    """Every setting as a variable: a group by its members."""
    plain = [name for name in Settings.__struct_fields__ if name not in GROUPS]
    grouped = [
        f"{group}__{name}" for group, kind in GROUPS.items() for name in kind.__struct_fields__
    ]
    return [PREFIX + name.upper() for name in plain + grouped]


def _nearest(variable: str, known: Iterable[str]) -> str:
    near = get_close_matches(variable, [*known, *OF_OTHER_ROOMS], n=1)
    return f" Did you mean {near[0]}?" if near else " `server/settings.py` lists them."
