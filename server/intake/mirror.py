"""What a station takes over from its centre: pages of scopes, byte for byte (SPEC HB2).

Responsible for taking in the pages of one pull whole or not at all: dense, with the heads that they should have, every
set signed by its chain's key. The centre is believed what it rules and nothing else. Refuses to ask for pages, and to
say what a station thinks itself.

A set that its author did not sign by itself, but with what followed it, is left out (CS6): the line about it stands.

Where a page stands follows from the scope it is of: the row of the scope is the cursor. What was taken in already is
left alone, so a reply may come twice, late, or from another station's centre by mistake of a proxy.

Example: `await intake.transaction(lambda batch: mirror(batch, reply))`, asked with `cursors(connection, names)`.
"""

import logging
from collections.abc import Sequence
from typing import Final

import msgspec

from server.intake import organisation
from server.intake.batch import Batch
from server.intake.hub import HubBatch
from server.intake.keyring import stored_keys
from server.intake.pages import Entry, MirrorError, fitting, read
from server.intake.redact import ERASE
from server.intake.verify import Incoming, opening_key, read_one, verify_all
from server.store import outbox, scopes, sets, spool, upstream
from server.store.rows import query
from server.store.scopes import ORG, Scope
from sync import changeset, exchange, forks, rulings
from sync.changeset import ChangeSet
from sync.rulings import Ruling

NOBODY: Final = b""
"""No author: who hands a page on vouches for no signature."""
_log = logging.getLogger("ortoo.upstream")

Place = tuple[bytes, int, bytes]
"""Chain, seq and set id."""


class Kept(msgspec.Struct):
    """A stored set: where it stands, which ruling decides, and its bytes."""

    arrival_no: int
    idx: int
    envelope: bytes


def mirror(batch: Batch, reply: exchange.PullReply) -> None:
    """Take a reply to a pull in. Raises MirrorError."""
    assert isinstance(batch, HubBatch), "only stations mirror"
    connection = batch.connection
    held = scopes.by_name(connection, [page.scope for page in reply.scopes])
    pages: list[tuple[Scope, bool, list[Entry]]] = []
    for page in reply.scopes:
        scope = batch.memory.scope(connection, page.scope)
        entries = fitting(connection, scope, page)
        before = held.get(page.scope)
        if entries or (entries is not None and (before is None or before.epoch != scope.epoch)):
            pages.append((scope, page.to == page.n, entries))
    if pages:
        batch.ledger.move_on()
        _Taking(batch).take(pages)
    known = upstream.read(connection)
    if known is not None and reply.size >= known.size:
        heard = msgspec.structs.replace(
            known,
            size=reply.size,
            leaf=reply.leaf,
            beacon=reply.beacon or known.beacon,
            told_at_ms=reply.now_ms,
            heard_at_ms=batch.at_ms,
        )
        upstream.save(connection, heard)


def answered(batch: Batch, owed: Sequence[int], reply: exchange.PushReply) -> None:
    """Take in what the centre answered to the sets of these arrival numbers: what it keeps is owed no longer once its
    ruling is here, and that comes with the answer (HB7). Raises MirrorError.
    """
    assert isinstance(batch, HubBatch), "only stations hand sets up"
    told = [(no, one.r, one.why) for no, one in zip(owed, reply.results, strict=True)]
    spool.handed(batch.connection, told, batch.at_ms)
    batch.ledger.move_on()
    _Taking(batch).settle(reply.rulings)
    spool.paid(batch.connection, owed, rulings.PROVISIONAL_FROM)


def proved(batch: Batch, told: Sequence[bytes]) -> int:
    """Take in rulings on sets that are proved to be in the centre's log, whoever brought them; of sets that are not
    here nothing is learned (HB13). Gives how many sets are owed no longer. Raises MirrorError.
    """
    assert isinstance(batch, HubBatch), "only stations mirror"
    batch.ledger.move_on()
    taking = _Taking(batch)
    taking.settle(told)
    return taking.settled


