"""The invariants, each a function named after what it says, numbered as in `docs/simulator.md`.

Responsible for judging a world that has come to rest; those that must hold at every moment are checked by the oracle as
things happen (I6 checkpoints, I7 cursors, I13 scopes, I15 vaults). Refuses to repair or to run anything.

Example: `no_loss(ended)` raises `Broken(1, …)` for a set that was promised and is not there.
"""

from collections.abc import Iterable
from hashlib import sha256

from server import keys
from server.fleet.vault import REWRITTEN
from server.intake.rebuild import _page as rebuilt
from sync import canon, changeset, exchange, ids, rulings
from sync.changeset import FLAG_HLC_RESET, ChangeSet
from sync.incident.redaction import skeleton
from tests.sim import logged, rights, tally, times, verdicts
from tests.sim.ended import Ended
from tests.sim.oracle import Broken
from tests.sim.phone import Own
from tests.sim.rest import due_scopes, excused, may_pull
from tests.sim.scene import Scene

AHEAD_MS = 600_000 + 1_000  # HL: what a clock without a known offset may believe


# ---- I1 … I20 -------------------------------------------------------------------------------------


async def judge(world: Scene) -> None:
    """All of them. Raises the first that is broken."""
    ended = Ended(world)
    tally.count(ended)
    for law in (
        no_loss,
        logged.snapshots_stand_for_entries,
        single_ruling,
        logged.append_only,
        logged.growth_proven,
        own_work_visible,
        no_blocking,
        fork_accountability,
        authenticity,
        rights.sound_and_complete,
        purged_scopes,
        moved_incidents,
        scope_completeness,
        no_clock_infection,
        convergence,
        times.sound,
        verdicts.sound,
    ):
        law(ended)
    await idempotence(world, ended)
    await redaction(world, ended)


def no_loss(ended: Ended) -> None:
    """I1: what was promised, and what lies in any vault, is at the centre, byte for byte."""
    for set_id, raw in ended.oracle.acked.items():
        held = ended.by_id.get(set_id)
        if held is None:
            if set_id in ended.oracle.at_risk and not _is_held(ended, set_id):
                ended.oracle.tally["declared lost"] += 1
                continue
            raise Broken(1, f"set {set_id.hex()[:8]} was acknowledged and is not there")
        (header, body), came = _unsigned(held.envelope), _unsigned(raw)
        if set_id in ended.redacted or (body is None and set_id in ended.oracle.once_redacted):
            body = came[1]
        if (header, body) != came:
            raise Broken(1, f"set {set_id.hex()[:8]} is not stored as it came")
    for set_id, wrote in ended.oracle.written.items():
        held = ended.by_id.get(set_id)
        change = held.change if held is not None else None
        gone = ended.redacted | ended.oracle.once_redacted
        if change is None or (change.body is None and set_id in gone):
            continue
        if change.body is None or change.body.ops != wrote.act.ops:
            raise Broken(1, f"set {set_id.hex()[:8]} does not say what its author said")
    again = _written_again(ended)
    for phone in ended.world.phones:
        for own in ended.stored[phone.name].own:
            if not (
                own.id in ended.by_id
                or own.id in again
                or _vanished(ended, own)
                or excused(phone, own)
                or _is_wordless(ended, own)
            ):
                raise Broken(1, f"{phone.name}: set {own.id.hex()[:8]} never reached the centre")


def _is_held(ended: Ended, set_id: bytes) -> bool:
    """Whether some phone still has a set, and may be asked for it."""
    return any(
        own.id == set_id
        and own.result != REWRITTEN
        and not excused(phone, own)
        and not _is_wordless(ended, own)
        for phone in ended.world.phones
        for own in ended.stored[phone.name].own
    )


def _is_wordless(ended: Ended, own: Own) -> bool:
    """Whether a phone let go of the words of its own set because a part of the log that is lost took them away: nobody
    can ask it for that set any more (TL11).
    """
    return own.id in ended.oracle.once_redacted and canon.decode(own.raw)[2] is None


def _written_again(ended: Ended) -> set[bytes]:
    """Ids of damaged sets whose words stand in another set (FK7)."""
    return {
        op["orig"]["set"]
        for held in ended.sets
        if held.change is not None and held.change.body is not None
        for op in held.change.body.ops
        if isinstance(op.get("orig"), dict)
    }


