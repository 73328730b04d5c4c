"""Gathering the evidence of one incident into one file (XP1).

Responsible for reading the whole log again, hashing every entry, and picking out what belongs to the incident and what
is needed to know its keys and names. Refuses to write anything into the database, and to hand out a file that its own
judge finds fault with: then something was altered behind the centre's back, and the findings say what.

Example: `export = Exporter(db, signer, clock); data = await export.incident(incident_id)`.
"""

import asyncio
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import msgspec
from sqlalchemy import Connection

from server import __version__, keys
from server.now import Clock
from server.proof.memory import MovedError
from server.proof.signer import Looked, RefusedError, Signer
from server.proof.tree import BrokenEntryError, StoredTree, entries
from server.store import proofs
from server.store import sets as sets_stored
from server.store.engine import Database
from server.store.proofs import Signed
from sync import canon, changeset, merkle, rulings
from sync.changeset import ChangeSet
from sync.evidence import check, file
from sync.evidence.file import Chain, Content, Entry
from sync.evidence.report import KIND_FORK, Finding
from sync.merkle import Levels
from sync.rulings import Ruling

TRIES = 5  # another process may sign between looking and signing
ALL_ENTRIES = canon.INT_MAX
BY = f"ortoo/{__version__}"
# Rows of the organisation that a reader needs: whose key, whose name, where.
NAMED = frozenset({"people", "devices", "stations", "units", "vehicles"})
ID_BYTES = 16


class UnknownIncidentError(LookupError):
    """Nothing was ever ruled about this incident."""