class _Taking:
    """The pages of one reply on their way into the tables."""

    def __init__(self, batch: HubBatch) -> None:
        self._batch = batch
        self._connection = batch.connection
        self._kept: dict[Place, Kept] = {}
        self._incidents: set[bytes] = set()
        self._to_note: set[tuple[bytes, int]] = set()  # what chains say there is to be read again
        self.settled = 0  # sets that were owed until now

    def take(self, pages: Sequence[tuple[Scope, bool, list[Entry]]]) -> None:
        """Take pages in: the scope that each goes on with, whether that is then whole, and what it lists."""
        batch = self._batch
        for scope, is_whole, entries in pages:
            if is_whole:  # until then the line may still come that says why
                self._nothing_withheld(scope.name, entries)
            if scope.name == ORG and entries:
                organisation.take(self._connection, entries, is_whole=is_whole)
                batch.memory.org_changed(self._connection, batch.ledger.idx)
        self._rule_all([one for _scope, _whole, entries in pages for one in entries])
        for scope, _whole, entries in pages:
            for one in entries:
                scope.n, scope.head = one.n, one.head
                listed = (one.n, one.ruling.idx, self._arrival_no(one), one.head)
                batch.ledger.list_mirrored(scope, listed)
                if (entity := rulings.leaving(one.ruling, scope.name)) is not None:
                    batch.ledger.leave(scope, entity)
                    batch.left(entity)
                    self._erase(entity)
            batch.ledger.move(scope)
        self.finish()

    def _nothing_withheld(self, name: str, entries: list[Entry]) -> None:
        """Only what has left a scope since is told there without its set (SC6)."""
        left: set[bytes | None] = set()
        for one in reversed(entries):
            left.add(rulings.leaving(one.ruling, name))
            is_bare = one.ruling.kind in rulings.DECIDING and one.envelope is None
            if is_bare and one.ruling.payload["e"] not in left and self._stored(one) is None:
                raise MirrorError(f"ruling {one.ruling.idx} came without its set")

    def settle(self, told: Sequence[bytes]) -> None:
        """Take in rulings on sets that are here, ahead of the pages that list them."""
        entries = [Entry(0, raw, read(raw), None, b"") for raw in told]
        self._rule_all([one for one in entries if self._stored(one) is not None])
        self.finish()

    def finish(self) -> None:
        """Have everything follow from what was taken in."""
        self._batch.note_again(self._to_note)
        self._batch.fold_anew(sorted(self._incidents))

    def _rule_all(self, entries: list[Entry]) -> None:
        # Of a line that one scope tells with its set and another without, the whole one.
        told = sorted(entries, key=lambda one: one.envelope is not None)
        every = {one.ruling.idx: one for one in told}
        known = {idx: raw for idx, _at_ms, raw in sets.rulings_at(self._connection, list(every))}
        for idx, raw in known.items():
            if every[idx].raw != raw:
                raise MirrorError(f"ruling {idx} was another one before")
        coming = [
            one for idx, one in sorted(every.items()) if idx not in known or self._is_open(one)
        ]
        again = [every[idx] for idx in known if self._is_other(every[idx])]
        found = self._verified(coming + again)
        for one in coming:
            self._rule(one, found, is_known=one.ruling.idx in known)
        for one in again:
            if one.ruling.payload["set"] in found:
                self._replace(one)

    # ---- sets ------------------------------------------------------------------------------------

    def _verified(self, coming: list[Entry]) -> dict[bytes, Incoming]:
        """The sets that come with these rulings and are not here byte for byte, by id; each is what its ruling says
        and signed by its chain's key, where that is known. One that is not by itself (CS6) is left out: what its author
        signed with what follows came in parts, and must keep nothing else back.
        """
        fresh: dict[bytes, bytes] = {}
        for one in coming:
            if one.ruling.kind not in rulings.DECIDING:
                continue
            kept = self._stored(one)
            if one.envelope is not None and (kept is None or kept.envelope != one.envelope):
                fresh[one.ruling.payload["set"]] = one.envelope
        read = [read_one(raw) for raw in fresh.values()]
        chains = {one.chain for one in read if isinstance(one, Incoming)}
        keys = stored_keys(self._connection, sorted(chains))
        for opening in read:
            if isinstance(opening, Incoming) and (key := opening_key(opening)) is not None:
                keys.setdefault(opening.chain, key)
        found: dict[bytes, Incoming] = {}
        for named, unsure in zip(fresh, read, strict=True):
            if not isinstance(unsure, Incoming) or unsure.set_id != named:
                raise MirrorError(f"with {named.hex()} came not the set that was ruled on")
        for named, checked in zip(fresh, verify_all(read, keys.get, NOBODY), strict=True):
            if isinstance(checked, Incoming):
                found[named] = checked
            else:
                _log.warning("a set is not signed by itself", extra={"set": named.hex()})
        return found

    def _rule(self, one: Entry, found: dict[bytes, Incoming], *, is_known: bool) -> None:
        """Take one ruling in that is not known here, or only without its set."""
        batch, ruling, entity = self._batch, one.ruling, one.ruling.payload.get("e")
        if not is_known:
            batch.ledger.add_ruling(ruling, one.raw)
        if ruling.kind in rulings.DECIDING:
            coming = found.get(ruling.payload["set"])
            if coming is None and self._stored(one) is None:
                return  # about what has left this scope (SC6), and not for us; or nothing shows whose it is
            self._decide(one, coming)
        elif ruling.kind == forks.KIND_FORK:
            batch.ruled_anew(ruling.payload["chain"], ruling.payload["seq"])
        elif entity is not None:
            batch.ledger.add_beside(entity, ruling.idx)
            batch.ledger.leave_beside(ruling.payload.get("del", ()), entity)
        if entity is not None and entity != ruling.payload.get("chain"):
            self._incidents.add(entity)

    def _decide(self, one: Entry, coming: Incoming | None) -> None:
        """Let a ruling decide about its set, unless a newer one does."""
        batch, ruling, said = self._batch, one.ruling, one.ruling.payload
        place: Place = (said["chain"], said["seq"], said["set"])
        kept = self._stored(one)
        held = b"" if kept is None else kept.envelope
        raw = _without_words(ruling, held if coming is None else coming.raw)
        if kept is None:
            batch.ledger.arrival_no += 1
            kept = self._kept[place] = Kept(batch.ledger.arrival_no, ruling.idx, raw)
            received_at_ms = rulings.received_at_ms(ruling)
            batch.ledger.keep_set(
                (
                    kept.arrival_no,
                    said["set"],
                    *place[:2],
                    said["e"],
                    ruling.idx,
                    received_at_ms,
                    raw,
                )
            )
            batch.chain_moved(*place)
            if coming is not None and coming.change is not None:
                batch.moments.note(coming.change, ruling)
            return
        if not rulings.stands_over(ruling.idx, kept.idx):
            if said["e"] is not None:
                batch.ledger.add_beside(said["e"], ruling.idx)
            return
        batch.ledger.write_log()
        sets.rule_again(self._connection, kept.arrival_no, ruling.idx, raw, said["e"])
        if rulings.is_provisional(kept.idx):
            spool.remove(self._connection, [kept.arrival_no])
            self.settled += 1
        else:
            batch.ledger.pass_over(read(batch.ledger.ruling(kept.idx)))
        if said["d"] not in rulings.COUNTED:
            self._tell_beside(one, kept.arrival_no)
        if ruling.kind == rulings.KIND_REDACT:
            self._erase(said["e"] or said["chain"])
        kept.idx, kept.envelope = ruling.idx, raw
        batch.ruled_anew(said["chain"])
        if said["e"] == said["chain"]:
            self._to_note.add((said["chain"], said["seq"]))

    def _is_open(self, one: Entry) -> bool:
        """Whether a known ruling has not decided about its set: it was told without it (SC6), and now that has come."""
        if one.ruling.kind not in rulings.DECIDING:
            return False
        kept = self._stored(one)
        if kept is None:
            return one.envelope is not None
        return rulings.stands_over(one.ruling.idx, kept.idx)

    def _is_other(self, one: Entry) -> bool:
        """Whether the set of a known ruling comes in other bytes: its words went, or came back after a loss."""
        if one.ruling.kind not in rulings.DECIDING or one.envelope is None:
            return False
        kept = self._stored(one)
        return kept is not None and kept.idx == one.ruling.idx and kept.envelope != one.envelope

    def _replace(self, one: Entry) -> None:
        kept, entity = self._stored(one), one.ruling.payload["e"]
        assert kept is not None
        assert one.envelope is not None
        kept.envelope = one.envelope
        sets.rule_again(self._connection, kept.arrival_no, kept.idx, kept.envelope, entity)
        if entity is not None:
            self._incidents.add(entity)
            self._erase(entity)

    def _erase(self, entity: bytes) -> None:
        """Have what lies under the tables cleaned, and what screens remember forgotten."""
        batch = self._batch
        batch.afterwards(outbox.add(self._connection, ERASE, entity, batch.at_ms))

    def _tell_beside(self, one: Entry, arrival_no: int) -> None:
        """What was shown as provisional and does not count is told where it was shown: nothing else will say so there
        (HB3)."""
        own = scopes.thought_in(self._connection, arrival_no)
        names = [rulings.inside(name) for name in own]
        leaf = rulings.leaf_hash(one.raw)
        self._batch.ledger.list_in(names, one.ruling.idx, arrival_no, leaf)

    def _arrival_no(self, one: Entry) -> int | None:
        """Under which number the set of an entry is stored; None where it is listed without one."""
        if one.ruling.kind not in rulings.DECIDING or one.envelope is None:
            return None
        kept = self._stored(one)
        return None if kept is None else kept.arrival_no

    def _stored(self, one: Entry) -> Kept | None:
        said = one.ruling.payload
        place: Place = (said["chain"], said["seq"], said["set"])
        if place not in self._kept:
            rows = query(
                self._connection,
                "SELECT arrival_no, idx, envelope FROM sets WHERE chain = ? AND seq = ? AND set_id = ?",
                place,
            )
            if not rows:
                return None
            self._kept[place] = Kept(rows[0][0], rows[0][1], bytes(rows[0][2]))
        return self._kept[place]


def _without_words(ruling: Ruling, raw: bytes) -> bytes:
    """The bytes to keep of a set: those that came, without the body once it was redacted (RD1)."""
    if ruling.kind != rulings.KIND_REDACT:
        return raw
    found = changeset.read(raw)
    return changeset.without_body(found) if isinstance(found, ChangeSet) else raw
