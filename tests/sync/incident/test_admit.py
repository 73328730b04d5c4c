"""What the centre rules, and that it rules the same on the same facts (SPEC RL1 to RL4, AU, IN1, IN2, ST1, ST3).

Sets are written as a phone writes them; only the signature is none, for admission does not look at it.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from sync import changeset
from sync.changeset import ChangeSet, Draft, Writer
from sync.clock import Stamp
from sync.ids import ChainId, SetId
from sync.incident.admit import Ruled, admit
from sync.incident.facts import Facts, Grant, KnownIncident, captured, facts_of, held_between
from tests.sync.conftest import vector_cases
from tests.sync.incident.labels import expand

NOW_MS = 1_700_000_000_000
SU, LI, STATION, ELSEWHERE = b"su".ljust(16), b"li".ljust(16), b"ang".ljust(16), b"tu".ljust(16)
PHONE, OTHER_PHONE = b"phone".ljust(16), b"other".ljust(16)

OFFICER = Facts(grants=(Grant(("officer",), STATION),))
DESK = Facts(grants=(Grant(("dispatcher",)),))
HERS = KnownIncident(PHONE, SU, "self", STATION)
THEIRS = KnownIncident(OTHER_PHONE, LI, "import", STATION)

NOTE = {"t": "entry.add", "kind": "note", "text": "到了"}
CLOSE = {"t": "incident.close", "round": 0}
CREATE = {"t": "incident.create", "source": "self", "station": STATION, "tag": "苏和-01"}
ORDER = b"o" * 16


def order_to(person: bytes) -> dict[str, Any]:
    return {
        "t": "order.issue",
        "order": ORDER,
        "to": ["person", person],
        "kind": "dispatch",
        "round": 0,
    }


def written(
    *ops: dict[str, Any], ms: int = NOW_MS, user: bytes = SU, kind: str = "incident"
) -> ChangeSet:
    """A set from the phone `PHONE` whose clock says `ms`."""
    made = changeset.write(
        Writer(ChainId(PHONE), 1, SetId(bytes(32)), Stamp(0, 0)),
        Draft(user, "org", kind, b"incident".ljust(16), ops),
        wall_ms=ms,
        offset_ms=0,
        mono=(bytes(8), 1),
        salt=bytes(16),
        sign=lambda _message: bytes(64),
    )
    read = changeset.read(made.raw)
    assert isinstance(read, ChangeSet)
    return read


def ruled(facts: Facts, *ops: dict[str, Any], ms: int = NOW_MS, user: bytes = SU) -> Ruled:
    """What is ruled on these ops when they come in at `NOW_MS`."""
    one = written(*ops, ms=ms, user=user)
    first = admit(one, facts, NOW_MS)
    assert first == admit(one, facts, NOW_MS)
    return first


def word(ruling: Ruled) -> tuple[str, str | None]:
    return ruling.decision, ruling.why


def test_a_note_of_an_enrolled_officer_is_accepted_and_keeps_its_stamp() -> None:
    one = written(NOTE)
    assert admit(one, OFFICER, NOW_MS) == Ruled("accepted", None, one.header.hlc, ())


def test_who_is_not_enrolled_is_held_whatever_they_say() -> None:
    stranger = replace(OFFICER, enrolled=False)
    for ops in ([NOTE], [CLOSE], [{"t": "entry.add"}]):
        assert word(ruled(stranger, *ops)) == ("held", "unenrolled")


def test_a_set_that_comes_late_or_tells_of_long_ago_is_accepted_late() -> None:
    assert word(ruled(OFFICER, NOTE, ms=NOW_MS - 60_000)) == ("accepted", None)
    assert word(ruled(OFFICER, NOTE, ms=NOW_MS - 60_001)) == ("accepted_late", None)
    assert word(ruled(OFFICER, NOTE, NOTE | {"at": NOW_MS - 60_001})) == ("accepted_late", None)
    assert word(ruled(OFFICER, NOTE | {"at": NOW_MS + 10**9})) == ("accepted", None)


def test_a_clock_that_runs_ahead_is_flagged_and_its_stamp_is_clamped_to_receipt() -> None:
    near = ruled(OFFICER, NOTE, ms=NOW_MS + 60_000)
    assert (near.decision, near.flags) == ("accepted", ())
    far = ruled(OFFICER, NOTE, ms=NOW_MS + 60_001)
    assert (far.decision, far.flags) == ("accepted", ("clock_ahead",))
    assert near.eff == far.eff == Stamp(NOW_MS, 0).pack()


def test_a_gap_is_flagged_and_holds_nothing_up() -> None:
    after_gap = ruled(replace(OFFICER, is_gap=True), NOTE)
    assert (after_gap.decision, after_gap.flags) == ("accepted", ("gap",))


def test_of_a_copied_phone_the_reports_count_and_the_commands_wait() -> None:
    copied = replace(DESK, is_fork=True, incident=THEIRS)
    report, command = ruled(copied, NOTE), ruled(copied, NOTE, CLOSE)
    assert (report.decision, report.flags) == ("accepted", ("fork",))
    assert (word(command), command.flags) == (("held", "fork"), ("fork",))
    assert word(ruled(replace(copied, grants=OFFICER.grants), CLOSE)) == (
        "rejected",
        "no_authority",
    )


@pytest.mark.parametrize(
    "op",
    [
        NOTE | {"kind": "song"},
        {"t": "milestone.claim", "kind": "arrived", "round": 0},
        {"t": "fact.set", "f": "weather", "v": "雪", "p": []},
        NOTE | {"at": "noon"},
    ],
)
def test_a_set_with_one_bad_op_is_rejected_whole(op: dict[str, Any]) -> None:
    assert word(ruled(OFFICER, NOTE, op)) == ("rejected", "bad_op")


def test_what_a_newer_version_says_is_accepted_unread() -> None:
    assert word(ruled(OFFICER, {"t": "drone.launch", "at": NOW_MS}, NOTE | {"mood": "calm"})) == (
        "accepted",
        None,
    )


def test_an_entity_of_a_kind_nobody_knows_is_rejected_and_a_chain_may_open() -> None:
    def decision(kind: str) -> tuple[str, str | None]:
        return word(admit(written(NOTE, kind=kind), OFFICER, NOW_MS))

    assert decision("weather") == ("rejected", "unknown_entity_kind")
    assert decision("chain") == ("accepted", None)


def test_a_set_whose_body_was_redacted_is_accepted_and_says_nothing() -> None:
    redacted = replace(written(CLOSE), body=None)
    assert word(admit(redacted, OFFICER, NOW_MS)) == ("accepted", None)


def test_an_id_belongs_to_the_chain_that_created_it() -> None:
    assert word(ruled(OFFICER, CREATE)) == ("accepted", None)
    assert word(ruled(replace(OFFICER, incident=HERS), CREATE)) == ("accepted", None)
    assert word(ruled(replace(OFFICER, incident=THEIRS), CREATE)) == ("rejected", "id_exists")


def test_an_officer_may_order_themselves_to_what_they_found_and_nothing_else() -> None:
    on_hers, on_theirs = replace(OFFICER, incident=HERS), replace(OFFICER, incident=THEIRS)
    assert word(ruled(OFFICER, CREATE, order_to(SU))) == ("accepted", None)
    assert word(ruled(on_hers, order_to(SU))) == ("accepted", None)
    for facts, ops in (
        (on_hers, [order_to(LI)]),
        (on_hers, [CLOSE]),
        (on_theirs, [order_to(SU)]),
        (OFFICER, [order_to(SU)]),
        (OFFICER, [CREATE | {"source": "desk"}, order_to(SU)]),
    ):
        assert word(ruled(facts, *ops)) == ("rejected", "no_authority")


def test_one_command_too_many_takes_the_whole_set_with_it() -> None:
    assert word(ruled(replace(OFFICER, incident=HERS), NOTE, CLOSE)) == ("rejected", "no_authority")


def test_a_station_commands_its_own_incidents() -> None:
    at_home, away, nowhere = (
        Facts(grants=(Grant(("station",), station),), incident=THEIRS)
        for station in (STATION, ELSEWHERE, None)
    )
    assert word(ruled(at_home, CLOSE)) == ("accepted", None)
    assert word(ruled(away, CLOSE)) == ("rejected", "no_authority")
    assert word(ruled(nowhere, CLOSE)) == ("rejected", "no_authority")
    desk_create = CREATE | {"source": "desk"}
    fresh = replace(at_home, incident=None)
    assert word(ruled(fresh, desk_create, order_to(LI))) == ("accepted", None)
    elsewhere = desk_create | {"station": ELSEWHERE}
    assert word(ruled(fresh, elsewhere, order_to(LI))) == ("rejected", "no_authority")


def test_saying_that_another_arrived_takes_a_desk() -> None:
    heard = {"t": "milestone.claim", "kind": "arrived", "round": 0, "via": "radio", "by": LI}
    assert word(ruled(replace(OFFICER, incident=HERS), heard)) == ("rejected", "no_authority")
    assert word(ruled(replace(DESK, incident=HERS), heard)) == ("accepted", None)
    assert word(ruled(replace(OFFICER, incident=HERS), heard | {"by": SU})) == ("accepted", None)


def test_flags_stand_in_order() -> None:
    facts = replace(OFFICER, is_gap=True, is_fork=True, compromised_since_ms=NOW_MS)
    everything = ruled(
        replace(facts, seen_unknown=True, beacon_unknown=True), NOTE, ms=NOW_MS + 100_000
    )
    assert everything.flags == (
        "beacon_unknown",
        "clock_ahead",
        "compromised",
        "fork",
        "gap",
        "seen_unknown",
    )


@pytest.mark.parametrize("case", vector_cases("admission", "cases"))
def test_the_facts_in_a_ruling_are_enough_to_rule_again(case: dict[str, Any]) -> None:
    kept = expand(case["in"])
    if "floor" in kept:
        kept["floor"] = Stamp(*kept["floor"]).pack()
    facts = facts_of(kept)
    assert captured(facts) == kept
    one = None if case["ops"] is None else told(case)
    ruling, wanted = admit(one, facts, RECEIVED_MS), case["expect"]
    assert (ruling.decision, ruling.why) == (wanted["d"], wanted["why"])
    assert list(ruling.flags) == wanted["flags"]
    if "eff" in wanted:
        assert Stamp.unpack(ruling.eff) == tuple(wanted["eff"])


RECEIVED_MS = 1_000_000_000


def told(case: dict[str, Any]) -> ChangeSet:
    """The set of a vector."""
    one = written(*expand(case["ops"]), user=expand("@su"))
    hlc = Stamp(case.get("hlc", RECEIVED_MS), 0).pack()
    return replace(one, header=replace(one.header, chain=expand("@p"), hlc=hlc))


def test_au4_what_was_held_in_an_interval_is_what_held_in_any_part_of_it() -> None:
    officer, desk, gone = Grant(("officer",)), Grant(("dispatcher",)), Grant()
    history = [(100, officer), (200, desk), (200, officer), (300, gone)]
    assert held_between(history, 100, 199) == (officer,)
    assert held_between(history, 99, 100) == (gone, officer)
    assert held_between(history, 150, 299) == (officer,)  # the desk role lasted no time at all
    assert held_between(history, 299, 300) == (officer, gone)
    assert held_between(history, 300, 10**6) == (gone,)
    assert held_between([], 0, 10) == (gone,)
