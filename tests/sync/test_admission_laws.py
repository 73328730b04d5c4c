"""The laws of admission: the same facts, the same ruling; no report lost, no command without the right (RL, AU, ST)."""

from copy import deepcopy
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from sync import canon, changeset, rulings
from sync.changeset import ChangeSet, Draft, Writer
from sync.clock import Stamp
from sync.ids import ChainId, SetId
from sync.incident import authority, kinds, shapes
from sync.incident.admit import Ruled, admit
from sync.incident.facts import (
    Facts,
    Grant,
    KnownIncident,
    captured,
    facts_of,
    held_between,
    made_after_ms,
)
from tests.sync.histories import BASE_MS, ENTITY, OPS, PEOPLE, STATION

NOW_MS = BASE_MS + 100_000
HOUR_MS = 3_600_000
CHAIN = b"the-users-phone!"
COUNTERS = st.sampled_from([0, 1, 2**16 - 1])
USER = PEOPLE[0]
DISPATCH = ("order.withdraw", "order.reassign", "incident.close", "fact.level", authority.PROXY)
COMMANDS = (*DISPATCH, "order.issue", authority.DISPUTE, authority.CALLBACK)

roles = st.lists(st.sampled_from(kinds.ROLES), max_size=3, unique=True).map(tuple)
stations = st.sampled_from([STATION, *PEOPLE])
grants = st.builds(Grant, roles, st.none() | stations)
incidents = st.builds(
    KnownIncident,
    creator_chain=st.sampled_from([CHAIN, b"another-phone-16"]),
    creator=st.sampled_from(PEOPLE),
    source=st.sampled_from(sorted(kinds.SOURCES)),
    station=st.none() | stations,
)
around = st.integers(NOW_MS - 90_000, NOW_MS + 90_000)
long_before = st.sampled_from([0, NOW_MS - 200 * HOUR_MS, NOW_MS - 40 * HOUR_MS])
facts = st.builds(
    Facts,
    enrolled=st.booleans(),
    lo_ms=st.none() | st.integers(NOW_MS - 90_000, NOW_MS) | long_before,
    grants=st.lists(grants, min_size=1, max_size=2).map(tuple),
    revoked_at_ms=st.none() | around,
    compromised_since_ms=st.none() | around,
    floor=st.none() | st.builds(lambda ms, counter: Stamp(ms, counter).pack(), around, COUNTERS),
    is_gap=st.booleans(),
    is_fork=st.booleans(),
    seen_unknown=st.booleans(),
    beacon_unknown=st.booleans(),
    incident=st.none() | incidents,
    dead=st.sampled_from([(), (), (bytes(17),)]),
)
hlcs = st.builds(
    Stamp,
    st.integers(NOW_MS - 90_000, NOW_MS + 90_000) | st.integers(0, 2**48 - 1),
    st.integers(0, 2**16 - 1),
)


def _with_references(op: dict[str, Any]) -> dict[str, Any]:
    named = {name: bytes(17) for name in ("claim", "entry") if name in op}
    return op | named | ({"p": [bytes(17)] * len(op["p"])} if "p" in op else {})


ops = st.lists(OPS.map(_with_references), min_size=1, max_size=4)


def set_of(drafted: list[dict[str, Any]], hlc: Stamp) -> ChangeSet:
    """A set of `USER`, as read."""
    written = changeset.write(
        Writer(ChainId(CHAIN), 1, SetId(bytes(32))),
        Draft(USER, "org", "incident", ENTITY, drafted),
        wall_ms=0,
        offset_ms=0,
        mono=(bytes(8), 0),
        salt=bytes(16),
        sign=lambda _message: bytes(64),
    )
    read = changeset.read(written.raw)
    assert isinstance(read, ChangeSet)
    return replace(read, header=replace(read.header, hlc=hlc.pack()))


sets = st.builds(set_of, ops, hlcs)


def is_command(op: dict[str, Any]) -> bool:
    return authority.command_of(op, USER) is not None


def ops_of(one: ChangeSet) -> list[dict[str, Any]]:
    assert one.body is not None
    return one.body.ops