def _vanished(ended: Ended, own: Own) -> bool:
    """Whether nothing can be seen of a set that was written again: what a chain says of itself and of its clocks has no
    words for another, and the words of others were taken away since.
    """
    if own.result != REWRITTEN:
        return False
    if not own.why:
        return own.id not in ended.oracle.written
    return bytes.fromhex(own.why) in ended.redacted


def _unsigned(raw: bytes) -> tuple[bytes, bytes | None]:
    header, _signature, body = canon.decode(raw)
    return header, body


async def idempotence(world: Scene, ended: Ended) -> None:
    """I2: everything said once more changes nothing: each set is a duplicate with its first ruling."""
    token = await world.token()
    raws = [held.envelope for held in ended.sets]
    for start in range(0, len(raws), exchange.BATCH_SETS_MAX):
        batch = ended.sets[start : start + exchange.BATCH_SETS_MAX]
        reply = await world.push(token, [held.envelope for held in batch])
        if reply is None:
            raise Broken(2, "the centre did not take everything once more")
        for held, result in zip(batch, reply.results, strict=True):
            if result.r != exchange.DUPLICATE or result.idx != held.idx:
                raise Broken(2, f"set {held.id.hex()[:8]} again: {result.r} under {result.idx}")
    again = Ended(world)
    if again.raw_rulings != ended.raw_rulings or again.scopes != ended.scopes:
        raise Broken(2, "the log or a scope grew although nothing new was said")


def convergence(ended: Ended) -> None:
    """I3: whoever holds a scope sees the same incidents and the same organisation, in Python, in TypeScript, and in the
    centre's projections.
    """
    world = ended.world
    truth = {
        entity: sha256(canon.encode(state.view())).digest()
        for entity, state in ended.incidents.items()
    }
    organisation = {
        key: sha256(canon.encode(row)).digest()
        for key, row in logged.rows_of(ruling for ruling, _change in ended.entries("org")).items()
    }
    for phone in world.phones:
        if not may_pull(world, phone):
            continue
        held = ended.stored[phone.name].cursors.keys() & due_scopes(ended, phone)
        if phone.organisation() != organisation:
            raise Broken(3, f"{phone.name} knows another organisation")
        seen = sorted(set[bytes]().union(*map(ended.stands_in, _months(held))))
        for entity, digest in phone.views(seen).items():
            if digest != truth[entity]:
                raise Broken(3, f"{phone.name} sees incident {entity.hex()[:8]} differently")
    _last, folded, differing = world.storage.look(rebuilt, b"", True)
    if differing:
        raise Broken(3, f"{differing} of {folded} incidents are projected otherwise than they fold")


def _months(names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith("station:")]


def single_ruling(ended: Ended) -> None:
    """I5: one admission per set, by the identity its header has; the log and every scope are dense."""
    for position, ruling in enumerate(ended.rulings, 1):
        if ruling.idx != position:
            raise Broken(5, f"ruling {ruling.idx} stands at place {position}")
    admitted = [r.payload["set"] for r in ended.rulings if r.kind == rulings.KIND_SET]
    if len(set(admitted)) != len(admitted):
        raise Broken(5, "a set was admitted twice")
    headers = [ids.set_id(canon.decode(held.envelope)[0]) for held in ended.sets]
    if sorted(headers) != sorted(admitted):
        raise Broken(5, "the sets that are stored are not those that were ruled")
    for name, scope in ended.scopes.items():
        head = rulings.SCOPE_HEAD_ZERO
        for place, line in enumerate(scope.lines, 1):
            head = rulings.scope_head(head, rulings.leaf_hash(ended.raw_rulings[line.idx - 1]))
            if line.n != place or line.head != head:
                raise Broken(5, f"{name} is not dense or its head is wrong at {place}")
        if (scope.n, scope.head) != (len(scope.lines), head):
            raise Broken(5, f"{name} says {scope.n} and has {len(scope.lines)} entries")


def own_work_visible(ended: Ended) -> None:
    """I8: every own set tells its author where it stands; what does not count says why."""
    for phone in ended.world.phones:
        for own in ended.stored[phone.name].own:
            if own.id not in ended.by_id or own.result is None or excused(phone, own):
                continue
            standing = ended.standing(own.id).payload
            if standing["d"] in ("held", "rejected") and not (standing["why"] and own.why):
                why = f"set {own.id.hex()[:8]} is {standing['d']} without a reason"
                raise Broken(8, f"{phone.name}: {why}")


