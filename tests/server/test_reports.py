"""Figures at a desk: real rulings counted, drills left out, a station among its own, two instants, files read back."""

import csv
import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from server.intake.verdicts import SETTLING_MS
from server.store.devices import Contact
from server.store.reports import candidates
from sync.changeset import Draft
from tests.server.desks import Centre, Seat, centre
from tests.server.pen import OTHER_STATION, OTHER_UNIT, STATION, UNIT, Pen, chance, person_id

SECOND = 1_000
MINUTE = 60 * SECOND
DAY_MS = 86_400_000


@pytest.fixture
async def house(tmp_path: Path, migrated_file: Path, db_url: str) -> AsyncIterator[Centre]:
    async with centre(tmp_path, migrated_file, database_url=db_url) as made:
        yield made


async def sent(
    seat: Seat, title: str = "草场纠纷", unit: bytes = UNIT, station: bytes = STATION, **more: Any
) -> tuple[bytes, bytes]:
    """An incident ordered to a unit: its id and the order's."""
    body = {"title": title, "station": station.hex(), "order": {"to": ["unit", unit.hex()]}}
    incident = (await seat.post("/api/incidents", body | more)).json()["id"]
    view = (await seat.ask(f"/api/incidents/{incident}"))["view"]
    return bytes.fromhex(incident), bytes.fromhex(view["orders"][0]["id"])


async def says(
    house: Centre, phone: Pen, incident: bytes, order: bytes, kind: str, *, is_bound: bool = True
) -> None:
    """A step taken now; without a beacon nobody knows how much earlier it was signed."""
    phone.now_ms = house.clock.now_ms()
    beacon = house.intake.beacon() if is_bound else None
    op = {"t": "milestone.claim", "kind": kind, "round": 0, "order": order, "via": "self"}
    await house.push(phone, phone.set(incident, op, beacon=beacon))


async def signed_after(
    house: Centre, phone: Pen, at: tuple[bytes, bytes], seconds: int, *, is_bound: bool = True
) -> None:
    """An order delivered at once and signed so many seconds later."""
    house.clock.advance(SECOND)
    await says(house, phone, *at, "delivered")
    house.clock.advance(seconds * SECOND)
    await says(house, phone, *at, "signed", is_bound=is_bound)


async def looked(house: Centre) -> None:
    """A second later, when whoever wakes by timers has judged what there is."""
    house.clock.advance(SETTLING_MS)
    await house.app.state.deadlines.tend()


async def lived(house: Centre, desk: Seat) -> tuple[Pen, Pen]:
    """Signed in 12 s and in 45 s; one of which nobody can tell; one still open; a drill; and one of another station."""
    phone, other = await house.phone(), await house.phone("other")
    await signed_after(house, phone, await sent(desk), 12)
    await signed_after(house, phone, await sent(desk, "=1+1 噪音"), 45)
    await signed_after(house, phone, await sent(desk, "牲畜走失"), 50, is_bound=False)
    open_ = await sent(desk, "醉酒")
    await says(house, phone, *open_, "delivered")
    await signed_after(house, phone, await sent(desk, "演练", exercise=True), 70)
    await signed_after(house, other, await sent(desk, "盗窃", OTHER_UNIT, OTHER_STATION), 20)
    await looked(house)
    return phone, other