def saying(one: ChangeSet, other_ops: list[dict[str, Any]]) -> ChangeSet:
    """The same set with other ops."""
    assert one.body is not None
    return replace(one, body=replace(one.body, ops=other_ops))


@given(sets, facts)
def test_rl1_the_same_facts_give_the_same_ruling_and_are_left_as_they_were(
    one: ChangeSet, known: Facts
) -> None:
    before = deepcopy((one, known))
    assert admit(one, known, NOW_MS) == admit(one, known, NOW_MS)
    assert (one, known) == before


WORDS: dict[str, set[str | None]] = {
    rulings.ACCEPTED: {None},
    rulings.ACCEPTED_LATE: {None},
    rulings.HELD: {"unenrolled", "fork", "revoked_straddle", "authority_straddles", "stale_lease"},
    rulings.REJECTED: {
        "no_authority",
        "id_exists",
        "bad_op",
        "unknown_entity_kind",
        "revoked",
        "dep_rejected",
    },
}
FLAGS = {
    "clock_ahead",
    "compromised",
    "floored",
    "fork",
    "gap",
    "rights_uncertain",
    "seen_unknown",
    "beacon_unknown",
    "stale_lease",
}


@given(sets, facts)
def test_rl2_every_ruling_is_in_the_words_of_the_page(one: ChangeSet, known: Facts) -> None:
    ruled = admit(one, known, NOW_MS)
    assert ruled.why in WORDS[ruled.decision]
    assert list(ruled.flags) == sorted(set(ruled.flags) & FLAGS)
    assert ("gap" in ruled.flags) is known.is_gap
    assert ("fork" in ruled.flags) is known.is_fork
    assert ("seen_unknown" in ruled.flags) is known.seen_unknown
    assert ("beacon_unknown" in ruled.flags) is known.beacon_unknown


@given(sets, facts)
def test_rl7_what_a_ruling_keeps_of_the_facts_gives_the_same_ruling_again(
    one: ChangeSet, known: Facts
) -> None:
    kept = canon.decode(canon.encode(captured(known)))
    assert isinstance(kept, dict)
    assert facts_of(kept) == known
    assert admit(one, facts_of(kept), NOW_MS) == admit(one, known, NOW_MS)


def trusted(known: Facts, **also: Any) -> Facts:
    """The same facts about a device that is beyond doubt."""
    plain = replace(known, enrolled=True, revoked_at_ms=None, is_fork=False, lo_ms=NOW_MS, dead=())
    return replace(plain, grants=known.grants[:1], **also)


@given(sets, facts)
def test_rl3_what_an_enrolled_person_saw_is_never_turned_away_for_want_of_rights(
    one: ChangeSet, known: Facts
) -> None:
    seen = [op for op in ops_of(one) if not is_command(op) and shapes.problem(op) is None]
    assume(seen)
    ruled = admit(saying(one, seen), replace(known, enrolled=True, dead=()), NOW_MS)
    assert ruled.decision in rulings.COUNTED or ruled.why in ("id_exists", "revoked")


def allows(grant: Grant, known: KnownIncident, op: dict[str, Any]) -> bool:
    """Whether a grant covers what an op commands."""
    command = authority.command_of(op, USER)
    hers = known.source == "self" and known.creator == USER
    to_herself = op["t"] == "order.issue" and op.get("to") == ["person", USER]
    return command is None or authority.may(
        command,
        roles=grant.roles,
        same_station=grant.station is not None and grant.station == known.station,
        own_self_report=hers and to_herself,
    )


@given(sets, facts, incidents)
def test_au4_a_command_counts_only_with_the_right_to_it_for_all_the_time_it_may_be_of(
    one: ChangeSet, known: Facts, incident: KnownIncident
) -> None:
    known = replace(known, incident=incident)
    ruled = admit(one, known, NOW_MS)
    rights = [[allows(grant, incident, op) for grant in known.grants] for op in ops_of(one)]
    if ruled.decision in rulings.COUNTED:
        assert all(all(of_op) for of_op in rights)
    if ruled.why == "no_authority":
        assert not all(any(of_op) for of_op in rights)
    if ruled.why == "authority_straddles":
        assert all(any(of_op) for of_op in rights)
        assert not all(all(of_op) for of_op in rights)


