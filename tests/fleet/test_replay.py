"""Whole replays at a real centre in virtual time: nothing lost, nothing different, whatever the links.

Example: a day over links that drop for minutes to hours has the digest of the same day over perfect ones.
"""

import asyncio
import itertools
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from server.app import build_app
from server.cli_fleet import replay as replay_command
from server.fleet.links import Link, Made
from server.fleet.replay import readback, sources
from server.fleet.replay.alone import replay_alone
from server.fleet.replay.calls import Call, Leg, Source, SourceProblem, Step
from server.fleet.replay.cast import PERFECT, Links, desk_people
from server.fleet.replay.intervals import Interval, Measured
from server.fleet.replay.plan import plan
from server.fleet.replay.report import Report, digest
from server.fleet.replay.run import Labelled, Login, Options, begins_ms, replay
from server.now import VirtualClock
from tests.fleet.conftest import House

DATA = Path(__file__).resolve().parents[1] / "data"
FILES = {"alexandria": "alexandria.csv", "sf-fire": "sf_fire.csv", "san-diego": "san_diego.csv"}


class Harsh(Links, frozen=True):
    """Up for some minutes, down for up to an hour: much is cut under way."""

    def link(self, seed: str, number: int, start_ms: int) -> Link:
        name = f"{seed}/harsh/{number}"
        return Made(name, start_ms, up_mean_ms=4 * 60_000, down_ms=(20_000, 3_600_000))


HARSH = Harsh("harsh links", None, False)
Play = Callable[..., Any]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    places = (tmp_path / f"centre{number}" for number in itertools.count())

    async def run(
        source: Source, links: Links, devices: int = 4, seed: str = "1", **more: Any
    ) -> Report:
        place = next(places)
        place.mkdir()
        options = Options(file="f", devices=devices, links=links, seed=seed, **more)
        return await replay_alone(build_app, source, options, place, lambda _done: None)

    return run


@pytest.mark.parametrize("format_name", FILES)
async def test_a_replay_holds_and_its_digest_knows_no_links(play: Play, format_name: str) -> None:
    source = sources.read(DATA / FILES[format_name], format_name)
    perfect = await play(source, Links.named(PERFECT))
    harsh = await play(source, HARSH)
    for report in (perfect, harsh):
        assert report.faults == []
        assert report.sets_made == report.sets_acked
        assert (report.incidents, report.disagreements) == (len(source.calls), [])
    assert harsh.outages > 0 == perfect.outages
    assert harsh.late_entries > 0 == perfect.late_entries
    assert harsh.digest == perfect.digest


async def test_stations_whose_line_is_away_half_the_time_lose_nothing_and_change_nothing(
    play: Play,
) -> None:
    source = sources.read(DATA / "alexandria.csv", "alexandria")
    direct = await play(source, Links.named(PERFECT), devices=12)
    report = await play(source, HARSH, devices=12, stations=1)
    assert report.faults == []
    assert report.digest == direct.digest
    relayed = report.relayed
    assert relayed is not None
    assert (relayed.stations, relayed.through, relayed.left) == (1, 6, 0), "others reach the centre"
    assert relayed.to_station.n == relayed.to_centre.n > 20
    assert relayed.to_station.p50_s < relayed.to_centre.p50_s < relayed.to_centre.max_s
    assert relayed.to_centre.max_s > 3_600, "it waited for the line"
    assert "to the station" in report.table()


async def test_disorder_comes_through_as_gaps_rounds_and_incidents_of_their_own(
    play: Play,
) -> None:
    source = sources.read(DATA / "alexandria.csv", "alexandria")
    report = await play(source, Links.named(PERFECT))
    assert report.reopened == 3
    assert report.repeated_numbers == 2
    assert report.doubled_hour == 2
    assert report.gaps == report.orders + 1  # no delivery is recorded; one arrival is missing too
    assert report.signing is not None
    assert report.signing.ortoo.n == 14


async def test_another_seed_or_one_step_moved_is_another_digest(play: Play) -> None:
    source = sources.read(DATA / "sf_fire.csv", "sf-fire", limit=2)
    first = await play(source, Links.named(PERFECT))
    assert (await play(source, Links.named(PERFECT), seed="2")).digest != first.digest
    call = source.calls[0]
    leg = call.legs[0]
    step = msgspec.structs.replace(leg.steps[-1], at_ms=leg.steps[-1].at_ms + 1)
    moved_leg = msgspec.structs.replace(leg, steps=(*leg.steps[:-1], step))
    moved_call = msgspec.structs.replace(call, legs=(moved_leg, *call.legs[1:]))
    moved = msgspec.structs.replace(source, calls=(moved_call, *source.calls[1:]))
    assert (await play(moved, Links.named(PERFECT))).digest != first.digest


