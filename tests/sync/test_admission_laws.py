"""The laws of admission: the same facts, the same ruling; no report lost, no command without the right (RL, AU, ST)."""

from copy import deepcopy
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from sync import changeset, rulings
from sync.changeset import ChangeSet, Draft, Writer
from sync.clock import Stamp
from sync.ids import ChainId, SetId
from sync.incident import authority, kinds, shapes
from sync.incident.admit import Facts, KnownIncident, Ruled, admit
from tests.sync.histories import BASE_MS, ENTITY, OPS, PEOPLE, STATION

NOW_MS = BASE_MS + 100_000
CHAIN = b"the-users-phone!"
USER = PEOPLE[0]
DISPATCH = ("order.withdraw", "order.reassign", "incident.close", "fact.level", authority.PROXY)
COMMANDS = (*DISPATCH, "order.issue", authority.DISPUTE, authority.CALLBACK)

roles = st.lists(st.sampled_from(kinds.ROLES), max_size=3, unique=True).map(tuple)
stations = st.sampled_from([STATION, *PEOPLE])
incidents = st.builds(
    KnownIncident,
    creator_chain=st.sampled_from([CHAIN, b"another-phone-16"]),
    creator=st.sampled_from(PEOPLE),
    source=st.sampled_from(sorted(kinds.SOURCES)),
    stations=st.frozensets(stations, max_size=2),
)
facts = st.builds(
    Facts,
    enrolled=st.booleans(),
    roles=roles,
    station=st.none() | stations,
    revoked_at_ms=st.none() | st.integers(NOW_MS - 90_000, NOW_MS + 90_000),
    is_gap=st.booleans(),
    is_fork=st.booleans(),
    incident=st.none() | incidents,
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
    rulings.HELD: {"unenrolled", "fork"},
    rulings.REJECTED: {"no_authority", "id_exists", "bad_op", "unknown_entity_kind"},
}


@given(sets, facts)
def test_rl2_every_ruling_is_in_the_words_of_the_page(one: ChangeSet, known: Facts) -> None:
    ruled = admit(one, known, NOW_MS)
    assert ruled.why in WORDS[ruled.decision]
    assert list(ruled.flags) == sorted(set(ruled.flags) & {"clock_ahead", "gap", "revoked", "fork"})
    assert ("gap" in ruled.flags) is known.is_gap
    assert ("fork" in ruled.flags) is known.is_fork


@given(sets, facts)
def test_rl3_what_an_enrolled_person_saw_is_never_turned_away_for_want_of_rights(
    one: ChangeSet, known: Facts
) -> None:
    seen = [op for op in ops_of(one) if not is_command(op) and shapes.problem(op) is None]
    assume(seen)
    ruled = admit(saying(one, seen), replace(known, enrolled=True), NOW_MS)
    assert ruled.decision in rulings.COUNTED or ruled.why == "id_exists"


@given(sets, facts)
def test_rl3_no_set_counts_that_holds_a_command_its_user_may_not_give(
    one: ChangeSet, known: Facts
) -> None:
    incident = known.incident
    assume(incident is not None)
    assert incident is not None
    ruled = admit(one, known, NOW_MS)
    at_home = known.station in incident.stations
    hers = incident.source == "self" and incident.creator == USER
    for op in ops_of(one):
        command = authority.command_of(op, USER)
        to_herself = op["t"] == "order.issue" and op.get("to") == ["person", USER]
        if command is not None and not authority.may(
            command,
            roles=known.roles,
            same_station=at_home,
            own_self_report=hers and to_herself,
        ):
            assert ruled.decision not in rulings.COUNTED


@given(sets, facts)
def test_rl3_a_set_is_ruled_whole_with_the_reason_of_its_first_bad_op(
    one: ChangeSet, known: Facts
) -> None:
    assume(known.incident is not None)
    certain = replace(known, enrolled=True, is_fork=False)
    alone = [admit(saying(one, [op]), certain, NOW_MS) for op in ops_of(one)]
    reasons = [ruled.why for ruled in alone if ruled.decision == rulings.REJECTED]
    whole = admit(one, certain, NOW_MS)
    assert whole.why == (reasons[0] if reasons else None)