def no_blocking(ended: Ended) -> None:
    """I9: nothing that is stored waits for a ruling, whatever stands before it in its chain."""
    for held in ended.sets:
        if ended.rulings[held.idx - 1].payload.get("set") != held.id:
            raise Broken(9, f"set {held.id.hex()[:8]} has no ruling of its own")


def fork_accountability(ended: Ended) -> None:
    """I10: of two sets at one place both are kept and ruled, it is proven, and no later command counts by itself."""
    places: dict[tuple[bytes, int], list[bytes]] = {}
    for held in ended.sets:
        places.setdefault((held.chain, held.seq), []).append(held.id)
    forks = {place: found for place, found in places.items() if len(found) > 1}
    for (chain, seq), found in forks.items():
        proven = min(ended.first(set_id).idx for set_id in found[1:])
        for held in ended.sets:
            ruling = ended.first(held.id)
            if held.chain != chain or held.seq < seq or ruling.idx < proven:
                continue
            if "fork" not in ruling.payload["flags"]:
                raise Broken(10, f"set {held.seq} of the forked {chain.hex()[:8]} carries no flag")
            if ruling.payload["d"] in rulings.COUNTED and rights.commands(held.change):
                raise Broken(10, f"a command after the fork of {chain.hex()[:8]} counts by itself")


def authenticity(ended: Ended) -> None:
    """I11: what has effect was signed by a key enrolled for it, and is what was signed."""
    for held in ended.sets:
        change = held.change
        if change is None or not ended.counts(held.id):
            continue
        key = ended.keys.get(held.chain)
        if ended.was_reviewed(held.id):
            continue  # a person has vouched for it
        if key is None or key.person not in (None, change.header.user):
            raise Broken(11, f"set {held.id.hex()[:8]} counts and is nobody's")
        is_rotten = any(held.id in phone.rotten for phone in ended.world.phones)
        if not _is_signed(ended, change, key.alg, key.pub, by_next=is_rotten):
            raise Broken(11, f"set {held.id.hex()[:8]} counts and its signature does not hold")
        if held.id in ended.oracle.forged:
            raise Broken(11, f"the forged set {held.id.hex()[:8]} counts")


def _is_signed(ended: Ended, change: ChangeSet, alg: str, pub: bytes, *, by_next: bool) -> bool:
    """Whether its own signature holds or, for one that rotted in its author's storage, that of a set that names it,
    directly or through others, as the one before (CS6).
    """
    if not by_next or changeset.signature_holds(change, alg, pub, keys.verify):
        return changeset.signature_holds(change, alg, pub, keys.verify)
    after = [
        one.change for one in ended.sets if one.change and one.change.header.prev == change.set_id
    ]
    return any(_is_signed(ended, one, alg, pub, by_next=True) for one in after)


def purged_scopes(ended: Ended) -> None:
    """I13: an app keeps no lines of a scope that is no longer its person's."""
    for phone in ended.world.phones:
        if phone.kind != "ts" or not may_pull(ended.world, phone):
            continue
        station = ended.world.station_of(phone.person)
        stored = ended.stored[phone.name]
        for scope in stored.lines.keys() | stored.recorded:
            kind, _, rest = rulings.inside(scope).partition(":")
            if kind == "station" and (station is None or rest.partition(":")[0] != station.hex()):
                raise Broken(13, f"{phone.name} still holds something of {scope}")


def moved_incidents(ended: Ended) -> None:
    """I13: of an incident that has left every scope it follows nobody holds what others said, nor a picture of it."""
    moved = {
        ruling.payload["e"]
        for ruling in ended.rulings
        if ruling.kind == rulings.KIND_SCOPE and "del" in ruling.payload
    }
    if not moved:
        return
    for phone in ended.world.phones:
        if not may_pull(ended.world, phone):
            continue
        stored = ended.stored[phone.name]
        gone = moved - set[bytes]().union(*map(ended.stands_in, stored.cursors))
        for entity in gone & stored.told:
            raise Broken(13, f"{phone.name} still holds words of {entity.hex()[:8]}")
        wrote = {ended.standing(own.id).payload["e"] for own in stored.own if own.id in ended.by_id}
        for entity in gone & stored.shown - wrote:
            raise Broken(13, f"{phone.name} still shows {entity.hex()[:8]}")