async def test_ids_of_an_act_follow_from_the_act_alone() -> None:
    async def draws(*, disturbed: bool) -> list[bytes]:
        chance, drawn = Labelled("7"), []
        for act in ("RECEIVE/1", "ISSUE/1"):
            chance.name(act)
            for _ in range(3):
                if disturbed:
                    chance(8)  # the token of a hello
                    await asyncio.create_task(_draw(chance), name="snapshots")
                drawn.append(chance(16))
        return drawn

    async def _draw(chance: Labelled) -> None:
        assert len(chance(16)) == 16

    quiet = await draws(disturbed=False)
    assert await draws(disturbed=True) == quiet
    assert len(set(quiet)) == 6


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("format_name", "pattern"),
    [
        ("alexandria", "alexandria_decc_*.csv.gz"),
        ("sf-fire", "sf_fire_*.csv.gz"),
        ("san-diego", "san_diego_pd_20*.csv.gz"),
    ],
)
async def test_a_real_day_holds_over_recorded_links(
    play: Play, real_data: Path, format_name: str, pattern: str
) -> None:
    [file] = (real_data / "cad").glob(pattern)
    whole = sources.read(file, format_name)
    begins_ms = whole.calls[0].received_ms
    day = tuple(call for call in whole.calls if call.received_ms < begins_ms + 86_400_000)
    source = msgspec.structs.replace(whole, calls=day)
    report = await play(source, Links.named(str(real_data / "net")), devices=24)
    assert report.faults == []
    assert report.incidents == len(day) > 100
    assert report.outages > 10


def test_the_command_writes_its_report_and_keeps_what_is_asked(tmp_path: Path) -> None:
    keep, report = tmp_path / "kept", tmp_path / "report.json"
    file = DATA / "san_diego.csv"
    words = ["--format", "san-diego", "--devices", "2", "--limit", "3"]
    ran = CliRunner().invoke(
        replay_command, [str(file), *words, "--keep", str(keep), "--report", str(report)]
    )
    assert ran.exit_code == 0, ran.output
    assert "result" in ran.output
    assert "holds" in ran.output
    said = json.loads(report.read_bytes())
    named = "incidents orders sets_made sets_acked sets_lost duplicates outages digest wall_s cpu_s"
    assert set(named.split()) <= set(said)
    assert said["ok"] is True
    assert said["arrival"]["source"] == said["arrival"]["ortoo"]
    assert (keep / "ortoo.db").is_file()
    assert len(list((keep / "vaults").glob("*.db"))) == 2
    again = CliRunner().invoke(replay_command, [str(file), *words, "--keep", str(keep)])
    assert again.exit_code == 2
    assert "not empty" in again.output


def test_the_command_names_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    wrong = CliRunner().invoke(
        replay_command, [str(DATA / "sf_fire.csv"), "--format", "alexandria"]
    )
    assert wrong.exit_code == 1
    assert "has no column" in wrong.output
    links = CliRunner().invoke(
        replay_command,
        [str(DATA / "sf_fire.csv"), "--format", "sf-fire", "--links", str(tmp_path)],
    )
    assert links.exit_code == 2
    assert "holds no trace" in links.output


@pytest.mark.parametrize("option", ["--report", "--keep"])
def test_a_place_that_cannot_be_written_is_said_before_anything_is_played(
    tmp_path: Path, option: str
) -> None:
    (tmp_path / "a file").touch()
    words = [str(DATA / "san_diego.csv"), "--format", "san-diego", option]
    said = CliRunner().invoke(replay_command, [*words, str(tmp_path / "a file" / "below")])
    assert said.exit_code == 2
    assert option in said.output
    assert "calls" not in said.output


