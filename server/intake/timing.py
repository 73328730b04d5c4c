"""When the sets of an incident were signed, from the log alone (SPEC TM5 to TM9, TM14).

Responsible for gathering what `sync.time` judges by: what bounds a set from below, the receipts of it and of what
follows it in its chain, what stations say of when they had these, its neighbours, and the samples of its session.
Refuses to judge, and to know why anybody asks.

Nothing of this is stored but samples and stations' words: it follows from the log, and is read for the one incident
that is looked at.

Example: `times = timing.times(connection, story.items, Chains(connection))`; `times[op].grade` is 1.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import msgspec
from sqlalchemy import Connection

from server.intake import words
from server.intake.chains import Known, said_of_itself
from server.store import kept, samples
from server.store.devices import Device
from server.store.kept import Said
from server.store.rows import Row, query
from sync import changeset, rulings, time
from sync.changeset import ChangeSet, Header
from sync.clock import MS_MAX
from sync.fold import Item
from sync.samples import OBS, problem
from sync.time import Observed, Place, Signed, Timed

DAY_MS = 86_400_000
"""A sample further away by its own clock says less than a receipt: 200 ppm of a day are 17 s."""
BACK_SETS = 200
"""So far back a chain is walked for sets that a new sample says more about."""
DOUBTFUL = frozenset({"fork", "compromised"})


class Stored(msgspec.Struct, frozen=True):
    """One set at its place: its header (None where this version cannot read it) and the ruling that stands."""

    seq: int
    set_id: bytes
    arrival_no: int
    header: Header | None
    ruling: rulings.Ruling

    @property
    def received_at_ms(self) -> int:
        """When the centre had it."""
        return rulings.received_at_ms(self.ruling)


def times(
    connection: Connection, items: Iterable[Item], known: Known, until_ms: int = MS_MAX
) -> dict[bytes, Timed]:
    """When what each of these ops tells of happened, by op id; those that were not ruled are left out. By what had been
    received `until_ms`; of a chain that is in doubt by now all is in doubt."""
    by_chain: dict[bytes, list[Item]] = {}
    for item in items:
        if item.at_ms is not None:
            by_chain.setdefault(item.chain, []).append(item)
    found: dict[bytes, Timed] = {}
    for chain, of_chain in by_chain.items():
        device = known.device(chain)
        one = _OneChain(connection, chain, device, known, until_ms)
        if device is None or not device.is_desk or not device.in_use:
            one.read({item.seq for item in of_chain})
        signed: dict[bytes, Timed] = {}
        for item in of_chain:
            if item.set_prefix not in signed:
                signed[item.set_prefix] = one.signed(item)
            found[item.op] = time.told(signed[item.set_prefix], item.fields, item.user)
    return found


class _OneChain:
    """What is read of one chain for the sets of it that somebody asks about."""

    def __init__(
        self,
        connection: Connection,
        chain: bytes,
        device: Device | None,
        known: Known,
        until_ms: int,
    ) -> None:
        self._connection = connection
        self._chain = chain
        self._device = device
        self._known = known
        self._forked_at = known.forked_at(chain)
        self._until_ms = until_ms
        self._at: dict[int, list[Stored]] = {}
        self._early: list[tuple[int, int]] = []
        self._said: dict[bytes, list[Said]] = {}
        self._samples: dict[bytes, list[Observed]] = {}
        self._readings: dict[bytes, list[int]] = {}

    def read(self, seqs: set[int]) -> None:
        """Read these sets with their neighbours, which of what follows them had come before them, and what stations say
        of any of it."""
        for low, high in _stretches(seqs):
            for stored in _between(self._connection, self._chain, low - 1, high + 1):
                if stored.received_at_ms > self._until_ms:
                    continue
                self._at.setdefault(stored.seq, []).append(stored)
                if stored.header is not None and stored.seq in seqs:
                    session, m = stored.header.mono
                    self._readings.setdefault(session, []).append(m)
        arrivals = [one.arrival_no for seq in seqs for one in self._at.get(seq, ())]
        if arrivals:
            rows = query(
                self._connection,
                "SELECT seq, arrival_no FROM sets WHERE chain = ? AND seq > ? AND arrival_no < ?",
                (self._chain, min(seqs), max(arrivals)),
            )
            self._early = [(seq, arrival_no) for seq, arrival_no in rows]
            received_ms = max(one.received_at_ms for seq in seqs for one in self._at.get(seq, ()))
            said = kept.on_chain(self._connection, self._chain, min(seqs), max(seqs), received_ms)
            for word in words.counting(said, self._known):
                if word.received_at_ms <= self._until_ms:
                    self._said.setdefault(word.set_id, []).append(word)

    def signed(self, item: Item) -> Timed:
        """When the set of an item was signed."""
        assert item.at_ms is not None
        claimed_ms = min(int.from_bytes(item.eff[:6]), item.at_ms)
        is_desk = self._device is not None and self._device.is_desk
        stored = next(
            (
                one
                for one in self._at.get(item.seq, ())
                if one.set_id[: len(item.set_prefix)] == item.set_prefix
            ),
            None,
        )
        if is_desk and (stored is None or "lo" not in self._kept(stored)):
            return time.at_centre(claimed_ms, item.at_ms)
        assert stored is not None, "what has items was read"
        header = stored.header
        assert header is not None, "what has items was read"
        session, m = header.mono
        held_ms, said_ms = self._held_ms(stored)
        return time.timed(
            Signed(
                claimed_ms=claimed_ms,
                seq=stored.seq,
                place=Place(self._chain, session, m),
                wall_ms=header.wall_ms,
                lo_ms=_bound_in(self._kept(stored)),
                hi_ms=held_ms,
                before_m=self._beside(stored, -1),
                after_m=self._beside(stored, 1),
                is_forked="fork" in stored.ruling.payload["flags"] or self._is_forked(stored.seq),
                is_compromised=self._is_compromised(min((stored.received_at_ms, *said_ms))),
                said_ms=said_ms,
                own=self._own(stored),
            ),
            self._observed(session),
        )

    def _is_forked(self, seq: int) -> bool:
        return self._forked_at is not None and seq >= self._forked_at

    def _is_compromised(self, received_at_ms: int) -> bool:
        since_ms = None if self._device is None else self._device.compromised_since_ms
        return since_ms is not None and received_at_ms >= since_ms

    def _kept(self, stored: Stored) -> dict[str, Any]:
        """What was looked at when the set was ruled first: a later ruling of a person keeps none of it, and the set
        before it in its chain may be another writer's."""
        kept: dict[str, Any] | None = stored.ruling.payload.get("in")
        if kept is not None:
            return kept
        rows = query(
            self._connection,
            "SELECT r.bytes FROM entity_rulings e JOIN rulings r ON r.idx = e.idx"
            " WHERE e.entity = ? AND r.kind = 'set'",
            (stored.ruling.payload["e"],),
        )
        ruled = (rulings.read_ruling(bytes(raw)).payload for (raw,) in rows)
        return next((one["in"] for one in ruled if one["set"] == stored.set_id), {})

    def _held_ms(self, stored: Stored) -> tuple[int, tuple[int, ...]]:
        """The least receipt of it and of what follows it, as far as each names the one before; and by when stations say
        that they had any of these."""
        held_ms = stored.received_at_ms
        said_ms = self._said_of(stored)
        # What follows it was there later, as a rule: then it need not be read.
        best_ms = min(said_ms, default=MS_MAX)
        last = max(
            (
                *(seq for seq, no in self._early if seq > stored.seq and no < stored.arrival_no),
                *(
                    one.seq
                    for said in self._said.values()
                    for one in said
                    if one.seq > stored.seq and one.until_ms < best_ms and not one.is_own
                ),
            ),
            default=None,
        )
        if last is None:
            return held_ms, said_ms
        linked = {stored.set_id}
        for one in _between(self._connection, self._chain, stored.seq + 1, last):
            if one.header is not None and one.header.prev in linked:
                linked.add(one.set_id)
                held_ms = min(held_ms, one.received_at_ms)
                said_ms += self._said_of(one)
        return held_ms, said_ms

    def _said_of(self, stored: Stored) -> tuple[int, ...]:
        """By when stations say that they had this very set; without what lies before it can have been made."""
        lo_ms = _bound_in(self._kept(stored))
        least_ms = 0 if lo_ms is None else lo_ms - time.CENTRE_UNCERTAINTY_MS
        said = self._said.get(stored.set_id, ())
        return tuple(
            one.until_ms
            for one in said
            if one.seq == stored.seq and one.until_ms >= least_ms and not one.is_own
        )

    def _own(self, stored: Stored) -> time.Bounds | None:
        """What the station that wrote a set says of when that was."""
        for one in self._said.get(stored.set_id, ()):
            if one.is_own and one.seq == stored.seq:
                return time.Bounds(one.at_ms - one.unsure_ms, one.until_ms)
        return None

    def _beside(self, stored: Stored, step: int) -> int | None:
        """What the set before or after it read from the same clock."""
        assert stored.header is not None
        for one in self._at.get(stored.seq + step, ()):
            if one.header is None or one.header.mono[0] != stored.header.mono[0]:
                continue
            earlier, later = (one, stored) if step < 0 else (stored, one)
            assert later.header is not None
            if later.header.prev == earlier.set_id:
                return one.header.mono[1]
        return None

    def _observed(self, session: bytes) -> list[Observed]:
        if session not in self._samples:
            readings = self._readings[session]
            found = samples.between(
                self._connection,
                self._chain,
                session,
                max(0, min(readings) - DAY_MS),
                min(MS_MAX, max(readings) + DAY_MS),
            )
            self._samples[session] = [
                one
                for received_at_ms, one in found
                if received_at_ms <= self._until_ms
                and not self._is_forked(one.seq)
                and not self._is_compromised(received_at_ms)
            ]
        return self._samples[session]


