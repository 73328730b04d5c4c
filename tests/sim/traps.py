"""Known ways to get this wrong, each as a switch that puts the fault back: in the Python code while the switch is on,
in the TypeScript code of a bundle made for it.

Responsible for the faults, for worlds in which they are likely to matter, and for which invariant should say so.
Refuses to run anything. The numbers are those of the thirty traps listed in `docs/simulator.md`, 0 for one of our own.

Example: `with TRAPS["far-ahead stamps are believed"].laid(): World(3, tools).run().broken` is I18, sooner or later.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from unittest.mock import patch

import msgspec

from server.fleet.device import Device
from server.fleet.vault import Cursor
from server.intake import batch, judge
from server.intake.batch import Batch
from server.intake.memory import Memory
from server.intake.verify import Incoming
from server.proof.signer import Signer
from server.store import scopes, snapshots, tables
from sync import canon, changeset, clock, exchange, time, verdict
from sync.clock import Stamp
from sync.exchange import PushResult
from sync.incident import admit
from sync.snapshot import Gathered
from sync.time import Observed
from tests.sim.node import Edit

Laid = Callable[[], AbstractContextManager[Any]]


class Trap(msgspec.Struct, frozen=True):
    """One fault. `faults`: what a world must know for it to matter; `caught_by`: invariants that may find it; `first`:
    the first of forty worlds, near the one that finds it.
    """

    number: int
    caught_by: frozenset[int]
    faults: dict[str, float] = {}
    edits: tuple[Edit, ...] = ()
    laid: Laid = nullcontext
    first: int = 0


def _wrap(owner: Any, name: str, around: Callable[..., Any]) -> Laid:
    """A switch that lets `around(original, *given)` stand in for a function or method."""

    def laid() -> AbstractContextManager[Any]:
        original = getattr(owner, name)

        def instead(*given: Any, **named: Any) -> Any:
            return around(original, *given, **named)

        return patch.object(owner, name, instead)

    return laid


# ---- clocks --------------------------------------------------------------------------------------


def _refuses(original: Any, last: Stamp, wall_ms: int, offset_ms: int | None) -> Any:
    if last.ms - clock.physical_ms(wall_ms, offset_ms) > clock.ahead_ms(offset_ms):
        raise OverflowError("the clock runs ahead")
    return original(last, wall_ms, offset_ms)


def _unclamped(_original: Any, hlc: bytes, _at_ms: int, _floor: bytes | None = None) -> bytes:
    return hlc


def _upper_from_before(
    original: Any, m: int, before: Sequence[Observed], after: Sequence[Observed]
) -> Any:
    """A clock that never stands still would make it right."""
    bounds = original(m, before, after)
    since = [one.hi_ms + (m - one.m) * 5_001 // 5_000 + 1 for one in before]
    return msgspec.structs.replace(bounds, hi_ms=min(since)) if since else bounds


def _met_unless_excluded(original: Any, pair: Any, limit: verdict.Limit, grade: int) -> Any:
    start, end = pair.start.timed.proved(grade), pair.end.timed.proved(grade)
    if start.hi_ms is None or end.lo_ms is None:
        return original(pair, limit, grade)
    return limit.due(start.hi_ms) - end.lo_ms


# ---- the intake ----------------------------------------------------------------------------------


def _refused(one: Incoming) -> PushResult:
    return PushResult(r=exchange.MALFORMED, id=one.set_id, why="trap")


def _second_writer_refused(original: Any, self: Batch, one: Incoming, at_ms: int) -> Any:
    standing = self._standing.at(self._memory.chain(self.connection, one.chain), one.chain, one.seq)
    if standing and all(set_id != one.set_id for set_id, _idx in standing):
        return _refused(one)
    return original(self, one, at_ms)


def _deduped_by_seq(original: Any, self: Batch, one: Incoming, at_ms: int) -> Any:
    standing = self._standing.at(self._memory.chain(self.connection, one.chain), one.chain, one.seq)
    return self._duplicate(one, standing[0][1]) if standing else original(self, one, at_ms)


def _deduped_by_bytes(original: Any, self: Batch, one: Incoming, at_ms: int) -> Any:
    """Identity over the whole envelope, the signature inside."""
    chain = self._memory.chain(self.connection, one.chain)
    key = (one.chain, one.seq)
    standing = list(self._standing.at(chain, one.chain, one.seq))
    known = self._trap_raws = getattr(self._memory, "trap_raws", {})  # type: ignore[attr-defined]
    self._memory.trap_raws = known  # type: ignore[attr-defined]
    if known.setdefault(one.set_id, one.raw) != one.raw:
        self._standing._known[key] = [entry for entry in standing if entry[0] != one.set_id]
    return original(self, one, at_ms)


def _blocked_behind(original: Any, self: Batch, one: Incoming, at_ms: int) -> Any:
    blocked: set[bytes] = getattr(self._memory, "trap_blocked", set())
    self._memory.trap_blocked = blocked  # type: ignore[attr-defined]
    if one.chain in blocked:
        return _refused(one)
    result = original(self, one, at_ms)
    if result.d == "rejected":
        blocked.add(one.chain)
    return result


def _revoked_dropped(original: Any, self: Batch, one: Incoming, at_ms: int) -> Any:
    device = self._memory.device(self.connection, one.chain)
    if device is not None and device.revoked_at_ms is not None:
        return PushResult(
            r=exchange.STORED, id=one.set_id, idx=self._ledger.idx, at_ms=self.at_ms, d="accepted"
        )
    return original(self, one, at_ms)


def _unknown_erased(original: Any, self: Batch, one: Incoming, at_ms: int) -> Any:
    header, signature, body = canon.decode(one.raw)
    if body is not None:
        said = canon.decode(body)
        said[3] = [{key: op[key] for key in op if key.isascii()} for op in said[3]]
        one.raw = canon.encode([header, signature, canon.encode(said)])
    return original(self, one, at_ms)


def _no_fork_seen(original: Any, *given: Any, **named: Any) -> Any:
    return original(*given, **(named | {"is_fork": False}))


def _heads_forgotten(original: Any, connection: Any, table: Any, rows: Sequence[Any]) -> Any:
    return None if table is tables.chain_heads else original(connection, table, rows)


def _kept_after_failing(original: Any, self: Memory) -> None:
    if getattr(self, "head", None) is None:
        original(self)


def _as_first_ruled(original: Any, self: Gathered, ruling: Any, change: Any) -> None:
    if change.set_id not in self._entities.get(ruling.payload["e"], {}):
        original(self, ruling, change)


def _nothing(_original: Any, *_given: Any) -> None:
    """What ought to be done is not."""


def _one_more(original: Any, self: Signer, *given: Any, **named: Any) -> Any:
    looked = original(self, *given, **named)
    return msgspec.structs.replace(looked, size=looked.size + 1)


# ---- devices -------------------------------------------------------------------------------------


async def _adopts(original: Any, self: Device) -> Any:
    reply = await original(self)
    for scope, epoch, newest in reply.scopes:
        if self.reading.cursors[scope].n == 0:
            self.reading.move(scope, Cursor(epoch, newest, bytes(16)))
    return reply


_CACHE = "device/cache.ts"
_ENTRIES_ONLY = {"snapshot_entries": 1_000}  # a snapshot would mend what is missing
_CALM_RIGHTS = {"rights": 0.15, "absence": 0.0} | _ENTRIES_ONLY
_CRASHES = {"phone_crash": 0.3} | _ENTRIES_ONLY

TRAPS: dict[str, Trap] = {
    "the clock refuses a local write after a jump": Trap(
        1, frozenset({0}), {"clock_step": 0.2}, laid=_wrap(changeset, "send", _refuses)
    ),
    "far-ahead stamps are believed": Trap(
        3,
        frozenset({18}),
        {"clock_offset_ms": 30 * 86_400_000, "odd": 0.2},
        edits=(
            Edit(
                "sync/clock.ts",
                "if (remote.ms > limit) ahead.push(position);",
                "if (remote.ms < 0) void limit;",
            ),
        ),
        first=27,
    ),
    "the effective stamp is the author's own": Trap(
        3,
        frozenset({18}),
        {"clock_offset_ms": 30 * 86_400_000},
        laid=_wrap(admit, "effective_stamp", _unclamped),
    ),
    "the upper bound is taken from a sample before": Trap(
        25, frozenset({16}), {"sleep": 0.2}, laid=_wrap(time, "_monotonic", _upper_from_before)
    ),
    "met is what can have been in time": Trap(
        0,
        frozenset({17}),
        laid=_wrap(verdict._Pair, "slack_if_met", _met_unless_excluded),
        first=2,
    ),
    "a fork is not seen": Trap(
        4,
        frozenset({10}),
        {"clone": 0.2},
        laid=_wrap(judge, "judge", _no_fork_seen),
        first=8,
    ),
    "the second set of a fork is refused for ever": Trap(
        5,
        frozenset({1, 20}),
        {"clone": 0.2},
        laid=_wrap(Batch, "take", _second_writer_refused),
        first=8,
    ),
    "two pages share a sequence number": Trap(
        6,
        frozenset({1, 8, 15}),
        {"tabs": 0.3},
        edits=(
            Edit(
                "device/vault.ts",
                'keep(tx.objectStore("own").add(set));\n      keep(tx.objectStore("outbox").add(freshMark(set)));',
                'keep(tx.objectStore("own").put(set));\n      keep(tx.objectStore("outbox").put(freshMark(set)));',
            ),
        ),
        first=8,
    ),
    "a rejected set blocks those behind it": Trap(
        7, frozenset({1, 2, 20}), laid=_wrap(Batch, "take", _blocked_behind)
    ),
    "what a revoked device still held is dropped": Trap(
        8, frozenset({1}), {"rights": 0.2}, laid=_wrap(Batch, "take", _revoked_dropped)
    ),
    "a failed exchange waits for somebody to press": Trap(
        9,
        frozenset({20}),
        {"loss": 0.3},
        edits=(
            Edit(
                "device/rounds.ts",
                "this.#wait(least * (1 + this.#chance() / 2));",
                "void least;",
            ),
        ),
    ),
    "the bookkeeping of a chain is not in the transaction of its sets": Trap(
        10,
        frozenset({0, 2, 5, 20}),
        {"centre_crash": 0.1},
        laid=_wrap(batch, "upsert", _heads_forgotten),
    ),
    "the cursor is saved before what it covers": Trap(
        11,
        frozenset({3, 14}),
        _CRASHES,
        edits=(
            Edit(
                _CACHE,
                "    await commit(tx, (keep) => {\n      if (page.reset)",
                '    await (await this.#open()).put("scopes", { scope, epoch, n: to, head });\n'
                "    await commit(tx, (keep) => {\n      if (page.reset)",
            ),
        ),
    ),
    "a peer's summary is adopted": Trap(
        12, frozenset({14, 20}), laid=_wrap(Device, "hello", _adopts)
    ),
    "what is remembered outlives a failed transaction": Trap(
        13,
        frozenset({0, 1, 2, 3, 5, 20}),
        {"centre_full": 0.15},
        laid=_wrap(Memory, "drop", _kept_after_failing),
    ),
    "a moved incident stays on the phone": Trap(
        0,
        frozenset({13}),
        {"moves": 0.15} | _ENTRIES_ONLY,
        edits=(Edit(_CACHE, "keep(leave(tx, also.left ?? []));", ""),),
    ),
    "the centre goes on sending what has moved": Trap(
        0, frozenset({4, 13}), {"moves": 0.15}, laid=_wrap(scopes, "bare", _nothing)
    ),
    "a lost scope stays on the phone": Trap(
        16,
        frozenset({13}),
        _CALM_RIGHTS,
        edits=(
            Edit(
                "device/replica.ts",
                "if (!gone && !over.has(scope)) continue;",
                'if (gone || over.has(scope) || scope !== "") continue;',
            ),
        ),
    ),
    "a regained scope goes on from its old cursor": Trap(
        17,
        # Also a scope that is begun anew cannot be, and never settles.
        frozenset({3, 14, 20}),
        _CALM_RIGHTS | {"rights": 0.5},
        edits=(
            Edit(
                _CACHE,
                '      keep(tx.objectStore("scopes").delete(scope));\n      keep(tx.objectStore("entries")',
                '      keep(tx.objectStore("entries")',
            ),
        ),
    ),
    "fields of newer apps are erased on the way": Trap(
        # A phone takes in no set that is another than was ruled on, so it stands still before it shows one; nor does a
        # centre go on behind one of its own, which it reads again after a failure.
        20,
        frozenset({0, 1, 20}),
        laid=_wrap(Batch, "take", _unknown_erased),
    ),
    "keys are sorted as UTF-16": Trap(
        26,
        frozenset({0, 1, 20}),
        edits=(
            Edit(
                "sync/canonWrite.ts",
                "const pairs = Object.entries(value).map(([key, item]) => [utf8(key), item] as const);\n"
                "  pairs.sort(([a], [b]) => compareBytes(a, b));",
                "const pairs = Object.entries(value)\n    .sort(([a], [b]) => (a < b ? -1 : 1))\n"
                "    .map(([key, item]) => [utf8(key), item] as const);\n  void compareBytes;",
            ),
        ),
    ),
    "a snapshot tells how sets were ruled first": Trap(
        0,
        frozenset({3, 4}),
        {"review": 0.2},
        laid=_wrap(Gathered, "_take_set", _as_first_ruled),
        first=6,
    ),
    "a row that went stays beside a snapshot": Trap(
        0,
        frozenset({3}),
        edits=(Edit(_CACHE, "if (scope === ORG)", "if (scope === `${ORG}?`)"),),
        first=8,
    ),
    "a snapshot with words that were taken away is still given out": Trap(
        30, frozenset({19}), {"redact": 0.2}, laid=_wrap(snapshots, "forget", _nothing)
    ),
    "a phone that begins with a snapshot keeps its own words": Trap(
        30,
        frozenset({19}),
        {"redact": 0.3, "snapshot_entries": 4},
        edits=(
            Edit(
                "device/replica.ts",
                "gistOf(whole, me());\n"
                "    for (const one of stripped) await vault.strip(one, this.#met.station !== null);",
                "gistOf(whole, me());\n    void vault;",
            ),
        ),
    ),
    "a checkpoint covers more than is stored": Trap(
        29, frozenset({6}), laid=_wrap(Signer, "look", _one_more)
    ),
    "names are normalised on the way": Trap(
        27,
        frozenset({1, 3}),
        edits=(
            Edit(
                "sync/canonWrite.ts",
                "const bytes = utf8Out.encode(text);",
                'const bytes = utf8Out.encode(text.normalize("NFC"));',
            ),
        ),
    ),
    "the signature is part of a set's identity": Trap(
        28, frozenset({5}), {"odd": 0.3}, laid=_wrap(Batch, "take", _deduped_by_bytes)
    ),
    "sets are told apart by chain and number only": Trap(
        28,
        frozenset({1}),
        {"clone": 0.2},
        laid=_wrap(Batch, "take", _deduped_by_seq),
        first=8,
    ),
}
