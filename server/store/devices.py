"""Devices: who holds which key, and what each was last heard to say.

Responsible for the record of a device, its chain's progress and its last contact. Refuses to judge
a device's sets and to make or check tokens: it stores and compares their hashes.

Example: `by_token(connection, sha256(token))` is the device behind a bearer token, or None.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from server.store import tables
from server.store.rows import query, query_in, upsert


class Device(msgspec.Struct, frozen=True):
    """One app installation. `person` is None for a desk chain of the centre itself, and of a station."""

    chain: bytes
    person: bytes | None
    alg: str
    pub: bytes
    label: str
    app: str
    token_hash: bytes | None
    enrolled_at_ms: int
    revoked_at_ms: int | None = None
    revoked_why: str | None = None
    compromised_since_ms: int | None = None  # in other hands from then on (AU6)
    continues: bytes | None = None  # the chain it took the place of (FK5)
    continued_by: bytes | None = None  # the chain that took its place
    since_ms: int | None = (
        None  # a chain that waited for another's place is older than its enrolment
    )
    station: bytes | None = None  # whose own chain this is (HB1)
    seal: bytes | None = None  # the key that files for that station are sealed to (BU9)

    @property
    def oldest_ms(self) -> int:
        """When its sets were made at the earliest (AU3)."""
        return self.enrolled_at_ms if self.since_ms is None else self.since_ms

    @property
    def is_desk(self) -> bool:
        """Whether it is a desk chain of the centre itself."""
        return self.person is None and self.station is None

    @property
    def in_use(self) -> bool:
        """Whether this record is still expected to be heard of."""
        return self.revoked_at_ms is None and self.continued_by is None

    def public(self) -> dict[str, Any]:
        """What every device may know of this one: whose key it is and whether it still counts."""
        row: dict[str, Any] = {"alg": self.alg, "pub": self.pub, "label": self.label}
        if self.person is not None:
            row["person"] = self.person
        if self.station is not None:
            row["station"] = self.station
        if self.seal is not None:
            row["seal"] = self.seal
        if self.revoked_at_ms is not None:
            row["revoked_at_ms"] = self.revoked_at_ms
        if self.continues is not None:
            row["continues"] = self.continues
        if self.continued_by is not None:
            row["continued_by"] = self.continued_by
        return row


class ChainHead(msgspec.Struct):
    """How much of a chain is held: contiguous up to `have` (-1: nothing), greatest `top`.

    From seq `forked_at` on it has two writers (FK2).
    """

    have: int = -1
    have_set: bytes | None = None
    top: int = -1
    stored: int = 0
    forked_at: int | None = None

    def fork_from(self, seq: int) -> bool:
        """Note two writers from `seq` on; False when that was known."""
        if self.forked_at is not None and self.forked_at <= seq:
            return False
        self.forked_at = seq
        return True


class Contact(msgspec.Struct, frozen=True):
    """What a device said at its last hello, and when it was last heard at all. `storage`: percent that is used of what
    it may store. `kept`: so many sets of its chain a station keeps for the centre, as that said."""

    chain: bytes
    last_contact_ms: int
    pending: int
    oldest_ms: int | None
    clock_offset_ms: int | None  # server minus device
    head: int
    app: str
    storage: int | None = None
    kept: int = 0


_COLUMNS = (
    "chain, person, alg, pub, label, app, token_hash, enrolled_at_ms, revoked_at_ms, revoked_why,"
    " compromised_since_ms, continues, continued_by, since_ms, station, seal"
)


_HEAD = "have, have_set, top, stored, forked_at"


def _device(row: Any) -> Device:
    (
        chain,
        person,
        alg,
        pub,
        label,
        app,
        token_hash,
        enrolled,
        revoked,
        why,
        since,
        before,
        after,
        oldest,
        station,
        seal,
    ) = row
    return Device(
        chain=bytes(chain),
        person=None if person is None else bytes(person),
        alg=alg,
        pub=bytes(pub),
        label=label,
        app=app,
        token_hash=None if token_hash is None else bytes(token_hash),
        enrolled_at_ms=enrolled,
        revoked_at_ms=revoked,
        revoked_why=why,
        compromised_since_ms=since,
        continues=None if before is None else bytes(before),
        continued_by=None if after is None else bytes(after),
        since_ms=oldest,
        station=None if station is None else bytes(station),
        seal=None if seal is None else bytes(seal),
    )


def by_chain(connection: Connection, chain: bytes) -> Device | None:
    """The device of this chain."""
    rows = query(connection, f"SELECT {_COLUMNS} FROM devices WHERE chain = ?", (chain,))  # noqa: S608  our own words
    return _device(rows[0]) if rows else None


def by_token(connection: Connection, token_hash: bytes) -> Device | None:
    """The device whose bearer token has this SHA-256."""
    rows = query(connection, f"SELECT {_COLUMNS} FROM devices WHERE token_hash = ?", (token_hash,))  # noqa: S608  our own words
    return _device(rows[0]) if rows else None


def every(connection: Connection) -> list[Device]:
    """All devices, newest first."""
    rows = query(connection, f"SELECT {_COLUMNS} FROM devices ORDER BY enrolled_at_ms DESC, chain")  # noqa: S608  our own words
    return [_device(row) for row in rows]


def save(connection: Connection, device: Device) -> None:
    """Add the device or replace its record."""
    upsert(connection, tables.devices, [msgspec.structs.astuple(device)])


def by_chains(connection: Connection, chains: Sequence[bytes]) -> dict[bytes, Device]:
    """The devices of these chains; those never enrolled are left out."""
    rows = query_in(connection, f"SELECT {_COLUMNS} FROM devices WHERE chain IN (?)", chains)  # noqa: S608  our own words
    return {device.chain: device for device in map(_device, rows)}


def heads(connection: Connection, chains: Sequence[bytes]) -> dict[bytes, ChainHead]:
    """Progress of these chains; those never heard of are left out."""
    rows = query_in(
        connection,
        f"SELECT chain, {_HEAD} FROM chain_heads WHERE chain IN (?)",  # noqa: S608  our own words
        chains,
    )
    return {bytes(chain): ChainHead(*rest) for chain, *rest in rows}


def all_heads(connection: Connection) -> dict[bytes, ChainHead]:
    """Progress of every chain."""
    rows = query(connection, f"SELECT chain, {_HEAD} FROM chain_heads")  # noqa: S608  our own words
    return {bytes(chain): ChainHead(*rest) for chain, *rest in rows}


def touch(connection: Connection, contacts: list[Contact]) -> None:
    """Note what devices said at hello."""
    upsert(connection, tables.contacts, [msgspec.structs.astuple(contact) for contact in contacts])


def contacts(connection: Connection) -> dict[bytes, Contact]:
    """What every device last said, by chain; what has arrived since is no longer counted as pending."""
    rows = query(
        connection,
        "SELECT c.chain, c.last_contact_ms, c.pending, c.oldest_ms, c.clock_offset_ms, c.head, c.app,"
        " c.storage, c.kept, COALESCE(h.have, -1), d.station FROM contacts c"
        " LEFT JOIN chain_heads h ON h.chain = c.chain LEFT JOIN devices d ON d.chain = c.chain",
    )
    found: dict[bytes, Contact] = {}
    for (
        chain,
        last_ms,
        pending,
        oldest_ms,
        offset_ms,
        head,
        app,
        storage,
        kept,
        have,
        station,
    ) in rows:
        # What a station holds is of many chains, and is not counted by its own.
        owed = min(pending, max(head - have, 0)) if station is None else pending
        found[bytes(chain)] = Contact(
            bytes(chain),
            last_ms,
            owed,
            oldest_ms if owed else None,
            offset_ms,
            head,
            app,
            storage,
            min(kept, owed),
        )
    return found