@given(sets, facts)
def test_rl2_a_copied_phone_loses_no_report_and_gives_no_command(
    one: ChangeSet, known: Facts
) -> None:
    honest = admit(one, replace(known, is_fork=False), NOW_MS)
    copied = admit(one, replace(known, is_fork=True), NOW_MS)
    commands = any(is_command(op) for op in ops_of(one))
    held = commands and honest.decision in rulings.COUNTED
    assert (copied.decision, copied.why) == (
        (rulings.HELD, "fork") if held else (honest.decision, honest.why)
    )


@given(sets, facts)
def test_st1_st3_a_stamp_is_never_later_than_its_receipt_and_a_wrong_clock_is_named(
    one: ChangeSet, known: Facts
) -> None:
    ruled = admit(one, known, NOW_MS)
    hlc = Stamp.unpack(one.header.hlc)
    assert Stamp.unpack(ruled.eff) == (hlc if hlc.ms <= NOW_MS else Stamp(NOW_MS, 0))
    assert ("clock_ahead" in ruled.flags) is (hlc.ms - NOW_MS > 60_000)
    # A wrong clock costs nobody their say: the same set from a right one is ruled the same.
    if hlc.ms > NOW_MS and known.revoked_at_ms is None:
        right = replace(one, header=replace(one.header, hlc=Stamp(NOW_MS, 0).pack()))
        again = admit(right, known, NOW_MS)
        assert (again.decision, again.why) == (ruled.decision, ruled.why)


@given(sets, facts, roles)
def test_au1_a_further_role_never_takes_a_right_away(
    one: ChangeSet, known: Facts, more: tuple[str, ...]
) -> None:
    def counts(ruled: Ruled) -> bool:
        return ruled.decision in rulings.COUNTED

    promoted = replace(known, roles=known.roles + more)
    assert counts(admit(one, promoted, NOW_MS)) >= counts(admit(one, known, NOW_MS))


@given(sets, facts)
def test_au2_a_stranger_is_held_whatever_they_say(one: ChangeSet, known: Facts) -> None:
    ruled = admit(one, replace(known, enrolled=False), NOW_MS)
    assert (ruled.decision, ruled.why) == (rulings.HELD, "unenrolled")


@given(sets, facts, st.integers(NOW_MS - 90_000, NOW_MS + 90_000))
def test_au3_a_revoked_phone_still_reports_and_no_longer_commands(
    one: ChangeSet, known: Facts, revoked_at_ms: int
) -> None:
    trusted = admit(one, replace(known, enrolled=True, revoked_at_ms=None), NOW_MS)
    revoked = admit(one, replace(known, enrolled=True, revoked_at_ms=revoked_at_ms), NOW_MS)
    assert "revoked" in revoked.flags
    assert (revoked.decision in rulings.COUNTED) <= (trusted.decision in rulings.COUNTED)
    if Stamp.unpack(one.header.hlc).ms < revoked_at_ms:
        assert (revoked.decision, revoked.why) == (trusted.decision, trusted.why)
    elif any(is_command(op) for op in ops_of(one)):
        assert revoked.decision == rulings.REJECTED
    elif trusted.decision in rulings.COUNTED:
        assert revoked.decision == rulings.ACCEPTED_LATE


@given(st.sampled_from(COMMANDS), roles, st.booleans(), st.booleans())
def test_au1_officers_guards_and_those_without_a_role_command_nobody(
    command: str, held: tuple[str, ...], at_home: bool, hers: bool
) -> None:
    plain = [role for role in held if role in ("officer", "guard", "admin")]
    may = authority.may(command, roles=plain, same_station=at_home, own_self_report=hers)
    assert may is (command == "order.issue" and hers)
