"""Which limit holds for what (SPEC PO): the stories that both languages read, and the laws behind them."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.incident.policy import DEFAULTS, PolicyBook, tier_for
from sync.incident.versions import LIMITS, faults
from sync.incident.zones import Zone, Zones, contains, ring_fault
from tests.sync.conftest import vector_cases
from tests.sync.incident.labels import expand


@pytest.mark.parametrize("case", vector_cases("policy", "faults"))
def test_each_field_of_a_version_is_good_or_says_what_is_wrong(case: dict[str, Any]) -> None:
    assert [list(one) for one in faults(expand(case["row"]))] == case["faults"]


def test_the_vectors_hold_every_limit_there_is() -> None:
    told = next(case for case in vector_cases("policy", "faults") if "every limit" in case.id)
    row = told.values[0]["row"]
    assert LIMITS.keys() <= row.keys()
    assert LIMITS.keys() == set(DEFAULTS.__struct_fields__) - {"row", "idx"}


def asked(book: PolicyBook, ms: int, zone: Any, mode: str) -> dict[str, Any]:
    return dict(msgspec.structs.asdict(book.at(ms, expand(zone), mode)))


@pytest.mark.parametrize("case", vector_cases("policy", "force"))
def test_the_version_in_force_is_the_one_that_had_begun(case: dict[str, Any]) -> None:
    rows, modes = expand(case["policies"]), expand(case.get("modes", []))
    for turned in (rows, rows[::-1]):
        book = PolicyBook(turned, modes=modes[::-1])
        for ms, zone, mode, wanted in case["asked"]:
            found = asked(book, ms, zone, mode)
            assert {name: found[name] for name in wanted} == expand(wanted), (ms, zone, mode)
        for ms, mode in case.get("mode_at", []):
            assert book.mode_at(ms) == mode


@pytest.mark.parametrize("case", vector_cases("policy", "within"))
def test_a_clock_may_run_as_long_as_the_policy_says(case: dict[str, Any]) -> None:
    policy = PolicyBook([(bytes(16), 1, {"from_ms": 0, **case["policy"]})]).at(0)
    for clock, start_ms, about, within_ms in case["asked"]:
        assert policy.within_ms(clock, start_ms, **about) == within_ms, (clock, start_ms, about)


@pytest.mark.parametrize("case", vector_cases("policy", "inside"))
def test_a_point_is_inside_or_not_and_the_edge_is_inside(case: dict[str, Any]) -> None:
    ring = [tuple(point) for point in case["ring"]]
    for turned in (ring, ring[::-1], ring[2:] + ring[:2]):
        for point, inside in case["points"]:
            assert contains(turned, tuple(point)) is inside, point


@pytest.mark.parametrize("case", vector_cases("policy", "zones"))
def test_an_incident_lies_in_a_zone_or_in_none(case: dict[str, Any]) -> None:
    rows = expand(case["rows"])
    for turned in (rows, rows[::-1]):
        zones = Zones(turned)
        for ms, point, station, wanted in case["asked"]:
            fields = {} if point is None else {"point": [{"v": point}]}
            zone = zones.of({"fields": fields, "station": expand(station)}, ms)
            assert (zone and zone.id) == expand(wanted), (ms, point, station)


@pytest.mark.parametrize("case", vector_cases("policy", "tiers"))
def test_the_tier_is_stated_or_follows(case: dict[str, Any]) -> None:
    policy = PolicyBook([(bytes(16), 1, {"from_ms": 0, **case["policy"]})]).at(0)
    fields = {name: [{"v": value} for value in told] for name, told in case["facts"].items()}
    zone = None
    if case["zone"] is not None:
        zone = Zone(b"z", b"z", 0, "", None, case["zone"], None, ended=False)
    assert tier_for({"fields": fields}, zone, policy, expand(case["target"])) == case["tier"]


ZONES = st.sampled_from([None, b"a" * 16, b"b" * 16])
MODES = st.sampled_from([None, "normal", "emergency"])


@st.composite
def versions(draw: st.DrawFn) -> tuple[bytes, int, dict[str, Any]]:
    row: dict[str, Any] = {"from_ms": draw(st.integers(0, 20))}
    scope = {"zone": draw(ZONES), "mode": draw(MODES)}
    row |= {name: value for name, value in scope.items() if value is not None}
    for name in ("sign_within_ms", "review_within_ms"):
        if draw(st.booleans()):
            row[name] = draw(st.integers(1_000, 9_000))
    return draw(st.binary(min_size=16, max_size=16)), draw(st.integers(1, 99)), row


@given(st.lists(versions(), max_size=8, unique_by=lambda one: one[0]), st.data())
def test_po3_what_was_in_force_is_not_changed_by_what_comes_later(
    rows: list[tuple[bytes, int, dict[str, Any]]], data: st.DataObject
) -> None:
    """The law verdicts stand on: a version added later, that begins later, leaves every earlier moment as it was; and
    neither the order of the rows nor what was asked before plays a part."""
    zone, mode = data.draw(ZONES), data.draw(MODES) or "normal"
    now_ms = data.draw(st.integers(0, 20))
    before = PolicyBook(rows).at(now_ms, zone, mode)
    row_id, idx, row = data.draw(versions())
    later = (row_id, idx, row | {"from_ms": now_ms + 1 + row["from_ms"]})
    book = PolicyBook(data.draw(st.permutations([*rows, later])))
    for ms in data.draw(st.lists(st.integers(0, 40), max_size=4)):
        book.at(ms, zone, mode)
    assert book.at(now_ms, zone, mode) == before


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=7),
    st.tuples(st.integers(-1, 7), st.integers(-1, 7)),
    st.integers(-50, 50),
)
def test_po5_where_a_zone_lies_and_how_it_is_written_plays_no_part(
    ring: list[tuple[int, int]], point: tuple[int, int], shift: int
) -> None:
    inside = contains(ring, point)
    assert contains(ring[1:] + ring[:1], point) is inside
    assert contains(ring[::-1], point) is inside
    moved = [(lat + shift, lon - shift) for lat, lon in ring]
    assert contains(moved, (point[0] + shift, point[1] - shift)) is inside
    assert not inside or all(
        min(corner[axis] for corner in ring) <= point[axis] <= max(corner[axis] for corner in ring)
        for axis in (0, 1)
    )
    assert all(contains(ring, corner) for corner in ring)


def test_po5_a_ring_has_corners_enough_and_lies_on_the_earth() -> None:
    corner = [0, 0]
    assert ring_fault([corner, [0, 1], [1, 0]]) is None
    assert ring_fault("ring") == ring_fault([corner, [0, 1.5], [1, 0]]) == "wrong_type"
    assert ring_fault([corner, [0, 1]]) == "too_few"
    assert ring_fault([corner] * 501) == "too_many"
    assert ring_fault([corner, [0, 1], [900_000_001, 0]]) == "out_of_range"