def told(figures: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(figures[name] for name in names)


async def test_a_period_is_counted_with_what_cannot_be_said_apart(house: Centre) -> None:
    desk = await house.sign_in("dispatcher")
    await lived(house, desk)
    watching = await house.sign_in("supervisor")
    report = await watching.ask("/api/reports/figures?period=week&by=station&clocks=C2,C5")
    assert told(report, "incidents", "drills", "dropped", "cut") == (5, 1, 0, False)
    assert (report["period"]["kind"], report["period"]["number"]) == ("week", 49)
    signing = report["blocks"][0]
    assert signing["edges_ms"] == [30_000, 60_000, 120_000, 180_000]
    every = signing["all"]["figures"]
    assert told(every, "n", "ended", "buckets", "hatched") == (5, 4, [2, 1, 0, 0, 0], 1)
    assert told(every, "met", "missed", "basis_points", "undetermined") == (2, 1, 6666, 1)
    assert told(every, "pending", "overdue", "unproven", "not_delivered") == (0, 1, 0, 0)
    assert set(every["causes"]) == {"no_sample_after", "no_sample_before"}
    assert every["p90"]["lo_ms"] <= 50_000 <= every["p90"]["hi_ms"]
    names = [(group["name"], group["figures"]["n"]) for group in signing["groups"]]
    assert sorted(names) == [("乙派出所", 1), ("甲派出所", 4)]
    assert report["blocks"][1]["all"]["figures"]["n"] == 5, (
        "arrival is counted from issue, to a tier or not"
    )

    lines = await watching.ask(
        f"/api/reports/lines?clock=C2&by=station&group={STATION.hex()}&period=week"
    )
    by_title = {line["title"]: line for line in lines["lines"]}
    assert (len(by_title), lines["more"]) == (4, 0)
    sure, doubtful = by_title["草场纠纷"], by_title["牲畜走失"]
    assert (sure["result"], sure["bucket"], sure["grade"]) == ("met", 0, 0)
    assert sure["lo_ms"] <= 12_000 <= sure["hi_ms"]
    assert (doubtful["result"], doubtful["bucket"]) == ("undetermined", None)
    assert (by_title["醉酒"]["result"], by_title["醉酒"]["lo_ms"]) == ("overdue", None)
    assert sure["target"] == "甲一组"

    tomorrow = house.clock.now_ms() + DAY_MS
    empty = await watching.ask(f"/api/reports/figures?period=day&at_ms={tomorrow}&clocks=C2")
    assert told(empty["blocks"][0]["all"]["figures"], "n", "p50", "basis_points") == (0, None, None)


async def test_what_a_person_finds_otherwise_stands_beside_and_changes_no_count(
    house: Centre,
) -> None:
    desk, chief = await house.sign_in("dispatcher"), await house.sign_in("commander")
    phone = await house.phone()
    incident, order = await sent(desk)
    await signed_after(house, phone, (incident, order), 45)
    otherwise = {"t": "verdict.override", "clock": "C2", "order": order, "round": 0}
    said = otherwise | {"result": "met", "why": "电台先答"}
    chief_id = person_id("commander")
    draft = Draft(chief_id, "org", "incident", incident, [said])
    await house.intake.transaction(lambda batch: batch.write(draft))
    await looked(house)
    report = await chief.ask("/api/reports/figures?clocks=C2")
    every = report["blocks"][0]["all"]["figures"]
    assert told(every, "met", "missed", "overrides") == (0, 1, {"met": 1})


async def test_a_station_reads_of_its_own_and_others_of_all(house: Centre) -> None:
    desk = await house.sign_in("dispatcher")
    await lived(house, desk)
    station = await house.sign_in("station")
    report = await station.ask("/api/reports/figures?clocks=C2")
    assert (report["station"], report["incidents"]) == (STATION.hex(), 4)
    assert [group["name"] for group in report["blocks"][0]["groups"]] == ["甲派出所"]
    assert report["completeness"]["total"] == 1, "devices of others are not its own to know of"
    lines = await station.ask("/api/reports/lines?clock=C2")
    assert "盗窃" not in {line["title"] for line in lines["lines"]}
    pairs = await station.ask("/api/reports/between?start=issued&end=signed")
    assert "盗窃" not in {line["title"] for line in pairs["lines"]}
    for role in ("callback", "admin", "reviewer"):
        seat = await house.sign_in(role)
        assert (await seat.get("/api/reports/figures")).status_code == 403
    for wrong in ("period=range", "clocks=C2,C99", "period=range&from_ms=9&to_ms=8"):
        assert (await desk.get(f"/api/reports/figures?{wrong}")).json()["code"] == "bad_request"


async def test_completeness_says_who_was_not_heard_and_that_the_rest_is_unknown(
    house: Centre,
) -> None:
    desk = await house.sign_in("dispatcher")
    phone, _never_heard = await house.phone(), await house.phone("other")
    contact = Contact(phone.chain, house.clock.now_ms(), 2, 1_795_999_000_000, 0, 9, "test/1")
    house.intake.note_contact(contact)
    await house.intake.transaction(lambda _batch: None)
    mark = (await desk.ask("/api/reports/figures?clocks=C2"))["completeness"]
    assert told(mark, "total", "whole", "silent", "holding", "unknown") == (2, 0, 0, 1, 1)
    assert told(mark, "pending", "oldest_ms", "basis_points") == (2, 1_795_999_000_000, 0)
    house.clock.advance(3_600_000)
    mark = (await desk.ask("/api/reports/figures?clocks=C2"))["completeness"]
    assert told(mark, "silent", "longest_silent_ms") == (1, contact.last_contact_ms)


async def test_any_two_instants_are_bounded_by_the_same_evidence(house: Centre) -> None:
    desk = await house.sign_in("dispatcher")
    phone = await house.phone()
    told_at = house.clock.now_ms() - 100 * SECOND
    at = await sent(desk)
    fact = {"t": "fact.set", "f": "city_received_at", "v": told_at, "p": []}
    await house.push(phone, phone.set(at[0], fact))
    await signed_after(house, phone, at, 12)
    house.clock.advance(4 * MINUTE)
    await says(house, phone, *at, "arrived")
    await sent(desk, "演练", exercise=True)

    found = await desk.ask("/api/reports/between?start=signed&end=arrived&by=target")
    assert told(found, "looked", "of", "drills") == (2, 2, 1)
    [line] = found["lines"]
    assert line["lo_ms"] <= 4 * MINUTE <= line["hi_ms"] <= 4 * MINUTE + SECOND
    assert (line["bucket"], line["target"], line["claimed_ms"]) == (0, "甲一组", 4 * MINUTE)
    assert found["block"]["groups"][0]["name"] == "甲一组"

    city = await desk.ask("/api/reports/between?start=city_received&end=arrived")
    [line] = city["lines"]
    assert (line["hi_ms"], line["bucket"], line["grade"]) == (None, None, 3)
    assert "foreign_clock" in line["why"]
    assert city["claimed_p50_ms"] == line["claimed_ms"] == (100 + 1 + 12 + 240) * SECOND
    assert city["block"]["all"]["figures"]["hatched"] == 1
    backwards = await desk.get("/api/reports/between?start=arrived&end=signed")
    assert backwards.json()["code"] == "bad_request"


def read_xlsx(body: bytes) -> list[list[list[str | float | None]]]:
    """Every page of a workbook as rows of cells, read by nothing that wrote it; a formula fails."""
    ns = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    pages = []
    with zipfile.ZipFile(io.BytesIO(body)) as book:
        strings = ET.fromstring(book.read("xl/sharedStrings.xml"))
        texts = ["".join(one.itertext()) for one in strings.findall("m:si", ns)]
        for at in (1, 2):
            page = ET.fromstring(book.read(f"xl/worksheets/sheet{at}.xml"))
            assert page.find(".//m:f", ns) is None
            rows = []
            for row in page.findall(".//m:row", ns):
                cells: list[str | float | None] = []
                for cell in row.findall("m:c", ns):
                    value = cell.findtext("m:v", namespaces=ns)
                    is_text = cell.get("t") == "s"
                    cells.append(texts[int(value or 0)] if is_text else float(value or 0))
                rows.append(cells)
            pages.append(rows)
    return pages


async def test_a_file_says_what_the_screen_says_and_runs_nothing(house: Centre) -> None:
    desk = await house.sign_in("dispatcher")
    await lived(house, desk)
    answer = await desk.get("/api/reports/export?format=csv&lang=en&clocks=C2")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["Group"] for row in rows] == ["All", "乙派出所", "甲派出所"]
    every = rows[0]
    assert (every["Met"], every["Missed"], every["Judged"], every["Undetermined"]) == (
        "2",
        "1",
        "3",
        "1",
    )
    assert (every["Bucket 1"], every["In several buckets (hatched)"]) == ("2", "1")
    assert (every["Devices never heard of"], every["Backlog of silent devices"]) == ("2", "unknown")
    assert every["Drills (not counted)"] == "1"

    answer = await desk.get("/api/reports/export?format=csv&what=lines&lang=en&clocks=C2")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    titles = {row["Title"] for row in rows}
    assert "'=1+1 噪音" in titles, "a formula is written as text"
    assert "演练" not in titles
    assert all("/desk/timeline/" in row["Timeline"] for row in rows)

    answer = await desk.get("/api/reports/export?format=xlsx&clocks=C2")
    figures, lines = read_xlsx(answer.content)
    assert figures[0] == ["看板"]
    head = next(row for row in figures if row[0] == "时钟")
    first = figures[figures.index(head) + 1]
    assert first[: head.index("跨档（斜纹）") + 1][2:5] == ["全部", 5.0, 4.0]
    assert any("=1+1 噪音" in row for row in lines)
    answer = await desk.get("/api/reports/export?format=xlsx&start=issued&end=signed")
    _figures, lines = read_xlsx(answer.content)
    assert any("派出 → 签收" in row for row in lines)


async def test_of_too_many_incidents_the_newest_are_read_and_those_of_unknown_age_come_last(
    house: Centre,
) -> None:
    """What came of an incident before its creation did has no age yet, which is sorted as each database likes."""
    desk, phone = await house.sign_in("dispatcher"), await house.phone()
    span = (house.clock.now_ms() - DAY_MS, house.clock.now_ms() + DAY_MS)
    first, _ = await sent(desk)
    ageless = chance("ageless")[:16]
    await house.push(phone, phone.note(ageless, "先到的话"))
    house.clock.advance(SECOND)
    second, _ = await sent(desk)
    found, total = await house.app.state.db.reading(candidates, span, 9, station=None)
    assert ([one.id for one in found], total) == ([second, first, ageless], 3)