def test_a_replay_that_ends_early_leaves_no_report(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    words = [str(DATA / "sf_fire.csv"), "--format", "alexandria", "--report", str(report)]
    assert CliRunner().invoke(replay_command, words).exit_code == 1
    assert not report.exists()


def test_a_running_centre_is_asked_with_the_logins_of_the_demo() -> None:
    # Nobody listens there; what matters is that no login had to be named.
    words = [str(DATA / "san_diego.csv"), "--format", "san-diego"]
    away = CliRunner().invoke(replay_command, [*words, "--server", "http://127.0.0.1:9"])
    assert away.exit_code == 1
    assert "cannot be reached" in away.output
    alone = CliRunner().invoke(replay_command, [*words, "--login", "a:b"])
    assert alone.exit_code == 2


FINE = Interval(n=1, p50_s=1.0, p90_s=1.0, within={})
HELD = {
    "format": "x",
    "file": "x",
    "devices": 1,
    "seed": "1",
    "links": "",
    "server": "",
    "incidents": 1,
    "orders": 1,
    "sets_made": 3,
    "sets_acked": 3,
    "sets_refused": 0,
    "sets_lost": 0,
    "duplicates": 0,
    "outages": 0,
    "cut_requests": 0,
    "cut_replies": 0,
    "gaps": 0,
    "late_entries": 0,
    "reopened": 0,
    "disagreements": [],
    "repeated_numbers": 0,
    "doubled_hour": 0,
    "unreadable_cells": 0,
    "unreadable": [],
    "signing": Measured(FINE, FINE),
    "arrival": Measured(FINE, FINE),
    "digest": "",
    "wall_s": 0.0,
    "cpu_s": 0.0,
}
OFF = Measured(FINE, Interval(n=1, p50_s=1.001, p90_s=1.0, within={}))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sets_acked", 2),
        ("sets_lost", 1),
        ("signing", OFF),
        ("arrival", OFF),
        ("disagreements", ["7: orders"]),
    ],
)
def test_a_replay_that_does_not_hold_says_so(field: str, value: object) -> None:
    assert Report(**HELD).faults == []  # type: ignore[arg-type]
    broken = Report(**(HELD | {field: value}))  # type: ignore[arg-type]
    assert len(broken.faults) == 1
    assert json.loads(broken.json())["ok"] is False


def test_the_table_names_cells_and_incidents_and_steers_no_terminal() -> None:
    cell = SourceProblem(7, "Incident_Arrival_Time", "not a time: \x1b[2J")
    odd = HELD | {"unreadable_cells": 1, "unreadable": [cell], "disagreements": ["7: orders"]}
    table = Report(**odd).table()  # type: ignore[arg-type]
    assert "line 7, Incident_Arrival_Time: not a time" in table
    assert "7: orders" in table
    assert "\x1b" not in table


def test_an_incident_that_differs_from_its_call_is_found() -> None:
    leg = Leg("", 1_000, (Step("signed", 2_000), Step("note", 3_000, "a word")))
    call = Call(source_no="1", received_ms=0, title="t", level=1, legs=(leg,))
    view: dict[str, Any] = {
        "claims": [{"kind": "signed", "at": 2_000}],
        "entries": [{"text": "a word", "at": 3_000}],
        "orders": [{"round": 0}],
        "closes": [],
        "reopens": [],
        "withdrawn": None,
    }
    assert readback.difference(call, {"view": view}) is None
    for name, value, how in (
        ("claims", [{"kind": "signed", "at": 2_001}], "steps"),
        ("entries", [], "notes"),
        ("orders", [], "orders"),
        ("closes", [{"round": 0}], "closes"),
        ("withdrawn", {"op": ""}, "withdrawn"),
    ):
        found = readback.difference(call, {"view": view | {name: value}})
        assert found is not None
        assert found.startswith(how)


async def test_steps_recorded_before_the_receipt_are_told_once_the_call_is_there(
    play: Play,
) -> None:
    source = sources.read(DATA / "alexandria.csv", "alexandria", limit=3)
    call = source.calls[1]
    late = msgspec.structs.replace(call, received_ms=call.legs[0].steps[-1].at_ms + 60_000)
    swapped = msgspec.structs.replace(source, calls=(source.calls[0], late, source.calls[2]))
    report = await play(swapped, Links.named(PERFECT))
    assert report.faults == []
    assert report.late_entries > 0
    assert report.arrival.source == (await play(source, Links.named(PERFECT))).arrival.source


