"""Importing orders over HTTP and by file: once, again, changed, half wrong, and half done when the power went."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from server.cli import main
from server.imports import apply
from tests.server.desks import PASSWORD, Centre, Seat, centre
from tests.server.pen import EPOCH_MS, OTHER_STATION, STATION, UNIT

URL = "/api/imports/orders?source=city-110"


@pytest.fixture
async def house(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Centre]:
    async with centre(tmp_path, migrated_file) as made:
        yield made


def row(number: object, **more: Any) -> dict[str, Any]:
    return {"source_no": str(number), "station": "甲派出所", "title": f"围栏纠纷 {number}"} | more


def jsonl(*rows: object) -> bytes:
    return "\n".join(json.dumps(one, ensure_ascii=False) for one in rows).encode()


async def take(seat: Seat, data: bytes, query: str = "") -> Any:
    answer = await seat.upload(URL + query, data)
    assert answer.status_code == 200, answer.text
    return answer.json()


def counts(report: Any) -> tuple[int, ...]:
    return tuple(report[name] for name in ("read", "imported", "updated", "duplicate", "refused"))


async def test_an_order_of_the_city_becomes_an_incident_sent_to_its_unit(house: Centre) -> None:
    desk = await house.sign_in("dispatcher")
    received, issued = EPOCH_MS - 61_000, EPOCH_MS - 1_000
    report = await take(
        desk,
        jsonl(
            row(
                17,
                place="二社",
                lat=38.18,
                lon=107.47,
                tier=5,
                caller_phone="13800002046",
                city_received_at=received,
                city_issued_at=issued,
                unit="甲一组",
            )
        ),
    )
    assert counts(report) == (1, 1, 0, 0, 0)
    [made] = report["incidents"]
    assert (made["source_no"], made["number"], made["result"]) == ("17", "261130-0001", "imported")
    shown = await desk.ask(f"/api/incidents/{made['id']}")
    view = shown["view"]
    assert view["created"]["at"] == received, "it began when the city heard of it"
    assert view["created"]["source"] == "import"
    assert view["fields"]["city_issued_at"][0]["v"] == issued
    assert view["fields"]["source_no"][0]["v"] == "17"
    assert (view["orders"][0]["to"], view["orders"][0]["issued_at"]) == (
        ["unit", UNIT.hex()],
        EPOCH_MS,
    )
    assert {entry["by_name"] for entry in shown["timeline"]} == {"赵"}
    assert shown["summary"]["source"] == "import"


async def test_importing_a_file_twice_changes_nothing(house: Centre) -> None:
    desk = await house.sign_in("dispatcher")
    data = jsonl(row(1), row(2), row(1))
    first = await take(desk, data)
    assert counts(first) == (3, 2, 0, 1, 0), (
        "the same order twice in one file is known the second time"
    )
    size = (await desk.ask("/api/health"))["log_size"]
    again = await take(desk, data)
    assert counts(again) == (3, 0, 0, 3, 0)
    assert [one["id"] for one in again["incidents"]] == [one["id"] for one in first["incidents"]]
    assert (await desk.ask("/api/health"))["log_size"] == size
    other = await desk.upload("/api/imports/orders?source=forest-fire", jsonl(row(1)))
    assert other.json()["imported"] == 1, "another source counts by itself"


async def test_a_changed_order_updates_what_its_source_said_and_nothing_else(house: Centre) -> None:
    desk = await house.sign_in("dispatcher")
    [made] = (await take(desk, jsonl(row(1, place="二社", tier=5))))["incidents"]
    path = f"/api/incidents/{made['id']}"
    house.clock.advance(60_000)
    changed = jsonl(row(1, place="三社", tier=5, narrative="已打起来", unit="甲一组"))
    assert counts(await take(desk, changed)) == (1, 0, 1, 0, 0)
    view = (await desk.ask(path))["view"]
    assert [one["v"] for one in view["fields"]["place"]] == ["三社"]
    assert view["fields"]["narrative"][0]["v"] == "已打起来"
    assert len(view["orders"]) == 1
    assert counts(await take(desk, changed)) == (1, 0, 0, 1, 0)

    house.clock.advance(60_000)
    preds = [view["fields"]["place"][0]["op"]]
    await desk.did(made["id"], "set_fact", f="place", v="四社", preds=preds)
    house.clock.advance(60_000)
    await take(desk, jsonl(row(1, place="五社", tier=5, narrative="已打起来", unit="甲一组")))
    shown = await desk.ask(path)
    assert [one["v"] for one in shown["view"]["fields"]["place"]] == ["四社", "五社"], (
        "a desk's word is not overwritten"
    )
    assert shown["summary"]["conflicts"] == 1
    assert len(shown["view"]["orders"]) == 1


async def test_an_order_moved_to_another_station_is_transferred(house: Centre) -> None:
    desk = await house.sign_in("dispatcher")
    [made] = (await take(desk, jsonl(row(1))))["incidents"]
    await take(desk, jsonl(row(1, station="乙派出所")))
    shown = await desk.ask(f"/api/incidents/{made['id']}")
    assert shown["summary"]["station"] == OTHER_STATION.hex()
    assert [OTHER_STATION.hex() in name for name in shown["scopes"]] == [True], "it left the other"


async def test_all_or_nothing_and_good_lines_only(house: Centre) -> None:
    desk = await house.sign_in("dispatcher")
    data = (
        jsonl(row(1), row(2, station="没有的所"), row(3, tier="soon"))
        + b"\n\xff\xfe\n"
        + jsonl(row(4))
    )
    refused = await desk.upload(URL, data)
    assert (refused.status_code, refused.json()["code"]) == (422, "refused_lines")
    report = refused.json()["report"]
    assert counts(report) == (5, 0, 0, 0, 3)
    assert [(fault["line"], fault["column"], fault["code"]) for fault in report["errors"]] == [
        (2, "station", "unknown_value"),
        (3, "tier", "range"),
        (4, 1, "encoding"),
    ]
    assert data[report["errors"][2]["offset"]] == 0xFF
    assert (await desk.ask("/api/incidents"))["incidents"] == [], "nothing was imported"
    report = await take(desk, data, "&mode=good")
    assert counts(report) == (5, 2, 0, 0, 3)
    assert [one["source_no"] for one in report["incidents"]] == ["1", "4"]


async def test_a_gb18030_csv_of_the_city_through_a_mapping(house: Centre) -> None:
    desk = await house.sign_in("dispatcher")
    mapping = json.dumps(
        {"source_no": "编号", "title": "标题", "station": "单位", "city_received_at": "时间"}
    )
    data = '编号,标题,单位,时间,备注\r\nA-1,"牲畜, 走失",甲派出所,2026-11-30 08:00:00,x\r\n'.encode(
        "gb18030"
    )
    answer = await desk.upload(f"{URL}&format=csv&encoding=gb18030&mapping={mapping}", data)
    report = answer.json()
    assert (counts(report), report["ignored_columns"]) == ((1, 1, 0, 0, 0), ["备注"])
    [summary] = (await desk.ask("/api/incidents"))["incidents"]
    assert summary["title"] == "牲畜, 走失"
    wrong = await desk.upload(f"{URL}&format=csv&mapping={mapping}", data)
    assert wrong.json()["code"] == "bad_mapping", "read as UTF-8 the header names other columns"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("?format=jsonl", "bad_request"),
        ("?source=a%20b", "bad_request"),
        ("?source=x&format=xlsx", "bad_request"),
        ("?source=x&encoding=latin-1", "bad_request"),
        ("?source=x&mode=some", "bad_request"),
        ("?source=x&mapping=city", "bad_mapping"),
        ("?source=x&format=csv", "bad_mapping"),
    ],
)
async def test_a_wrong_request_says_what_is_wrong(house: Centre, query: str, code: str) -> None:
    desk = await house.sign_in("dispatcher")
    answer = await desk.upload("/api/imports/orders" + query, jsonl(row(1)))
    assert (400 <= answer.status_code < 500, answer.json()["code"]) == (True, code)


async def test_a_file_beyond_bounds_is_refused_whole(house: Centre) -> None:
    desk = await house.sign_in("dispatcher")
    answer = await desk.upload(URL, b"{}\n" * 6_000_000)
    assert (answer.status_code, answer.json()["code"]) in [
        (413, "file_too_large"),
        (413, "request_too_large"),
    ]


async def test_one_order_as_json_may_be_sent_again(house: Centre) -> None:
    desk = await house.sign_in("commander")
    order = row(7, unit="甲一组", city_received_at="2026-11-30T08:00:00+08:00") | {
        "source": "city-110"
    }
    first, again = await desk.post("/api/orders", order), await desk.post("/api/orders", order)
    assert (first.status_code, first.json()["result"]) == (200, "imported")
    assert again.json() == first.json() | {"result": "duplicate"}
    changed = await desk.post("/api/orders", order | {"title": "围栏纠纷升级"})
    assert (changed.json()["result"], changed.json()["id"]) == ("updated", first.json()["id"])
    wrong = await desk.post("/api/orders", order | {"station": "没有的所", "level": 9})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "refused_lines")
    assert {fault["column"] for fault in wrong.json()["errors"]} == {"station", "level"}


async def test_a_power_cut_between_two_chunks_is_mended_by_importing_again(
    house: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply, "CHUNK", 2)
    desk = await house.sign_in("dispatcher")
    data = jsonl(*(row(number) for number in range(5)))
    write, written = apply._write, 0

    def cut(*args: Any) -> Any:
        nonlocal written
        written += 1
        if written == 4:
            raise OSError("the power went")
        return write(*args)

    monkeypatch.setattr(apply, "_write", cut)
    answer = await desk.upload(URL, data)
    assert answer.status_code == 503
    titles = [one["title"] for one in (await desk.ask("/api/incidents"))["incidents"]]
    assert len(titles) == 2, "the chunk that was cut left nothing behind"
    monkeypatch.setattr(apply, "_write", write)
    assert counts(await take(desk, data)) == (5, 3, 0, 2, 0)
    assert len((await desk.ask("/api/incidents"))["incidents"]) == 5


async def test_foreign_text_is_kept_as_it_came(house: Centre) -> None:
    desk = await house.sign_in("dispatcher")
    title = '=HYPERLINK("http://evil","x") <img src=x onerror=alert(1)> \x1b[31m ᠮᠣᠩᠭᠣᠯ'
    [made] = (await take(desk, jsonl(row(1, title=title))))["incidents"]
    assert (await desk.ask(f"/api/incidents/{made['id']}"))["summary"]["title"] == title


def ortoo(data_dir: Path, *args: str, password: str | None = PASSWORD) -> Result:
    environment = {"ORTOO_DATA_DIR": str(data_dir), "ORTOO_HASHING": "light"}
    if password is not None:
        environment["ORTOO_ADMIN_PASSWORD"] = password
    return CliRunner().invoke(main, args, env=environment)


@pytest.fixture
def installation(tmp_path: Path, migrated_file: Path) -> Path:
    (tmp_path / "ortoo.db").write_bytes(migrated_file.read_bytes())
    return tmp_path


def test_the_first_person_is_made_at_the_machine_and_logs_in(installation: Path) -> None:
    made = ortoo(installation, "admin", "create", "--login", "narsu", "--name", "娜日苏")
    assert (made.exit_code, made.output) == (0, "娜日苏 (admin) can log in as narsu.\n")
    taken = ortoo(installation, "admin", "create", "--login", " NARSU", "--name", "别人")
    assert taken.exit_code == 1
    assert "taken" in taken.output
    weak = ortoo(
        installation, "admin", "create", "--login", "x", "--name", "x", password="12345678"
    )
    assert weak.exit_code == 1
    assert "guess" in weak.output
    untold = ortoo(installation, "admin", "create", "--login", "y", "--name", "y", password=None)
    assert "ORTOO_ADMIN_PASSWORD" in untold.output
    on_the_line = ortoo(
        installation, "admin", "create", "--login", "y", "--name", "y", "--password", "secret-1"
    )
    assert on_the_line.exit_code == 2, "a password on the command line is there for all to read"
    renewed = ortoo(
        installation, "admin", "password", "--login", "narsu", password="another wind 32"
    )
    assert renewed.exit_code == 0


def test_a_file_is_imported_from_the_command_line_with_every_fault_named(
    installation: Path,
) -> None:
    ortoo(
        installation, "admin", "create", "--login", "zhao", "--name", "赵", "--role", "dispatcher"
    )
    file, refused = installation / "calls.csv", installation / "refused.csv"
    file.write_text("source_no,station,title\n1,\x1b[31m没有,=1+1\n", encoding="utf-8-sig")
    done = ortoo(
        installation,
        "import",
        str(file),
        "--source",
        "city",
        "--as",
        "zhao",
        "--refused",
        str(refused),
    )
    assert done.exit_code == 1
    assert "line 2, column station: unknown_value" in done.output
    assert "Nothing was imported" in done.output
    assert "\x1b" not in done.output
    assert (
        refused.read_text(encoding="utf-8-sig")
        .splitlines()[1]
        .startswith("2,station,unknown_value,")
    )
    nobody = ortoo(installation, "import", str(file), "--source", "city", "--as", "nobody")
    assert (nobody.exit_code, "not a dispatcher" in nobody.output) == (1, True)


async def test_the_command_line_and_a_running_server_share_one_log(
    house: Centre, tmp_path: Path
) -> None:
    desk = await house.sign_in("dispatcher")
    await take(desk, jsonl(row(1)))
    file = tmp_path / "calls.jsonl"
    file.write_bytes(jsonl(row(1), row(2, unit="甲一组")))
    import asyncio

    done = await asyncio.to_thread(
        ortoo, tmp_path, "import", str(file), "--source", "city-110", "--as", "dispatcher"
    )
    assert done.output == "2 read: 1 imported, 0 updated, 1 known already, 0 refused.\n"
    await take(desk, jsonl(row(3)))
    shown = (await desk.ask("/api/incidents"))["incidents"]
    assert {one["title"] for one in shown} == {"围栏纠纷 1", "围栏纠纷 2", "围栏纠纷 3"}
    assert len({one["number"] for one in shown if one["number"][:6] == "261130"}) == 2
    assert STATION.hex() in {one["station"] for one in shown}
