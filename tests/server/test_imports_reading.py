"""Reading orders of other systems: every fault is named with its line, the good lines survive."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.imports.files import FileKind, FileReading, read_file
from server.imports.hygiene import for_spreadsheet, for_terminal, write_csv
from server.imports.lines import MAX_LINE_BYTES, Fault, read_lines
from server.imports.mapping import ORTOO, Mapping, read_mapping
from server.imports.orders import Names, Order
from server.problems import ProblemError

ANGSU, CAR, BAI_YIN = bytes([1] * 16), bytes([2] * 16), bytes([3] * 16)
NAMES = Names(
    stations={"昂素派出所": ANGSU, ANGSU.hex(): ANGSU},
    units={"昂素一车组": CAR},
    people={"白音": BAI_YIN},
)
JSONL, CSV = FileKind("jsonl"), FileKind("csv")


def row(**more: object) -> dict[str, object]:
    return {"source_no": "7", "station": "昂素派出所", "title": "围栏纠纷"} | more


def jsonl(*rows: object) -> bytes:
    return "\n".join(json.dumps(one, ensure_ascii=False) for one in rows).encode()


def read(data: bytes, kind: FileKind = JSONL, mapping: Mapping = ORTOO) -> FileReading:
    return read_file(data, kind, mapping, NAMES)


def faults(reading: FileReading) -> list[tuple[int, object, str]]:
    return [(fault.line, fault.column, fault.code) for fault in reading.faults]


def test_a_full_line_becomes_an_order_with_its_facts_and_foreign_times() -> None:
    reading = read(
        jsonl(
            row(
                category="dispute",
                place="巴彦乌素嘎查二社",
                lat=38.18361239,
                lon="107.4786",
                caller_phone="13800002046",
                level=2,
                tier="3",
                city_received_at="2026-03-12 14:31:08",
                city_issued_at="2026-03-12T06:31:40Z",
                unit="昂素一车组",
                exercise="否",
            )
        )
    )
    assert reading.faults == []
    [order] = reading.orders
    assert order.station == ANGSU
    assert order.target == ("unit", CAR)
    assert order.at_ms == 1_773_297_068_000
    assert order.facts["city_issued_at"] == 1_773_297_100_000
    assert order.facts["point"] == (381_836_124, 1_074_786_000)
    assert (order.facts["level"], order.facts["tier"]) == (2, 3)
    assert not order.exercise


def test_every_fault_of_a_line_is_told_at_once() -> None:
    bad = row(
        source_no=None, level=9, tier="soon", lat=91, lon=7, city_received_at="yesterday", unit="x"
    )
    reading = read(jsonl(row(), bad, row(source_no="8")))
    assert [order.source_no for order in reading.orders] == ["7", "8"]
    assert (reading.read, reading.refused) == (3, 1)
    assert sorted(faults(reading), key=str) == [
        (2, "city_received_at", "time"),
        (2, "lat", "range"),
        (2, "level", "range"),
        (2, "source_no", "missing"),
        (2, "tier", "range"),
        (2, "unit", "unknown_value"),
    ]


def test_a_broken_json_line_names_the_character() -> None:
    reading = read(
        jsonl(row()) + '\n{"title": "围栏" oops}\n[1, 2]\n\n'.encode() + jsonl(row(source_no="9"))
    )
    assert [order.source_no for order in reading.orders] == ["7", "9"]
    assert faults(reading) == [(2, 16, "not_json"), (3, 1, "not_json")]


def test_a_json_line_that_stops_or_nests_names_the_place() -> None:
    reading = read('{"title": "围栏"\n{"title": "围栏", "place": ["昂素"]}\n'.encode())
    assert faults(reading) == [(1, 15, "not_json"), (2, "place", "not_json")]
    assert [fault.code for fault in read(b"0 and more").faults] == ["not_json"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_as_any_system_ends_them(end: str) -> None:
    text = end.join(["source_no,station,title", "1,昂素派出所,围栏纠纷", "2,无此所,走失", ""])
    reading = read(text.encode(), CSV)
    assert [order.facts["title"] for order in reading.orders] == ["围栏纠纷"]
    assert faults(reading) == [(3, "station", "unknown_value")]


def test_a_csv_of_the_city_in_gb18030_is_read_through_a_mapping() -> None:
    mapping = read_mapping(
        json.dumps(
            {
                "source_no": "接警单编号",
                "title": "警情标题",
                "station": "管辖单位",
                "city_received_at": "接警时间",
                "tier": "时限",
                "time_format": "%Y/%m/%d %H:%M",
                "zone": "Asia/Shanghai",
                "values": {"tier": {"尽快": "0"}},
                "defaults": {"category": "other"},
            }
        )
    )
    text = (
        "接警单编号,警情标题,管辖单位,接警时间,时限,备注\r\n"
        '2026-1,"围栏纠纷，\n双方""争执""",昂素派出所,2026/03/12 14:31,尽快,x\r\n'
        "2026-2,走失,不存在的所,2026/03/12 14:31,3,y\r\n"
    )
    reading = read(text.encode("gb18030"), FileKind("csv", "gb18030"), mapping)
    [order] = reading.orders
    assert order.facts["title"] == '围栏纠纷，\n双方"争执"'
    assert order.facts["city_received_at"] == 1_773_297_060_000
    assert (order.facts["tier"], order.facts["category"]) == (0, "other")
    assert faults(reading) == [(4, "管辖单位", "unknown_value")], (
        "the second record begins on line 4"
    )
    assert reading.ignored == ("备注",)


