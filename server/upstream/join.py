"""A station joins its centre: the one-time code is spent on the key of its desks, and what comes back is kept.

Responsible for asking to be let in and for the row that says where the centre is. Refuses to serve anybody. Asking
again with the same code while it lives is safe; so is joining once more with another code of the same centre.

Example: `upstream = await join(settings, db, url, code, secrets.token_bytes)`; from then on the link finds its way.
"""

import base64
from collections.abc import Callable
from typing import Final

import httpx2
import msgspec
from sqlalchemy import Connection

from server import __version__
from server.intake.desk import Desk
from server.now import SystemClock
from server.seal import SealKey
from server.settings import Settings
from server.store import log, upstream
from server.store.engine import Database
from server.store.upstream import Upstream
from server.wire import ServerRefusalError, refuse
from sync import errors
from sync.rulings import PROVISIONAL_FROM

APP: Final = f"ortoo-station/{__version__}"
LABEL_CHARS: Final = 64
WAIT_S: Final = 60.0
CODE_VARIABLE: Final = "ORTOO_STATION_CODE"
HOW: Final = (
    "at the centre: ortoo station code --station NAME; then here: ortoo station join --upstream URL --code CODE,"
    f" or set {CODE_VARIABLE} and upstream in the settings"
)
CHECK: Final = (
    "check the address, and that its name leads to the centre from this machine (/etc/hosts)"
)


class NotJoinedError(Exception):
    """This station has no centre, or cannot have that one; the message says why and what to do."""

    def __init__(self, cause: str, cure: str) -> None:
        """Say both."""
        super().__init__(f"{cause}\n  -> {cure}")


class Answer(msgspec.Struct, frozen=True):
    """What a station needs of the centre's answer."""

    token: str
    chain: str
    station: str
    server: dict[str, str]


async def join(
    settings: Settings,
    db: Database,
    url: str,
    code: str,
    entropy: Callable[[int], bytes],
) -> Upstream:
    """Ask the centre at `url` to be let in, and keep its answer. Raises NotJoinedError."""
    known = await db.reading(_joinable)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    desk = Desk(settings.data_dir, entropy, SystemClock().now_ms())
    asked = {
        "code": code,
        "alg": desk.key.alg,
        "pub": _base64url(desk.key.public),
        "nonce": _base64url(desk.nonce),
        "label": settings.name[:LABEL_CHARS],
        "app": APP,
        "role": "station",
        "seal": _base64url(SealKey.of(desk.key).public),
    }
    try:
        async with httpx2.AsyncClient(base_url=url, timeout=WAIT_S) as http:
            reply = await http.post("/api/enrol", json=asked)
        refuse(reply)
    except (httpx2.HTTPError, OSError) as error:
        raise NotJoinedError(
            f"{url} does not answer: {str(error) or type(error).__name__}",
            "check the address, the line, and that this machine trusts its certificate (SSL_CERT_FILE)",
        ) from error
    except ServerRefusalError as error:
        cure = errors.lookup(error.code).cure if error.code in errors.REQUESTS else CHECK
        cure = HOW if error.code == "wrong_code" else cure
        raise NotJoinedError(f"{url} refuses: {error}", cure) from error
    try:
        answer = msgspec.json.decode(reply.content, type=Answer)
    except msgspec.MsgspecError as error:
        raise NotJoinedError(f"{url} is no Ortoo centre", CHECK) from error
    if answer.chain != desk.chain.hex():
        raise NotJoinedError("another chain was enrolled", "ask again")
    server = bytes.fromhex(answer.server["id"])
    if known is not None and known.server != server:
        raise NotJoinedError(
            "this data belongs to a station of another centre", "begin with an empty data directory"
        )
    if known is None:
        known = Upstream(url, bytes.fromhex(answer.station), server, answer.token)
    known = msgspec.structs.replace(known, url=url, token=answer.token)
    await db.writing(upstream.save, known)
    return known


async def join_first(settings: Settings, code: str, entropy: Callable[[int], bytes]) -> Upstream:
    """Before a station serves: what is known of its centre, which it joins now if it was given a code. Raises
    NotJoinedError where it has none.
    """
    db = Database(settings.url)
    try:
        known = await db.reading(upstream.read)
        if known is not None:
            return known
        if not (code and settings.upstream):
            raise NotJoinedError("this station has no centre yet", HOW)
        return await join(settings, db, settings.upstream, code, entropy)
    finally:
        await db.close()


def joined(connection: Connection) -> Upstream:
    """What is known of the centre. Raises NotJoinedError where there is none."""
    known = upstream.read(connection)
    if known is None:
        raise NotJoinedError("this station has no centre yet", HOW)
    return known


def _joinable(connection: Connection) -> Upstream | None:
    """What is known of a centre. Raises NotJoinedError for a database that is a centre itself."""
    known = upstream.read(connection)
    try:
        head = log.read(connection)
    except LookupError:
        return known
    if known is None and 0 < head.idx < PROVISIONAL_FROM:
        raise NotJoinedError(
            "this data is a centre's own", "give the station a data directory of its own"
        )
    return known


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