@given(st.integers(0, 99), st.lists(st.none() | st.integers(0, 120), max_size=4))
def test_au3_nothing_was_made_before_what_it_knows_nor_after_it_was_received(
    at_ms: int, bounds: list[int | None]
) -> None:
    lo = made_after_ms(at_ms, *bounds)
    assert 0 <= lo <= at_ms
    assert all(bound is None or bound > at_ms or bound <= lo for bound in bounds)
    assert lo in (0, at_ms, *bounds)


histories = st.lists(st.tuples(st.integers(0, 50), grants), max_size=6).map(
    lambda held: sorted(held, key=lambda one: one[0])
)


@given(histories, st.integers(0, 60), st.integers(0, 60))
def test_au4_what_was_held_between_is_what_was_held_at_each_moment_between(
    history: list[tuple[int, Grant]], one: int, other: int
) -> None:
    lo, hi = min(one, other), max(one, other)

    def at(moment: int) -> Grant:
        return next((grant for since, grant in reversed(history) if since <= moment), Grant())

    assert set(held_between(history, lo, hi)) == {at(moment) for moment in range(lo, hi + 1)}


@given(sets, facts)
def test_rl3_a_set_is_ruled_whole_with_the_reason_of_its_first_bad_op(
    one: ChangeSet, known: Facts
) -> None:
    assume(known.incident is not None)
    certain = replace(trusted(known), dead=known.dead)
    alone = [admit(saying(one, [op]), certain, NOW_MS) for op in ops_of(one)]
    reasons = [ruled.why for ruled in alone if ruled.decision == rulings.REJECTED]
    whole = admit(one, certain, NOW_MS)
    assert whole.why == (reasons[0] if reasons else None)


@given(sets, facts, st.sampled_from(["fork", "straddle", "lease"]))
def test_rl3_doubt_about_a_device_loses_no_report_and_lets_no_command_through(
    one: ChangeSet, known: Facts, doubt: str
) -> None:
    honest = admit(one, trusted(known), NOW_MS)
    hlc_ms = Stamp.unpack(one.header.hlc).ms
    why, doubted = {
        "fork": ("fork", trusted(known, is_fork=True)),
        "straddle": (
            "revoked_straddle",
            replace(trusted(known), lo_ms=NOW_MS - 10, revoked_at_ms=NOW_MS),
        ),
        "lease": ("stale_lease", replace(trusted(known), lo_ms=NOW_MS - 73 * HOUR_MS)),
    }[doubt]
    assume(doubt != "straddle" or hlc_ms < NOW_MS)
    ruled = admit(one, doubted, NOW_MS)
    if honest.decision not in rulings.COUNTED:
        assert (ruled.decision, ruled.why) == (honest.decision, honest.why)
    elif any(is_command(op) for op in ops_of(one)):
        assert (ruled.decision, ruled.why) == (rulings.HELD, why)
    else:
        assert ruled.decision in rulings.COUNTED


@given(sets, facts)
def test_st1_a_stamp_is_above_its_floor_and_else_not_later_than_its_receipt(
    one: ChangeSet, known: Facts
) -> None:
    ruled = admit(one, known, NOW_MS)
    hlc, floor = Stamp.unpack(one.header.hlc), known.floor
    own = hlc if hlc.ms <= NOW_MS else Stamp(NOW_MS, 0)
    if floor is None or own.pack() > floor:
        assert Stamp.unpack(ruled.eff) == own
    else:
        ms, counter = Stamp.unpack(floor)
        after = Stamp(ms, counter + 1) if counter < 2**16 - 1 else Stamp(ms + 1, 0)
        assert Stamp.unpack(ruled.eff) == after
    assert ("floored" in ruled.flags) is (Stamp.unpack(ruled.eff).ms > NOW_MS)