VIEW: dict[str, Any] = {
    "number": "261124-0001",
    "status": "closed",
    "round": 1,
    "created": {"op": "c0", "by": "d", "at": 1, "source": "import", "station": "s", "tag": "7", "exercise": False},
    "station": "s",
    "withdrawn": {"op": "w0", "by": "d", "at": 9, "why": "duplicate"},
    "gaps": ["delivered"],
    "fields": {"title": [{"op": "c1", "by": "d", "at": 1, "v": "fence", "eff": "00"}]},
    "latest": {"colour": None},
    "sets": {"tags": [{"v": "dog", "ops": ["t0"]}]},
    "orders": [{"id": "o", "to": ["unit", "u"], "kind": "dispatch", "round": 0, "status": "cleared", "gaps": []}],
    "claims": [
        {"op": "m0", "by": "p", "at": 5, "via": "self", "kind": "signed", "round": 0, "order": "o",
         "standing": True, "late_by": 70_000},
    ],
    "feedback": [{"op": "f0", "by": "p", "at": 7, "round": 0, "final": True, "result": "filed", "text": "done"}],
    "entries": [{"op": "e0", "by": "p", "at": 6, "kind": "note", "text": "a word", "data": None, "received_at": 8}],
    "closes": [{"op": "x0", "by": "d", "at": 8, "round": 0, "result": "filed"}],
    "reopens": [{"op": "r0", "by": "d", "at": 9, "round": 1, "why": "again"}],
}  # fmt: skip
SAID = (
    "status", "round", "station", "created.source", "created.station", "created.tag", "created.exercise",
    "withdrawn.why", "gaps.0", "fields.title.0.v", "latest.colour", "sets.tags.0.v",
    "orders.0.id", "orders.0.to.1", "orders.0.kind", "orders.0.round", "orders.0.status", "orders.0.gaps",
    "claims.0.op", "claims.0.by", "claims.0.at", "claims.0.via", "claims.0.kind", "claims.0.round",
    "claims.0.order", "claims.0.standing",
    "feedback.0.op", "feedback.0.at", "feedback.0.final", "feedback.0.result", "feedback.0.text",
    "entries.0.op", "entries.0.at", "entries.0.kind", "entries.0.text", "entries.0.data",
    "closes.0.round", "closes.0.result", "reopens.0.round", "reopens.0.why",
)  # fmt: skip
UNSAID = (
    "number", "created.op", "created.at", "fields.title.0.op", "fields.title.0.at", "fields.title.0.eff",
    "claims.0.late_by", "entries.0.received_at", "closes.0.op", "closes.0.at", "reopens.0.at",
)  # fmt: skip


def altered(view: Any, path: str) -> Any:
    """A copy in which the value at `path` is another."""
    name, _, rest = path.partition(".")
    key: Any = int(name) if isinstance(view, list) else name
    copy = list(view) if isinstance(view, list) else dict(view)
    value = copy[key]
    copy[key] = altered(value, rest) if rest else [value, "else"] if value == [] else f"{value}!"
    return copy


def test_the_digest_depends_on_every_value_and_not_on_when_it_was_received() -> None:
    found = {path: digest([("7", altered(VIEW, path), ["ab"])]) for path in SAID}
    same = digest([("7", VIEW, ["ab"])])
    assert len({same, *found.values()}) == len(SAID) + 1
    assert {digest([("7", altered(VIEW, path), ["ab"])]) for path in UNSAID} == {same}
    assert digest([("7", VIEW, ["ac"])]) != same != digest([("8", VIEW, ["ab"])])


def test_a_plan_is_in_order_and_gives_each_leg_to_one_device() -> None:
    calls = list(sources.read(DATA / "alexandria.csv", "alexandria").calls)
    whole = plan(tuple(calls), 3)
    moments = [(act.at_ms, act.phase) for act in whole.acts]
    assert moments == sorted(moments)
    assert {device for crew in whole.crews for device in crew} == {0, 1, 2}
    random.Random(3).shuffle(calls)
    assert plan(tuple(calls), 3).orders == whole.orders


async def test_a_replay_against_a_running_centre_comes_in_late_and_holds(house: House) -> None:
    # The centre's clock stands months after the calls; the replay brings its own.
    source = sources.read(DATA / "alexandria.csv", "alexandria")
    logins = [Login(login, password) for _person, login, password in desk_people()]
    seed = "late"
    options = Options(file="f", devices=2, links=HARSH, seed=seed, own_server=False)
    report = await replay(
        source,
        house.url,
        logins,
        options,
        clock=VirtualClock(begins_ms(source)),
        chance=Labelled(seed),
        progress=lambda _done: None,
    )
    assert report.faults == []
    assert report.late_entries >= report.sets_made - report.devices
    listed = await house.desk.get("/api/incidents?limit=200")
    assert len(listed["incidents"]) == len(source.calls)