def rows_of(change: ChangeSet, ruling: rulings.Ruling) -> list[Row]:
    """The samples that a ruled set puts into its own chain, as rows; none of one that does not count or is in doubt."""
    chain, received_at_ms = change.header.chain, rulings.received_at_ms(ruling)
    return [
        (
            chain,
            op["s"],
            op["m"],
            change.header.seq,
            received_at_ms,
            *(op[name] for name in ("lo", "hi", "wall", "n", "fell", "gap")),
        )
        for op in said_of_itself(change, ruling, DOUBTFUL)
        if op["t"] == OBS and problem(op) is None
    ]


def told_more_of(connection: Connection, rows: Sequence[Row]) -> set[bytes]:
    """The incidents about which these samples, just written down, may say when things happened: those with sets of the
    session since its last sample before (TM6)."""
    found: set[bytes] = set()
    for chain, session, seq in {(row[0], row[1], row[3]) for row in rows}:
        since_m = samples.newest_before(connection, chain, session, seq) or 0
        for entity, envelope in query(
            connection,
            "SELECT entity, envelope FROM sets WHERE chain = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
            (chain, seq, BACK_SETS),
        ):
            header = _header(bytes(envelope))
            if header is None or header.mono[0] != session:
                continue
            if header.mono[1] < since_m:
                break
            if entity is not None and bytes(entity) != chain:
                found.add(bytes(entity))
    return found