def scope_completeness(ended: Ended) -> None:
    """I14: of each scope it holds a phone has every entry, or all after a published snapshot, and the head is
    the centre's.
    """
    for phone in ended.world.phones:
        if not may_pull(ended.world, phone):
            continue
        stored = ended.stored[phone.name]
        for name in due_scopes(ended, phone):
            scope = ended.scopes[name]
            if name not in stored.cursors or stored.cursors[name][2] != scope.head:
                raise Broken(14, f"{phone.name}: another head of {name}")
            held = once(stored.lines.get(name, []))
            begins = [0, *ended.published(name)]
            if held not in [once(line.idx for line in scope.lines[n:]) for n in begins]:
                raise Broken(14, f"{phone.name} does not hold every entry of {name}")


def once(indices: Iterable[int]) -> list[int]:
    """What comes back to a scope is listed there once more (SC6)."""
    return list(dict.fromkeys(indices))


def no_clock_infection(ended: Ended) -> None:
    """I18: no stamp is later than receipt unless what it builds on is; no clock follows another far ahead of its own,
    and none that was right all the time has to be set back."""
    for held in ended.sets:
        first = ended.first(held.id)
        eff_ms = int.from_bytes(first.payload["eff"][:6])
        if eff_ms > first.at_ms and "floored" not in first.payload["flags"]:
            raise Broken(18, f"set {held.id.hex()[:8]} stands in the future")
    faults = ended.world.faults
    # Between a minute and ten a stamp is believed by who does not know its own error yet, and is too far ahead later.
    in_between = faults.clock_step > 0 or 60_000 < faults.clock_offset_ms < AHEAD_MS
    for phone in ended.world.phones:
        if phone.clock.was_set or phone.restored:
            continue  # what it knows of its own error may be out of date
        for own in ended.stored[phone.name].own:
            change = ended.by_id[own.id].change if own.id in ended.by_id else None
            if change is None:
                continue
            if not in_between and phone.clock.is_honest and change.header.flags & FLAG_HLC_RESET:
                raise Broken(18, f"{phone.name} set its clock back at {own.id.hex()[:8]}")
            ahead_ms = int.from_bytes(change.header.hlc[:6]) - _physical_ms(ended, own.id, change)
            if ahead_ms > AHEAD_MS:
                raise Broken(18, f"{phone.name} stamped {own.id.hex()[:8]} {ahead_ms} ms ahead")


def _physical_ms(ended: Ended, set_id: bytes, change: ChangeSet) -> int:
    """What the author's clock said, or the truth where it had learned that: whichever is later. Of sets that an app
    writes by itself only the time of receipt is known."""
    wrote = ended.oracle.written.get(set_id)
    true_ms = wrote.true_ms if wrote is not None else ended.by_id[set_id].received_at_ms
    return max(change.header.wall_ms, true_ms)


async def redaction(world: Scene, ended: Ended) -> None:
    """I19: words that were taken away are in no store of the centre and in no app, and nobody brings them back."""
    taken = {set_id: raw for set_id, raw in ended.oracle.acked.items() if set_id in ended.redacted}
    await world.push(await world.token(), list(taken.values()))
    places = {"the centre": world.storage.image() + b"".join(raw for *_, raw in ended.snapshots)}
    if taken:
        places |= {phone.name: phone.words() for phone in world.phones if may_pull(world, phone)}
    # Somebody else may have said the same.
    standing = b"".join(held.envelope for held in ended.sets if held.id not in ended.redacted)
    for set_id, raw in taken.items():
        for who, kept in places.items():
            if any(said in kept and said not in standing for said in words_of(raw)):
                raise Broken(19, f"{who} still holds words of {set_id.hex()[:8]}")
    for phone in world.phones:
        if phone.kind == "ts" and may_pull(world, phone):
            for own in ended.stored[phone.name].own:
                if own.id in ended.redacted and canon.decode(own.raw)[2] is not None:
                    raise Broken(19, f"{phone.name} still holds words of {own.id.hex()[:8]}")


def words_of(raw: bytes) -> list[bytes]:
    """What nobody may find any more: the salt of a set's words, and each op that said more than its skeleton."""
    change = changeset.read(raw)
    if not isinstance(change, ChangeSet) or change.body is None:
        return []
    telling = [op for op in change.body.ops if skeleton(op) != op]
    return [change.body.salt, *(canon.encode(op) for op in telling)]
