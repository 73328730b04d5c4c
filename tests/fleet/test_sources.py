"""Recorded calls as they really are: missing, doubled, repeated and out of order.

The files in `tests/data` are made up; their columns are the sources' own.

Example: a dispatch printed 01:05 for a call received at 01:40 was made in the second pass of the hour.
"""

import csv
import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from server.fleet.replay import intervals
from server.fleet.replay.calls import Call, Source, SourceError
from server.fleet.replay.localtime import Zone, american, iso
from server.fleet.replay.sources import read

DATA = Path(__file__).resolve().parents[1] / "data"


def utc(text: str) -> int:
    """Milliseconds of an ISO time in UTC."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def by_number(source: Source) -> dict[str, Call]:
    return {call.source_no: call for call in source.calls}


def steps(call: Call) -> dict[str, int]:
    return {step.kind: step.at_ms for leg in call.legs for step in leg.steps}


@pytest.fixture(scope="module")
def alexandria() -> dict[str, Call]:
    return by_number(read(DATA / "alexandria.csv", "alexandria"))


def test_calls_come_in_order_of_receipt_and_the_limit_counts_from_the_first() -> None:
    source = read(DATA / "alexandria.csv", "alexandria")
    received = [call.received_ms for call in source.calls]
    assert received == sorted(received)
    assert source.calls[0].source_no == "99-000000"
    assert read(DATA / "alexandria.csv", "alexandria", limit=3).calls == source.calls[:3]


def test_a_gzip_file_reads_the_same_whatever_its_name(tmp_path: Path) -> None:
    zipped = tmp_path / "calls"
    zipped.write_bytes(gzip.compress((DATA / "sf_fire.csv").read_bytes()))
    assert read(zipped, "sf-fire").calls == read(DATA / "sf_fire.csv", "sf-fire").calls


def test_a_repeated_or_blank_number_stays_a_call_of_its_own() -> None:
    source = read(DATA / "alexandria.csv", "alexandria")
    numbers = [call.source_no for call in source.calls]
    assert len(set(numbers)) == len(numbers) == 15
    assert {"99-000001", "99-000001#2", "blank", "blank#2"} <= set(numbers)
    assert source.repeated_numbers == 2


def test_acknowledged_after_en_route_is_kept_as_recorded(alexandria: dict[str, Call]) -> None:
    said = steps(alexandria["99-000002"])
    assert said["departed"] < said["arrived"] < said["signed"]


def test_no_arrival_is_no_step(alexandria: dict[str, Call]) -> None:
    assert set(steps(alexandria["99-000003"])) == {"signed", "departed"}


def test_a_reopened_call_has_a_second_round(alexandria: dict[str, Call]) -> None:
    assert [(step.kind, step.round) for step in alexandria["99-000004"].desk] == [
        ("close", 0),
        ("reopen", 1),
        ("close", 1),
    ]


def test_a_closing_before_the_reopening_leaves_the_round_open(alexandria: dict[str, Call]) -> None:
    assert [step.kind for step in alexandria["99-000005"].desk] == ["close", "reopen"]


def test_a_unit_sent_after_the_reopening_belongs_to_the_new_round(
    alexandria: dict[str, Call],
) -> None:
    (leg,) = alexandria["99-000008"].legs
    assert leg.round == 1


def test_the_doubled_hour_is_told_apart_where_the_order_of_events_tells(
    alexandria: dict[str, Call],
) -> None:
    told, outlasting = alexandria["99-000006"], alexandria["99-000007"]
    assert told.received_ms == utc("2025-11-02T05:40:00")
    assert told.legs[0].dispatched_ms == utc("2025-11-02T06:05:00")
    assert steps(told)["arrived"] == utc("2025-11-02T06:10:00")
    assert told.desk[0].at_ms == utc("2025-11-02T06:30:00")
    # Sent at 01:51, there at 02:20: 29 minutes are likelier than 89.
    assert outlasting.received_ms == utc("2025-11-02T06:50:00")
    assert outlasting.legs[0].dispatched_ms == utc("2025-11-02T06:51:00")
    assert steps(outlasting)["arrived"] == utc("2025-11-02T07:20:00")
    assert told.ambiguous
    assert outlasting.ambiguous
    assert not alexandria["99-000001"].ambiguous


def test_a_call_within_the_doubled_hour_stays_in_its_first_pass(tmp_path: Path) -> None:
    text = (DATA / "alexandria.csv").read_text(encoding="utf-8")
    within = tmp_path / "within.csv"
    within.write_text(
        text.replace("11-02 02:20", "11-02 01:55").replace("11-02 02:40", "11-02 01:58")
    )
    call = by_number(read(within, "alexandria"))["99-000007"]
    assert call.received_ms == utc("2025-11-02T05:50:00")
    assert steps(call)["arrived"] == utc("2025-11-02T05:55:00")
    assert call.ambiguous


def test_a_first_closing_after_the_reopening_closes_the_new_round(tmp_path: Path) -> None:
    rows = list(csv.DictReader((DATA / "alexandria.csv").open(encoding="utf-8")))
    row = next(row for row in rows if row["Master_Incident_Number"] == "99-000004")
    row["First_Reopen_Time"] = "2025-11-01 23:05:00.000"  # and first closed later
    row["Final_Closed_Time"] = "NULL"
    file = tmp_path / "late.csv"
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, row)
        writer.writeheader()
        writer.writerow(row)
    [call] = read(file, "alexandria").calls
    assert [(step.kind, step.round) for step in call.desk] == [("reopen", 1), ("close", 1)]


def test_one_row_per_unit_becomes_one_call_with_a_leg_for_each() -> None:
    source = read(DATA / "sf_fire.csv", "sf-fire")
    fire, medical, alarm, assist = source.calls
    assert [leg.unit for leg in fire.legs] == ["T07", "E07", "B02"]
    assert fire.received_ms == utc("2020-04-08T04:00:00")
    assert fire.desk[0].at_ms == utc("2020-04-08T05:20:00")  # when the last unit was available
    assert [step.kind for step in medical.legs[1].steps] == [
        "departed",
        "arrived",
        "note",
        "note",
        "cleared",
    ]
    assert medical.point == (377_501_000, -1_224_301_000)
    assert (alarm.desk, alarm.point) == ((), None)  # nobody said when the unit was available
    assert steps(assist)["cleared"] < steps(assist)["arrived"]


def test_one_time_stamp_gives_no_step_that_needs_another() -> None:
    calls = by_number(read(DATA / "san_diego.csv", "san-diego"))
    answered, cancelled, logged = (calls[f"E9901000000{n}"] for n in (1, 5, 6))
    assert [step.kind for leg in answered.legs for step in leg.steps] == ["feedback"]
    assert answered.place == "700 W MARKET ST"
    assert calls["E99010000002"].place == "05TH AVE / G"
    assert (cancelled.legs, [step.kind for step in cancelled.desk]) == ((), ["withdraw"])
    assert (logged.legs, logged.desk, logged.level) == ((), (), 4)
    assert intervals.arrival(map(intervals.marks_of_call, calls.values())).n == 0


def test_intervals_are_counted_by_hand() -> None:
    marks = [intervals.marks_of_call(call) for call in read(DATA / "sf_fire.csv", "sf-fire").calls]
    arrival = intervals.arrival(marks)  # 182, 244 and 510 s
    assert (arrival.n, arrival.p50_s) == (3, 244.0)
    assert arrival.p90_s == pytest.approx(456.8)
    assert arrival.within == {"1_min": 0.0, "3_min": 0.0, "5_min": 0.6667}
    assert intervals.signing(marks).n == 0


def test_a_cell_that_cannot_be_read_is_named_and_the_row_kept(tmp_path: Path) -> None:
    text = (DATA / "alexandria.csv").read_text(encoding="utf-8")
    broken = tmp_path / "broken.csv"
    broken.write_text(text.replace("2025-11-01 22:15:10.500", "quarter past ten"), "utf-8")
    source = read(broken, "alexandria")
    assert (source.problem_count, len(source.calls)) == (1, 15)
    assert (source.problems[0].line, source.problems[0].column) == (2, "Incident_Arrival_Time")


def test_a_row_of_another_width_or_encoding_is_named_and_kept(tmp_path: Path) -> None:
    first, *rest = (DATA / "san_diego.csv").read_bytes().splitlines()
    broken = tmp_path / "broken.csv"
    rest[0] += b",one more"
    rest[1] = rest[1].replace(b"MARKET", b"\xb0\xba")
    broken.write_bytes(b"\n".join([first, *rest]))
    source = read(broken, "san-diego")
    assert len(source.calls) == len(rest)
    named = [(problem.line, problem.column, problem.reason) for problem in source.problems]
    assert named == [
        (2, "", "15 cells where the header has 14"),
        (3, "address_road_primary", "bytes that are not UTF-8"),
    ]


def test_a_year_that_no_call_can_have_is_a_damaged_cell(tmp_path: Path) -> None:
    text = (DATA / "alexandria.csv").read_text(encoding="utf-8")
    broken = tmp_path / "broken.csv"
    broken.write_text(text.replace("2025-11-01 22:15:10.500", "1900-01-01 00:00:00.000"), "utf-8")
    [problem] = read(broken, "alexandria").problems
    assert (problem.line, problem.column) == (2, "Incident_Arrival_Time")
    assert "1900" in problem.reason


def test_a_priority_that_only_looks_like_a_number_is_the_lowest(tmp_path: Path) -> None:
    text = (DATA / "alexandria.csv").read_text(encoding="utf-8")
    odd = tmp_path / "odd.csv"
    odd.write_text(text.replace(",FENCE DISPUTE,2,", ",FENCE DISPUTE,²,"), "utf-8")
    assert by_number(read(odd, "alexandria"))["99-000001"].level == 4


def test_a_file_that_ends_too_early_is_refused_with_its_last_good_line(tmp_path: Path) -> None:
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(gzip.compress((DATA / "alexandria.csv").read_bytes() * 50)[:-30])
    with pytest.raises(SourceError, match=r"beyond line \d+: Compressed file ended"):
        read(cut, "alexandria")


def test_another_format_is_refused_by_the_columns_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="has no column Agency, Call_Reception"):
        read(DATA / "san_diego.csv", "alexandria")
    (tmp_path / "noise.gz").write_bytes(b"\x1f\x8b" + bytes(20))
    with pytest.raises(SourceError, match="cannot be read"):
        read(tmp_path / "noise.gz", "sf-fire")


def test_midnight_and_noon_are_twelve() -> None:
    assert american("04/08/2020 12:00:00 AM").hour == 0
    assert american("04/08/2020 12:30:00 PM").hour == 12
    for wrong in ("04/08/2020 13:00:00 PM", "04/08/2020 00:10:00", "2020-04-08 01:00:00 AM"):
        with pytest.raises(ValueError):  # noqa: PT011 - several ways to be wrong
            american(wrong)


def test_the_hour_left_out_in_spring_does_not_count_as_doubled() -> None:
    zone = Zone("America/New_York")
    assert zone.utc_ms(iso("2025-03-09 02:30:00.000")) == utc("2025-03-09T07:30:00")
    assert not zone.met_doubled_hour