def test_an_undecodable_byte_is_placed_to_the_byte_and_spoils_only_its_line() -> None:
    good, bad = jsonl(row()), jsonl(row(source_no="8")).replace("纠".encode(), b"\xff\xfe")
    data = b"\xef\xbb\xbf" + good + b"\n" + bad + b"\n" + jsonl(row(source_no="9"))
    reading = read(data)
    assert [order.source_no for order in reading.orders] == ["7", "9"]
    [fault] = reading.faults
    assert (fault.line, fault.code) == (2, "encoding")
    assert fault.offset is not None
    assert data[fault.offset] == 0xFF
    assert str(fault.offset) in fault.reason
    assert (reading.read, reading.refused) == (3, 1)


def test_an_undecodable_byte_inside_a_quoted_field_spoils_the_whole_record_once() -> None:
    text = b"source_no,station,title\n1," + "昂素派出所".encode() + b',"one\ntwo \xff\nthree"\n2,'
    reading = read(text + "昂素派出所".encode() + b",fine\n", CSV)
    assert [order.source_no for order in reading.orders] == ["2"]
    assert faults(reading) == [(3, 5, "encoding")]
    assert (reading.read, reading.refused) == (2, 1)


def test_csv_of_the_wrong_shape_names_the_line() -> None:
    text = 'source_no,station,title\n1,昂素派出所\n2,昂素派出所,"open\nnever closed'
    reading = read(text.encode(), CSV)
    assert reading.orders == []
    assert faults(reading) == [(2, "title", "columns"), (3, None, "columns")]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"number,title\n1,x\n", "bad_mapping"),
        (b"source_no,station,title,title\n", "bad_mapping"),
        (b"", "bad_mapping"),
        (b"x" * (16 * 1024 * 1024 + 1), "file_too_large"),
        (b"source_no,station,title\n" + b"1,a,b\n" * 20_001, "file_too_large"),
    ],
)
def test_what_spoils_a_whole_csv_is_said_once(data: bytes, code: str) -> None:
    with pytest.raises(ProblemError) as refused:
        read(data, CSV)
    assert refused.value.code == code


def test_bounds_hold_for_lines_texts_and_control_characters() -> None:
    long_line = json.dumps(row(narrative="x" * MAX_LINE_BYTES)).encode()
    long_text = jsonl(row(narrative="草" * 5_400))
    nul = b'{"source_no": "8\x00"}'
    reading = read(b"\n".join([long_line, long_text, nul]))
    assert faults(reading) == [
        (1, None, "too_long"),
        (2, "narrative", "too_long"),
        (3, 17, "control_character"),
    ]
    assert reading.refused == 3


@pytest.mark.parametrize(
    ("mapping", "named"),
    [
        ("city", "no mapping named"),
        ('{"source_no": "a"', "cannot be read"),
        ('{"source_no": "a", "station": "b", "title": "c", "colour": "d"}', "'colour'"),
        ('{"source_no": "a", "title": "c"}', "'station'"),
        ('{"source_no": "a", "station": "b", "title": "c", "zone": "Mars/Base"}', "Mars/Base"),
        ('{"source_no": 5}', "cannot be read"),
        ('{"title": "c", "station": "b", "defaults": {"source_no": "1"}}', "no default"),
    ],
)
def test_a_mapping_that_cannot_work_says_why(mapping: str, named: str) -> None:
    with pytest.raises(ProblemError) as refused:
        read_mapping(mapping)
    assert refused.value.code == "bad_mapping"
    assert named in refused.value.detail


def test_two_rows_that_say_the_same_have_one_hash_however_they_are_written() -> None:
    first = read(jsonl(row(tier=3, city_received_at="2026-03-12 14:31:08"))).orders[0]
    text = (
        "title,tier,city_received_at,source_no,station\n围栏纠纷,3,2026-03-12T06:31:08Z,7,"
        + ANGSU.hex()
    )
    second = read(text.encode(), CSV).orders[0]
    assert first.content_hash() == second.content_hash()
    assert read(jsonl(row(tier=5))).orders[0].content_hash() != first.content_hash()


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(
                [
                    "source_no",
                    "station",
                    "title",
                    "lat",
                    "lon",
                    "level",
                    "unit",
                    "city_issued_at",
                    "x",
                ]
            ),
            st.one_of(
                st.none(),
                st.booleans(),
                st.integers(),
                st.floats(allow_nan=False),
                st.text(max_size=20),
            ),
        ),
        max_size=8,
    ),
    st.binary(max_size=30),
)
def test_whatever_a_file_holds_each_line_is_an_order_or_a_fault(
    rows: list[dict[str, object]], junk: bytes
) -> None:
    data = b"\n".join([*(json.dumps(one).encode() for one in rows), junk])
    reading = read(data)
    assert reading.read == len(reading.orders) + reading.refused
    filled = sum(bool(line.text.strip()) for line in read_lines(data, "utf-8")[0])
    assert reading.read == filled
    assert {fault.line for fault in reading.faults}.isdisjoint(
        order.line for order in reading.orders
    )
    for order in reading.orders:
        assert isinstance(order, Order)
        assert order.content_hash() == order.content_hash()


@given(st.text(max_size=40))
def test_nothing_shown_in_a_spreadsheet_can_calculate_and_nothing_printed_can_steer(
    text: str,
) -> None:
    cell = for_spreadsheet(text)
    assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r"))
    line = for_terminal(text)
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in line)


def test_a_list_of_faults_opens_as_the_same_table() -> None:
    fault = Fault(3, "=HYPERLINK(1)", "range", 'a "b", c\r\nd')
    table = write_csv(["line", "column", "reason"], [(fault.line, fault.column, fault.reason)])
    assert list(csv.reader(io.StringIO(table, newline="")))[1] == [
        "3",
        "'=HYPERLINK(1)",
        'a "b", c\r\nd',
    ]