@given(sets, facts)
def test_st3_a_wrong_clock_is_named_and_costs_nobody_their_say(
    one: ChangeSet, known: Facts
) -> None:
    ruled = admit(one, known, NOW_MS)
    hlc = Stamp.unpack(one.header.hlc)
    assert ("clock_ahead" in ruled.flags) is (hlc.ms - NOW_MS > 60_000)
    if hlc.ms > NOW_MS and known.revoked_at_ms is None:
        right = replace(one, header=replace(one.header, hlc=Stamp(NOW_MS, 0).pack()))
        again = admit(right, known, NOW_MS)
        assert (again.decision, again.why) == (ruled.decision, ruled.why)


@given(sets, facts, st.integers(1, 40 * 86_400_000), st.integers(1, 60_000))
def test_st1_a_phone_far_ahead_loses_to_the_next_honest_write(
    one: ChangeSet, known: Facts, ahead_ms: int, later_ms: int
) -> None:
    def stamped(ms: int) -> ChangeSet:
        return replace(one, header=replace(one.header, hlc=Stamp(ms, 0).pack()))

    plain = replace(known, floor=None)
    fast = admit(stamped(NOW_MS + ahead_ms), plain, NOW_MS)
    honest = admit(stamped(NOW_MS + later_ms), plain, NOW_MS + later_ms)
    assert honest.eff > fast.eff


@given(sets, facts, roles)
def test_au1_a_further_role_never_takes_a_right_away(
    one: ChangeSet, known: Facts, more: tuple[str, ...]
) -> None:
    def counts(ruled: Ruled) -> bool:
        return ruled.decision in rulings.COUNTED

    plain = trusted(known)
    grant = plain.grants[0]
    promoted = replace(plain, grants=(Grant(grant.roles + more, grant.station),))
    assert counts(admit(one, promoted, NOW_MS)) >= counts(admit(one, plain, NOW_MS))


@given(sets, facts)
def test_au2_a_stranger_is_held_whatever_they_say(one: ChangeSet, known: Facts) -> None:
    ruled = admit(one, replace(known, enrolled=False), NOW_MS)
    assert (ruled.decision, ruled.why) == (rulings.HELD, "unenrolled")


@given(sets, facts)
def test_au5_a_revocation_reaches_what_came_after_it_and_nothing_that_was_before(
    one: ChangeSet, known: Facts
) -> None:
    known = replace(known, enrolled=True, lo_ms=known.lo_ms or 0)
    assert known.lo_ms is not None
    honest = admit(one, replace(known, revoked_at_ms=None), NOW_MS)
    revoked = admit(one, known, NOW_MS)
    at_ms, hlc_ms = known.revoked_at_ms, Stamp.unpack(one.header.hlc).ms
    if at_ms is None or at_ms > NOW_MS:
        assert revoked == honest
    elif known.lo_ms >= at_ms or hlc_ms >= at_ms:
        assert (revoked.decision, revoked.why) == (rulings.REJECTED, "revoked")
    else:
        assert "rights_uncertain" in revoked.flags
        assert (revoked.decision in rulings.COUNTED) <= (honest.decision in rulings.COUNTED)
        assert revoked.decision != rulings.ACCEPTED


@given(sets, facts)
def test_au6_what_comes_from_other_hands_is_marked_and_ruled_as_ever(
    one: ChangeSet, known: Facts
) -> None:
    ruled = admit(one, known, NOW_MS)
    safe = admit(one, replace(known, compromised_since_ms=None), NOW_MS)
    since_ms = known.compromised_since_ms
    assert ("compromised" in ruled.flags) is (since_ms is not None and since_ms <= NOW_MS)
    assert (ruled.decision, ruled.why, ruled.eff) == (safe.decision, safe.why, safe.eff)


@given(st.sampled_from(COMMANDS), roles, st.booleans(), st.booleans())
def test_au1_officers_guards_and_those_without_a_role_command_nobody(
    command: str, held: tuple[str, ...], at_home: bool, hers: bool
) -> None:
    plain = [role for role in held if role in ("officer", "guard", "admin")]
    may = authority.may(command, roles=plain, same_station=at_home, own_self_report=hers)
    assert may is (command == "order.issue" and hers and bool(plain))
