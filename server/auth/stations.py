"""What a station and its centre tell each other that no ruling says: which tokens devices show, and who of its people
logs in how; and from the station, which devices it has heard.

Responsible for that answer of the centre, for its digest, so that nothing is sent twice, for putting it into the
tables of a station, and for what the centre keeps of the contacts there. Refuses to talk to anybody, and to know
rulings: who a device belongs to and whether it still counts comes with the organisation.

Devices are told of all stations, because officers roam; logins only of the station's own people. Both are hashes.

Example: at the centre `told(connection, directory, station, have)`; at the station, in a transaction,
`learn(connection, reply)`.
"""

import hashlib
from typing import Annotated, Final

import msgspec
from sqlalchemy import Connection

from server.store import devices, spool
from server.store.devices import Contact
from server.store.people import Directory
from server.store.rows import execute, execute_in, query
from sync import exchange
from sync.changeset import Bin16, Int, Natural

DIGEST_BYTES: Final = 16
APP_CHARS: Final = 120
CHAINS_MAX: Final = 10_000
"""So many chains at most are compared at once."""
HEARD_MAX: Final = 1_000
"""So many last contacts at most are told at once."""


Percent = Annotated[int, msgspec.Meta(ge=0, le=100)]


class Heard(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a device said of itself at its last hello to a station, and how many sets of its chain that keeps, as
    `Contact` has it."""

    chain: Bin16
    last_contact_ms: Int
    pending: Natural
    oldest_ms: Int | None
    clock_offset_ms: Int | None
    head: Int
    app: Annotated[str, msgspec.Meta(max_length=APP_CHARS)]
    storage: Percent | None = None
    kept: Natural = 0


class StationRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """`have`: the digest of the answer that was learned last. `heard`: what devices said at their last hello to the
    station, its clock's times; those that were not told before, the earliest first (HB10). `pending` sets wait there to
    go up, the oldest since `oldest_ms`."""

    have: Bin16 | None = None
    heard: Annotated[list[Heard], msgspec.Meta(max_length=HEARD_MAX)] = []
    pending: Natural = 0
    oldest_ms: Int | None = None


class AuditRequest(msgspec.Struct, frozen=True):
    """How far each chain goes at a station without a gap: (chain, seq)."""

    chains: Annotated[list[tuple[Bin16, Natural]], msgspec.Meta(max_length=CHAINS_MAX)]


class AuditReply(msgspec.Struct, frozen=True):
    """Those of which there is less at the centre, and how far they go there; -1 for one of which nothing is."""

    behind: list[tuple[Bin16, Int]]


class Token(msgspec.Struct, frozen=True, array_like=True):
    """How a device is known by what it shows, and from when its sets can be."""

    chain: bytes
    token_hash: bytes
    enrolled_at_ms: int
    since_ms: int | None
    compromised_since_ms: int | None


class Login(msgspec.Struct, frozen=True, array_like=True):
    """How a person logs in."""

    person: bytes
    login: str
    password_hash: str
    changed_at_ms: int


class StationReply(msgspec.Struct, frozen=True, omit_defaults=True):
    """All of it, or the digest alone where nothing changed."""

    digest: Bin16
    devices: list[Token] | None = None
    logins: list[Login] | None = None


def told(
    connection: Connection, directory: Directory, station: bytes, have: bytes | None
) -> StationReply:
    """What a station is to know now."""
    tokens = [
        Token(
            one.chain,
            one.token_hash,
            one.enrolled_at_ms,
            one.since_ms,
            one.compromised_since_ms,
        )
        for one in devices.every(connection)
        if one.token_hash is not None and one.person is not None
    ]
    logins = [
        one
        for one in _logins(connection)
        if (person := directory.person(one.person)) is not None and person.station == station
    ]
    digest = hashlib.sha256(exchange.encode([tokens, logins])).digest()[:DIGEST_BYTES]
    return StationReply(digest) if digest == have else StationReply(digest, tokens, logins)


def behind(connection: Connection, said: AuditRequest) -> AuditReply:
    """Of which chains there is less here (HB12)."""
    held = devices.heads(connection, [chain for chain, _there in said.chains])
    here = {chain: head.have for chain, head in held.items()}
    return AuditReply(
        [
            (chain, here.get(chain, -1))
            for chain, there in said.chains
            if here.get(chain, -1) < there
        ]
    )


def news(connection: Connection, chain: bytes, said: StationRequest, now_ms: int) -> list[Contact]:
    """What a station of this chain holds now; and of what people's devices told it that which nobody here knows
    better, as of now at the latest."""
    known = {one.chain for one in devices.every(connection) if one.person is not None}
    before = devices.contacts(connection)
    found = []
    if (own := before.get(chain)) is not None:
        now = {"last_contact_ms": now_ms, "pending": said.pending, "oldest_ms": said.oldest_ms}
        found.append(msgspec.structs.replace(own, **now))
    for one in said.heard:
        at_ms = min(one.last_contact_ms, now_ms)
        is_later = one.chain not in before or before[one.chain].last_contact_ms < at_ms
        if one.chain in known and is_later:
            found.append(Contact(**msgspec.structs.asdict(one) | {"last_contact_ms": at_ms}))
    return found


def heard_since(connection: Connection, told_ms: int) -> list[Heard]:
    """The contacts of a station since then, the earliest first, as many as may be told at once."""
    since = [one for one in devices.contacts(connection).values() if one.last_contact_ms > told_ms]
    first = sorted(since, key=lambda one: (one.last_contact_ms, one.chain))[:HEARD_MAX]
    kept = spool.by_chain(connection)
    return [
        Heard(**msgspec.structs.asdict(one) | {"kept": kept.get(one.chain, 0)}) for one in first
    ]


def learn(connection: Connection, reply: StationReply) -> bool:
    """Let devices in by these tokens and people by these logins, and nobody else; sessions of whoever's login changed
    end. Of devices that the organisation does not name yet nothing is kept: False when there was one.
    """
    is_whole = True
    known = {one.chain: one for one in devices.every(connection)}
    for token in reply.devices or ():
        device = known.get(token.chain)
        if device is None:
            is_whole = False
            continue
        now = msgspec.structs.replace(
            device,
            token_hash=token.token_hash,
            enrolled_at_ms=token.enrolled_at_ms,
            since_ms=token.since_ms,
            compromised_since_ms=token.compromised_since_ms,
        )
        if now != device:
            devices.save(connection, now)
    before = {one.person: one for one in _logins(connection)}
    after = {one.person: one for one in reply.logins or ()}
    changed = [
        person for person in before.keys() | after.keys() if before.get(person) != after.get(person)
    ]
    execute_in(connection, "DELETE FROM sessions WHERE person IN (?)", changed)
    execute_in(connection, "DELETE FROM credentials WHERE person IN (?)", changed)
    for person in changed:
        if (one := after.get(person)) is not None:
            execute(
                connection,
                "INSERT INTO credentials (person, login, password_hash, changed_at_ms)"
                " VALUES (?, ?, ?, ?)",
                (one.person, one.login, one.password_hash, one.changed_at_ms),
            )
    return is_whole


def _logins(connection: Connection) -> list[Login]:
    rows = query(
        connection,
        "SELECT person, login, password_hash, changed_at_ms FROM credentials ORDER BY person",
    )
    return [Login(bytes(person), login, kept, at_ms) for person, login, kept, at_ms in rows]