class UnsoundError(Exception):
    """What is stored is not what was signed, by the author or by the centre: no file is made of it."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__(f"{len(findings)} findings")
        self.findings = findings


class Exporter:
    """Makes evidence files."""

    def __init__(self, db: Database, signer: Signer, clock: Clock) -> None:
        self._db = db
        self._signer = signer
        self._clock = clock

    async def incident(self, incident: bytes) -> bytes:
        """The file of one incident, under a checkpoint that covers all that was ruled about it until now.

        Raises UnknownIncidentError, UnsoundError, and RefusedError when the log may not be signed.
        """
        looked, signed = await self._covered()
        content = await self._db.reading(
            gather, incident, looked, signed, at_ms=self._clock.now_ms()
        )
        key = self._signer.own_key()
        assert key is not None, "looked at by the holder of the key"
        content = msgspec.structs.replace(content, pub=key.public)
        data = file.write(content, name=signed.origin, sign=key.sign)
        report = check.check(data, verify=keys.verify, key=key.public)
        if report.findings:
            raise UnsoundError(report.findings)
        return data

    async def _covered(self) -> tuple[Looked, Signed]:
        """A checkpoint over the whole log: the newest one when that is it, else a new one."""
        for _ in range(TRIES):
            looked = await self._db.reading(self._signer.look, ALL_ENTRIES)
            try:
                signed = await asyncio.to_thread(self._signer.sign, looked, self._clock.now_ms())
            except MovedError:
                continue
            except OSError as error:
                raise RefusedError("log_not_kept", str(error)) from error
            return looked, signed
        raise RefusedError("log_not_kept", "other processes keep signing; try again")


def gather(
    connection: Connection, incident: bytes, looked: Looked, signed: Signed, *, at_ms: int
) -> Content:
    """Everything the file holds. Raises UnknownIncidentError, and RefusedError for a log that is not as signed."""
    leaves: list[bytes] = []
    about: list[tuple[Ruling, bytes]] = []
    context: list[tuple[Ruling, bytes]] = []
    n, head = 0, rulings.ENTITY_HEAD_ZERO
    try:
        for ruling, raw, leaf in entries(connection, 0, signed.size):
            leaves.append(leaf)
            if ruling.payload.get("e") == incident:
                about.append((ruling, raw))
                n, head = n + 1, rulings.entity_head(head, leaf)
            elif ruling.kind in {rulings.KIND_ORG, KIND_FORK}:
                context.append((ruling, raw))
    except BrokenEntryError as error:
        raise RefusedError("log_changed", str(error)) from error
    tree = Levels(leaves)
    if tree.root() != signed.root:
        found = StoredTree(connection).differing_tile(signed.size)
        where = f"entry {found}" if found else f"one of the first {signed.size} entries"
        raise RefusedError("log_changed", f"{where} is not what was signed")
    if not about:
        raise UnknownIncidentError(incident.hex())
    sets = _sets(connection, [ruling for ruling, _raw in about])
    chains = _chains(connection, sets)
    server = looked.head.server_id
    wanted = _wanted(about, sets, context, server)
    kept = sorted([*about, *wanted], key=lambda one: one[0].idx)
    return Content(
        at_ms=at_ms,
        by=BY,
        entity=incident,
        server=server,
        epoch=looked.head.epoch,
        pub=bytes(32),  # the sealer's own
        checkpoint=signed.note,
        n=n,
        head=head,
        entries=[
            Entry(raw, merkle.inclusion_proof(ruling.idx - 1, signed.size, tree.node))
            for ruling, raw in kept
        ],
        sets=[raw for raw, _change in sets],
        chains=chains,
    )


def _sets(connection: Connection, about: Iterable[Ruling]) -> list[tuple[bytes, ChangeSet | None]]:
    """The envelopes of the ruled sets, in the order they were first ruled on; what is not there is left out, and the
    judge will miss it.
    """
    found: dict[bytes, tuple[bytes, ChangeSet | None]] = {}
    for ruling in about:
        if ruling.kind not in rulings.DECIDING or ruling.payload["set"] in found:
            continue
        set_id, chain, seq = (ruling.payload[name] for name in ("set", "chain", "seq"))
        raw = proofs.envelope(connection, chain, seq, set_id)
        if raw is not None:
            change = changeset.read(raw)
            found[set_id] = raw, change if isinstance(change, ChangeSet) else None
    return list(found.values())


def _chains(connection: Connection, sets: list[tuple[bytes, ChangeSet | None]]) -> list[Chain]:
    """For every chain its first set, and short runs of sets in between without their bodies."""
    seqs: dict[bytes, set[int]] = {}
    for _raw, change in sets:
        if change is not None:
            seqs.setdefault(change.header.chain, set()).add(change.header.seq)
    openings = sets_stored.openings(connection, sorted(seqs))
    made: list[Chain] = []
    for chain in sorted(openings):
        links: list[tuple[bytes, bytes]] = []
        for before, after in pairwise(sorted(seqs[chain])):
            if 1 < after - before <= file.LINKS_BETWEEN_MAX:
                links += _between(connection, chain, before, after)
        made.append(Chain(openings[chain], links))
    return made


def _between(
    connection: Connection, chain: bytes, before: int, after: int
) -> list[tuple[bytes, bytes]]:
    """What stands between two seqs, but for what follows on nothing that is held: it would tie nothing together."""
    found: list[tuple[bytes, bytes]] = []
    held: set[bytes | None] = set()
    for raw in proofs.envelopes(connection, chain, before, after - 1):
        change = changeset.read(raw)
        held.add(change.set_id)
        if isinstance(change, ChangeSet):
            header = change.header
            if header.seq > before and header.prev in held:
                found.append((change.header_bytes, change.signature))
    return found


def _wanted(
    about: list[tuple[Ruling, bytes]],
    sets: list[tuple[bytes, ChangeSet | None]],
    context: list[tuple[Ruling, bytes]],
    server: bytes,
) -> list[tuple[Ruling, bytes]]:
    """Rulings on keys and names that the incident's sets and rulings speak of, and what those speak of in turn."""
    ids: set[bytes] = set()
    for ruling, _raw in about:
        _ids_in(ruling.payload, ids)
    for _raw, change in sets:
        if change is not None:
            ids |= {change.header.chain, change.header.user}
            _ids_in(list(change.body.ops) if change.body else [], ids)
    wanted: dict[int, tuple[Ruling, bytes]] = {}
    grown = True
    while grown:
        grown = False
        for ruling, raw in context:
            if ruling.idx not in wanted and _is_named(ruling, ids, server):
                wanted[ruling.idx] = ruling, raw
                before = len(ids)
                _ids_in(ruling.payload.get("row"), ids)
                grown = grown or len(ids) > before
    return list(wanted.values())


def _is_named(ruling: Ruling, ids: set[bytes], server: bytes) -> bool:
    if ruling.kind == KIND_FORK:
        return ruling.payload["chain"] in ids
    what, row_id = ruling.payload["what"], ruling.payload["id"]
    return row_id == server or (what in NAMED and row_id in ids)


def _ids_in(value: Any, ids: set[bytes]) -> None:
    """Every 16-byte string anywhere in a value: ids have no other mark."""
    if isinstance(value, bytes):
        if len(value) == ID_BYTES:
            ids.add(value)
    elif isinstance(value, dict):
        for item in value.values():
            _ids_in(item, ids)
    elif isinstance(value, list | tuple):
        for item in value:
            _ids_in(item, ids)