def _stretches(seqs: set[int]) -> list[tuple[int, int]]:
    """Places that lie close together, as (first, last)."""
    ordered = sorted(seqs)
    cuts = [0, *(at for at, (a, b) in enumerate(pairwise(ordered), 1) if b - a > 3), len(ordered)]
    return [(ordered[a], ordered[b - 1]) for a, b in pairwise(cuts)]


def _between(connection: Connection, chain: bytes, low: int, high: int) -> list[Stored]:
    rows: Sequence[Any] = query(
        connection,
        "SELECT s.seq, s.set_id, s.arrival_no, s.envelope, r.bytes FROM sets s"
        " JOIN rulings r ON r.idx = s.idx WHERE s.chain = ? AND s.seq BETWEEN ? AND ?"
        " ORDER BY s.seq, s.arrival_no",
        (chain, low, high),
    )
    return [
        Stored(seq, bytes(set_id), no, _header(bytes(envelope)), rulings.read_ruling(bytes(ruling)))
        for seq, set_id, no, envelope, ruling in rows
    ]


def _header(envelope: bytes) -> Header | None:
    """The header of a stored set; None where a newer version wrote it."""
    try:
        return changeset.header_of(envelope)
    except msgspec.MsgspecError:
        return None


def _bound_in(kept: dict[str, Any]) -> int | None:
    """The lower bound among the facts of a ruling, also one that lies after the receipt."""
    bound: int | None = kept.get("ahead", kept.get("lo"))
    return bound
