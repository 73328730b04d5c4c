"""Replays by phones whose clocks are wrong: whatever they say, no verdict contradicts the source.

Example: who signed after 29 s is not found late though the phone is two hours fast; who signed after 45 s is, though
the phone is two hours slow.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from server.app import build_app
from server.cli_fleet import replay as replay_command
from server.fleet.phoneclock import PhoneClock
from server.fleet.replay import sources
from server.fleet.replay.alone import replay_alone
from server.fleet.replay.calls import Call, DeskStep, Leg, Source, Step
from server.fleet.replay.cast import PERFECT, Links
from server.fleet.replay.findings import Truth, truths
from server.fleet.replay.report import Report
from server.fleet.replay.run import Options
from server.fleet.replay.verdicts import Verdicts
from server.fleet.replay.wrongclocks import UNITS, ClockErrors, Drawn
from tests.fleet.test_replay import DATA, FILES, HARSH

T = 1_796_000_000_000
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
ROUGH = ClockErrors(
    hour_share=0.4,
    behind_share=0.2,
    ahead_share=0.2,
    gps_ms=15_000,
    ntp_ms=1_800,
    drift_ppm=20,
    refresh_ms=HOUR,
)


class Given(ClockErrors, frozen=True):
    """These clocks and no others."""

    clocks: tuple[PhoneClock, ...] = ()

    def draw(
        self, seed: str, used_ms: Sequence[Sequence[int]], begins_ms: int, ends_ms: int
    ) -> list[Drawn]:
        del seed, begins_ms, ends_ms
        return [Drawn("hours", clock) for clock, _ in zip(self.clocks, used_ms, strict=True)]


def given(*clocks: PhoneClock) -> Given:
    return Given(**msgspec.structs.asdict(ROUGH), clocks=clocks)


Play = Callable[..., Any]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    async def run(source: Source, links: Links, errors: ClockErrors, devices: int) -> Report:
        options = Options(file="f", devices=devices, links=links, seed="1", clocks=errors)
        return await replay_alone(build_app, source, options, tmp_path, lambda _done: None)

    return run


def verdicts_of(report: Report) -> Verdicts:
    assert report.verdicts is not None
    return report.verdicts


def call(number: str, received_ms: int, *steps: Step, level: int = 1) -> Call:
    """A call sent to somebody ten seconds after its receipt and closed half an hour later."""
    leg = Leg("", received_ms + 10 * SECOND, steps)
    desk = (DeskStep("close", received_ms + 30 * MINUTE, 0),)
    said: dict[str, Any] = {"source_no": number, "received_ms": received_ms, "title": "围栏纠纷"}
    return Call(**said, level=level, legs=(leg,), desk=desk)


async def test_a_clock_two_hours_off_makes_nobody_late_and_nobody_punctual(play: Play) -> None:
    sent = T + 10 * SECOND
    fast = PhoneClock(began_ms=T - HOUR, offset_ms=2 * HOUR)
    in_time = call(
        "1",
        T,
        Step("signed", sent + 29 * SECOND),
        Step("departed", sent + 30 * SECOND),
        Step("arrived", sent + 4 * MINUTE),
    )
    # Set right between signing and leaving: by its wall clock it left more than two hours after it signed.
    set_right = ((sent + MINUTE, 2 * HOUR),)
    slow = PhoneClock(began_ms=T - HOUR, offset_ms=-2 * HOUR, drift_ppm=-20, steps=set_right)
    late = call(
        "2",
        T,
        Step("signed", sent + 45 * SECOND),
        Step("departed", sent + 95 * SECOND),
        Step("arrived", sent + 9 * MINUTE),
    )
    later = T + HOUR
    departed, signed = Step("departed", later + 20 * SECOND), Step("signed", later + MINUTE)
    disordered = call("3", later, departed, signed, level=4)
    # By wall clock the first two signatures are the other way round.
    assert slow.wall_ms(sent + 45 * SECOND) - sent < 30 * SECOND
    assert fast.wall_ms(sent + 29 * SECOND) - sent > 30 * SECOND
    calls = (in_time, late, disordered)
    source = Source(
        format="alexandria", calls=calls, problems=(), problem_count=0, repeated_numbers=0
    )
    report = await play(source, Links.named(PERFECT), given(fast, slow), 2)
    assert report.faults == []
    found = verdicts_of(report)
    assert (found.undetermined, found.contradictions, found.missing) == (0, 0, [])
    told = {name: (one.met, one.missed, one.misread) for name, one in found.clocks.items()}
    assert told == {
        "C2": (1, 0, 2),  # without a delivery nothing is missed
        "C2i": (1, 2, 2),
        "C3": (3, 0, 1),  # who signed after leaving left in time
        "C4": (1, 1, 0),
        "C5": (1, 1, 1),
    }
    assert found.misread == 6
    assert found.proved.outside == {}


@pytest.mark.parametrize("format_name", ["alexandria", "sf-fire"])
async def test_rough_clocks_over_harsh_links_contradict_nothing(
    play: Play, format_name: str
) -> None:
    source = sources.read(DATA / FILES[format_name], format_name)
    report = await play(source, HARSH, ROUGH, 4)
    assert report.faults == []
    found = verdicts_of(report)
    assert report.outages > 0
    assert found.met > 0 < found.missed
    assert found.proved.n > len(source.calls)
    assert sum(cause.n for cause in found.causes.values()) >= found.undetermined
    assert sum(found.phones.kinds.values()) == 4
    assert found.phones.greatest_error_s > 3_600


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("format_name", "pattern"),
    [("alexandria", "alexandria_decc_*.csv.gz"), ("sf-fire", "sf_fire_*.csv.gz")],
)
async def test_real_calls_with_published_clock_errors_contradict_nothing(
    play: Play, real_data: Path, format_name: str, pattern: str
) -> None:
    [file] = (real_data / "cad").glob(pattern)
    source = sources.read(file, format_name, limit=25)
    errors = ClockErrors.read(real_data / "clocks" / "phone_clock_error.csv")
    links = Links.named(str(real_data / "net" / "mahimahi"))
    report = await play(source, links, errors, 8)
    assert report.faults == []
    found = verdicts_of(report)
    assert found.met > 10
    assert found.missed > 5


SAID = {"result": "met", "within_ms": 30_000}
TRUE = Truth(("C2i", "ab", 0), "7 C2i", 30_000, 30_000, 31_000, True)


def test_a_verdict_that_contradicts_the_file_is_found() -> None:
    late = msgspec.structs.replace(TRUE, elapsed_ms=30_001)
    endless = msgspec.structs.replace(TRUE, elapsed_ms=None, believed_ms=None)
    early = msgspec.structs.replace(TRUE, elapsed_ms=-5)
    missed = SAID | {"result": "missed"}
    open_ = SAID | {"result": "undetermined"}
    for truth, said in (
        (TRUE, SAID),
        (early, SAID),
        (late, missed),
        (late, open_),
        (endless, open_),
    ):
        assert truth.contradiction(said) is None
    assert TRUE.contradiction(missed) == "missed, and it took 30000 ms of 30000"
    assert late.contradiction(SAID) == "met, and it took 30001 ms of 30000"
    assert endless.contradiction(SAID) == "met, and no end is recorded"
    assert endless.contradiction(missed) == "missed, and no end is recorded"
    assert TRUE.contradiction(SAID | {"within_ms": 60_000}) == "judged by 60000 ms instead of 30000"
    assert [one.is_misread for one in (TRUE, late, endless)] == [True, False, False]


def test_what_was_recorded_before_the_dispatch_ends_no_clock_of_the_order() -> None:
    before = call("1", T, Step("signed", T + 5 * SECOND), Step("arrived", T + 5 * MINUTE))
    found = {truth.key[0]: truth for truth in truths(before, [b"o"], [PhoneClock(began_ms=T)])}
    assert set(found) == {"C2", "C2i", "C3", "C5"}  # nothing is known of a departure
    assert (found["C2i"].elapsed_ms, found["C2i"].is_told) == (-5_000, False)
    assert (found["C3"].elapsed_ms, found["C5"].is_told) == (None, True)
    assert not list(truths(before, [None], [PhoneClock(began_ms=T)]))


async def test_the_report_says_what_was_wrong(play: Play) -> None:
    source = sources.read(DATA / "sf_fire.csv", "sf-fire", limit=1)
    report = await play(source, Links.named(PERFECT), ROUGH, 2)
    found = verdicts_of(report)

    def faults(**changes: Any) -> list[str]:
        changed = msgspec.structs.replace(found, **changes)
        found_wrong: list[str] = msgspec.structs.replace(report, verdicts=changed).faults
        return found_wrong

    assert faults() == []
    assert faults(contradictions=1) == ["1 verdicts contradict the file"]
    assert faults(missing=["7 C5: other"]) == ["1 clocks were not judged"]
    for grade, is_fault in (("0", True), ("1", True), ("2", False)):
        proved = msgspec.structs.replace(found.proved, outside={grade: 1})
        assert bool(faults(proved=proved)) is is_fault


# ---- the clocks themselves -------------------------------------------------------------------------


def table(place: Path, **changes: str | None) -> Path:
    """A made-up table of figures; a value of None leaves its row out."""
    values = dict(zip(UNITS, ("5", "10", "1", "15", "1800", "10-20", "18"), strict=True)) | changes
    rows = [f'"{name}",{value},{UNITS[name]} of some,x' for name, value in values.items() if value]
    place.write_text("\n".join(["quantity,value,unit,population", *rows]), encoding="utf-8")
    return place


def test_figures_are_read_by_name_and_unit(tmp_path: Path) -> None:
    assert ClockErrors.read(table(tmp_path / "t.csv")) == ClockErrors(
        hour_share=0.05,
        behind_share=0.1,
        ahead_share=0.01,
        gps_ms=15_000,
        ntp_ms=1_800,
        drift_ppm=20,
        refresh_ms=18 * HOUR,
    )
    for name in UNITS:
        for value, how in ((None, "has no"), ("some", "is no number"), ("nan", "is no number")):
            with pytest.raises(ValueError, match=how) as said:
                ClockErrors.read(table(tmp_path / "t.csv", **{name: value}))
            assert name in str(said.value)
    with pytest.raises(ValueError, match="more than all"):
        ClockErrors.read(table(tmp_path / "t.csv", **{next(iter(UNITS)): "95"}))
    (tmp_path / "u.csv").write_bytes(b"quantity\xff")
    with pytest.raises(ValueError, match="no table"):
        ClockErrors.read(tmp_path / "u.csv")


def test_clocks_are_dealt_by_their_shares_and_never_asleep_in_use() -> None:
    errors = msgspec.structs.replace(
        ROUGH, hour_share=0.05, behind_share=0.1, ahead_share=0.01, refresh_ms=18 * HOUR
    )
    used = [[T + at * 50 * MINUTE + phone for at in range(60)] for phone in range(200)]
    drawn = errors.draw("1", used, T - HOUR, T + 10 * DAY)
    assert drawn == errors.draw("1", used, T - HOUR, T + 10 * DAY)
    kinds = Counter(one.kind for one in drawn)
    assert abs(kinds["day_behind"] - 20) <= 1 >= abs(kinds["hours"] - 10)
    assert abs(kinds["day_ahead"] - 2) <= 1
    for one, moments in zip(drawn, used, strict=True):
        clock = one.clock
        assert abs(clock.drift_ppm) <= 20
        assert not any(clock.is_asleep(at) for at in moments)
        assert all(a[1] <= b[0] for a, b in pairwise(clock.sleeps))
        after_ms = [clock.wall_ms(at) - at for at, _by in clock.steps]
        if one.kind == "automatic":
            assert len(after_ms) >= 12
            assert max(map(abs, after_ms)) <= 1_800
        if one.kind == "minutes":
            assert all(MINUTE <= abs(off_ms) <= 5 * MINUTE for off_ms in after_ms)
        if one.kind == "day_behind":
            worst = min(clock.offset_ms, *after_ms, 0)
            assert -31 * DAY < worst <= -DAY
    assert sum(bool(one.clock.sleeps) for one in drawn) == 200


def test_the_command_reports_verdicts_and_refuses_what_it_cannot_use(tmp_path: Path) -> None:
    report, figures = tmp_path / "report.json", table(tmp_path / "t.csv")
    words = [str(DATA / "sf_fire.csv"), "--format", "sf-fire", "--limit", "2", "--devices", "3"]
    ran = CliRunner().invoke(
        replay_command, [*words, "--clocks", str(figures), "--report", str(report)]
    )
    assert ran.exit_code == 0, ran.output
    assert "contradict the file" in ran.output
    said = json.loads(report.read_bytes())["verdicts"]
    assert {"met", "missed", "undetermined", "contradictions", "causes"} <= set(said)
    assert said["contradictions"] == 0 < said["met"] + said["missed"]
    away = CliRunner().invoke(
        replay_command, [*words, "--clocks", str(figures), "--server", "http://127.0.0.1:9"]
    )
    assert away.exit_code == 2
    assert "virtual time" in away.output
    table(figures, **{next(iter(UNITS)): None})
    bad = CliRunner().invoke(replay_command, [*words, "--clocks", str(figures)])
    assert bad.exit_code == 2
    assert "has no" in bad.output
