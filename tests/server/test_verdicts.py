"""Verdicts on a real centre: what is written down of a clock, when, and what may change it (SPEC VD9).

Time is moved by hand; `looked` is a second later, when whoever wakes by timers has looked.
"""

import os
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import Connection

from server import keys
from server.deadlines.engine import CLAIM_MS, Engine
from server.intake.batch import Batch
from server.intake.rebuild import rebuild
from server.intake.rejudge import rejudge
from server.intake.reviews import review
from server.intake.verdicts import SETTLING_MS
from server.proof.export import Exporter
from server.store import timers
from server.store import verdicts as stored
from server.store.engine import Database
from server.store.rows import execute, query
from server.store.timers import VERDICTS
from sync import rulings
from sync.changeset import KIND_INCIDENT, Draft
from sync.evidence.check import check
from sync.evidence.found import found as found_in
from sync.exchange import PushResult
from tests.server.conftest import House
from tests.server.pen import EPOCH_MS, OTHER_STATION, STATION, UNIT, Pen, chance, person_id
from tests.server.signing import Signing
from tests.server.test_intake import entries

INCIDENT, ORDER = chance("incident", 1)[:16], chance("order", 1)[:16]
HOME = f"station:{STATION.hex()}:2026-11"
SESSION = b"session1"
SECOND = 1_000
DAY = 86_400_000

Said = tuple[str, str, int | None]


async def desk(
    house: House, *ops: dict[str, Any], incident: bytes = INCIDENT, by: str = "dispatcher"
) -> PushResult:
    draft = Draft(bytes(16), "org", KIND_INCIDENT, incident, list(ops))
    [result] = await house.intake.submit_desk(person_id(by), [draft])
    assert result.d == "accepted", result
    return result


async def ordered(house: House, *, tier: int = 1) -> Pen:
    """An incident with an order to an officer's unit, and the phone of that officer."""
    pen = Pen("officer", person_id("officer"))
    await pen.enrol(house.intake)
    await house.intake.submit([pen.open()], pen.device)
    issue = {"t": "order.issue", "order": ORDER, "to": ["unit", UNIT], "kind": "dispatch"}
    await desk(
        house,
        {"t": "incident.create", "source": "desk", "station": STATION, "tag": "T"},
        {"t": "fact.set", "f": "tier", "v": tier, "p": []},
        issue | {"round": 0},
    )
    return pen


def step(kind: str, **more: Any) -> dict[str, Any]:
    claim = {"t": "milestone.claim", "kind": kind, "round": 0, "order": ORDER, "via": "self"}
    return claim | more


async def does(house: House, pen: Pen, *ops: dict[str, Any], **more: Any) -> PushResult:
    """One set written and handed in now, by a phone that had a beacon a moment ago."""
    pen.now_ms = house.clock.now_ms()
    raw = pen.set(INCIDENT, *ops, **({"beacon": house.intake.beacon()} | more))
    [result], _have = await house.intake.submit([raw], pen.device)
    assert result.d in ("accepted", "accepted_late"), result
    return result


async def looked(house: House, after_ms: int = SETTLING_MS) -> int:
    """Whoever wakes by timers has looked; gives how many were due."""
    house.clock.advance(after_ms)
    works = {VERDICTS: Batch.judge_again}
    return await Engine(house.db, house.intake, house.clock, os.urandom, works).tend()


async def ruled(house: House) -> list[rulings.Ruling]:
    """Everything that was written down of clocks, in order."""
    rows = await house.db.reading(
        query, "SELECT bytes FROM rulings WHERE kind = 'verdict' ORDER BY idx", ()
    )
    return [rulings.read_ruling(bytes(raw)) for (raw,) in rows]


async def found(house: House) -> list[Said]:
    """Clock, finding, basis grade."""
    return [
        (one.payload["clock"], one.payload["result"], one.payload["grade"])
        for one in await ruled(house)
    ]


async def rows(house: House) -> dict[str, str]:
    """How each clock of the incident stands."""
    standing = await house.db.reading(stored.of_incidents, [INCIDENT])
    return {key[0]: row.result for key, row in standing[INCIDENT].items()}


class Meanwhile(Database):
    """A database in which something happens before the first transaction that writes."""

    def __init__(self, url: str, happens: Callable[[], Awaitable[object]]) -> None:
        super().__init__(url)
        self._happens: Callable[[], Awaitable[object]] | None = happens

    async def writing(self, function: Any, *args: Any, **named: Any) -> Any:
        happens, self._happens = self._happens, None
        if happens is not None:
            await happens()
        return await super().writing(function, *args, **named)


async def sound(house: House) -> tuple[int, int]:
    return await rebuild(house.settings.url, check=True)


async def test_vd9_a_check_finds_nothing_wrong_with_what_is_ruled_meanwhile(house: House) -> None:
    pen = await ordered(house)
    house.clock.advance(4 * SECOND)
    await does(house, pen, step("delivered", via="system"), step("signed"))
    db = Meanwhile(house.settings.url, lambda: looked(house))
    assert await rejudge(db, check=True) == 0
    await db.close()
    assert len(await ruled(house)) > 0


async def test_vd9_a_check_leaves_to_whoever_is_at_it_what_they_have_taken_up(house: House) -> None:
    pen = await ordered(house)
    await does(house, pen, step("delivered", via="system"), step("signed"))
    house.clock.advance(SETTLING_MS)
    now_ms = house.clock.now_ms()
    taken = await house.db.writing(
        timers.claim, (now_ms, now_ms + CLAIM_MS), bytes(16), 50, [VERDICTS]
    )
    assert taken
    assert (await sound(house))[1] == 0
    house.clock.advance(CLAIM_MS)  # they died over it
    assert await looked(house) == 1
    assert len(await ruled(house)) > 0


async def test_vd9_an_order_signed_and_arrived_in_time_is_found_so_once_and_for_everybody(
    house: House,
) -> None:
    pen = await ordered(house)
    house.clock.advance(4 * SECOND)
    await does(house, pen, step("delivered", via="system"))
    house.clock.advance(20 * SECOND)
    await does(house, pen, step("signed"))
    house.clock.advance(30 * SECOND)
    await does(house, pen, step("departed"), step("arrived"))
    assert await found(house) == [], "reports go first"
    assert await looked(house) == 1
    assert await found(house) == [
        ("C1", "met", 0),
        ("C2", "met", 0),
        ("C2i", "met", 0),
        ("C5", "met", 0),
    ]
    c2 = (await ruled(house))[1].payload
    assert (c2["e"], c2["order"], c2["round"], c2["policy"]) == (INCIDENT, ORDER, 0, [None, 0])
    assert (c2["within"], c2["lo"], c2["hi"], c2["because"]) == (30_000, 19_900, 20_100, None)
    assert [c2["start"][1:], c2["end"][1:]] == [
        [EPOCH_MS + 3_950, EPOCH_MS + 4_050],
        [EPOCH_MS + 23_950, EPOCH_MS + 24_050],
    ]
    listed = [rulings.read_ruling(one.ruling).kind for one in await entries(house, HOME)]
    assert listed == ["set"] * 4 + ["verdict"] * 4
    assert (await rows(house)) | {"C6": ""} == {
        "C1": "met", "C2": "met", "C2i": "met", "C3": "no_limit", "C4": "no_limit", "C5": "met", "C6": "",
    }  # fmt: skip
    await does(house, pen, step("cleared"))
    await looked(house)
    assert len(await ruled(house)) == 4, "what was found is not said again"
    assert await sound(house) == (1, 0)


async def test_vd9_an_order_that_reached_nobody_is_nobodys_fault_and_whoever_never_came_is_unproven(
    house: House,
) -> None:
    pen = await ordered(house)
    await looked(house)
    assert await found(house) == []
    await looked(house, 10 * SECOND)
    assert await found(house) == [
        ("C2", "not_delivered", None),
        ("C2i", "not_delivered", None),
        ("C5", "not_delivered", None),
    ]
    house.clock.advance(20 * SECOND)
    await does(house, pen, step("delivered", via="system"))
    await looked(house)
    assert await rows(house) == {"C1": "missed", "C2": "pending", "C2i": "pending", "C5": "pending"}
    assert (await found(house))[3:] == [("C1", "missed", 0)]
    assert await sound(house) == (1, 0)
    await looked(house, 7 * DAY + 60 * SECOND)
    assert (await found(house))[4:] == [
        ("C2", "unproven", None),
        ("C2i", "unproven", None),
        ("C5", "unproven", None),
    ]
    await does(house, pen, step("signed", at=EPOCH_MS + 40 * SECOND))
    await looked(house)
    assert (await found(house))[7:] == [("C2", "undetermined", None), ("C2i", "undetermined", None)]
    assert (await ruled(house))[7].payload["why"] == [
        "no_sample_after",
        "no_sample_before",
        "written_later",
    ]
    assert await sound(house) == (1, 0)


async def test_vd9_what_is_open_is_found_again_when_a_sample_or_a_missing_set_says_more(
    house: House,
) -> None:
    pen = await ordered(house)
    await does(house, pen, step("delivered", via="system"), mono=(SESSION, 1_000))
    house.clock.advance(10 * SECOND)
    pen.now_ms = house.clock.now_ms()
    beacon = house.intake.beacon()
    signed = pen.set(INCIDENT, step("signed"), beacon=beacon, mono=(SESSION, 11_000))
    after = pen.set(pen.chain, {"t": "chain.note"}, kind="chain", mono=(SESSION, 12_000))
    # A relay brings the later of the two first: whatever stands before it in its chain was signed by then.
    house.clock.advance(60 * SECOND)
    await house.intake.submit([after], pen.device)
    house.clock.advance(600 * SECOND)
    await house.intake.submit([signed], pen.device)
    await looked(house)
    c2 = [one.payload for one in await ruled(house) if one.payload["clock"] == "C2"]
    assert [(one["result"], one["lo"], one["hi"]) for one in c2] == [
        ("undetermined", 9_998, 70_100)
    ]
    at_ms = EPOCH_MS + 12 * SECOND
    sample = {"t": "clock.obs", "s": SESSION, "m": 13_000, "lo": at_ms - 60, "hi": at_ms + 60}
    sample |= {"wall": at_ms, "n": 0, "fell": 0, "rose": 0, "gap": 0}
    pen.now_ms = house.clock.now_ms()
    await house.intake.submit([pen.set(pen.chain, sample, kind="chain")], pen.device)
    assert await looked(house) == 1
    assert (await found(house))[-2:] == [("C2", "met", 1), ("C2i", "met", 1)]
    assert await sound(house) == (1, 0)


async def test_vd9_what_is_determined_stays_until_what_it_rests_on_is_disputed(
    house: House,
) -> None:
    pen = await ordered(house, tier=1)
    await does(house, pen, step("delivered", via="system"), step("signed"))
    house.clock.advance(90 * SECOND)
    late = await does(house, pen, step("arrived"))
    await looked(house)
    assert ("C5", "missed", 0) in await found(house)
    count = len(await ruled(house))
    # Neither another limit nor a friend's word changes what was found.
    view: dict[str, Any] = await house.intake.transaction(lambda batch: batch.view(INCIDENT))
    stated = view["fields"]["tier"][0]["op"]
    await desk(house, {"t": "fact.set", "f": "tier", "v": 60, "p": [stated]})
    friend = Pen("other", person_id("other"))
    await friend.enrol(house.intake)
    await house.intake.submit([friend.open()], friend.device)
    await looked(house)
    assert len(await ruled(house)) == count
    assert (await rows(house))["C5"] == "missed"
    assert late.id is not None
    rank = {"name": "指挥长", "role": "commander"}
    await house.intake.org("people", person_id("commander"), rank)
    dispute = {"t": "milestone.dispute", "claim": late.id[:16] + b"\0", "why": "监控未见"}
    decided = await desk(house, dispute, by="commander")
    await looked(house)
    [void] = (await ruled(house))[count:]
    assert (void.payload["clock"], void.payload["result"]) == ("C5", "void")
    assert void.payload["because"] == decided.idx
    assert (await rows(house))["C5"] == "pending"
    await does(house, pen, step("arrived"))
    await looked(house)
    assert (await found(house))[-1][:2] == ("C5", "met"), "by the limit that is stated now"
    assert await sound(house) == (1, 0)


async def test_vd9_a_review_that_admits_an_arrival_is_looked_at_too(house: House) -> None:
    pen = await ordered(house)
    house.clock.advance(10 * SECOND)
    stranger = Pen("stranger", person_id("officer"))
    opening, arrived = stranger.open(), stranger.set(INCIDENT, step("arrived"))
    results, _have = await house.intake.submit([opening, arrived], pen.device)
    assert [one.d for one in results] == ["held", "held"]
    await looked(house)
    assert "C6" not in await rows(house)
    set_id = results[1].id
    assert set_id is not None
    await house.intake.transaction(
        lambda batch: review(batch, set_id, admits=True, by=person_id("commander"), text="核实过")
    )
    await looked(house)
    assert (await rows(house))["C6"] == "pending"
    assert await sound(house) == (1, 0)


async def test_vd9_another_station_hears_of_what_was_found_before_it_was_asked(
    house: House,
) -> None:
    pen = await ordered(house)
    await does(house, pen, step("delivered", via="system"), step("signed"))
    await looked(house)
    await desk(house, {"t": "incident.transfer", "station": OTHER_STATION, "why": "辖区"})
    other = f"station:{OTHER_STATION.hex()}:2026-11"
    at_home = [one.ruling for one in await entries(house, HOME)]
    kinds = [rulings.read_ruling(one.ruling).kind for one in await entries(house, other)]
    assert kinds.count("verdict") == 3
    assert sorted(at_home) == sorted(one.ruling for one in await entries(house, other))


async def test_vd9_a_rebuild_brings_verdicts_back_and_a_changed_finding_gives_itself_away(
    house: House,
) -> None:
    pen = await ordered(house)
    await does(house, pen, step("delivered", via="system"), step("signed"))
    await looked(house)
    before = await rows(house)

    def lost(connection: Connection) -> None:
        execute(connection, "DELETE FROM verdicts", ())
        execute(connection, "DELETE FROM timers", ())

    await house.db.writing(lost)
    assert (await sound(house))[1] == 1
    await rebuild(house.settings.url)
    assert await rows(house) == before
    assert await sound(house) == (1, 0)
    last = next(one for one in await ruled(house) if one.payload["clock"] == "C2")

    def forged(connection: Connection) -> None:
        said = last.payload | {"result": "missed"}
        raw = rulings.encode_ruling(rulings.Ruling(1, last.idx, last.at_ms, last.kind, said))
        execute(connection, "UPDATE rulings SET bytes = ? WHERE idx = ?", (raw, last.idx))

    await house.db.writing(forged)
    assert (await sound(house))[1] == 1
    await rebuild(house.settings.url)
    assert (await sound(house))[1] == 1, "no row makes such a log right"


async def test_xp7_an_evidence_file_carries_what_was_found_and_is_sound(house: House) -> None:
    signing = Signing(house)
    await signing.keeper.start()
    pen = await ordered(house)
    await does(house, pen, step("delivered", via="system"), step("signed"))
    await looked(house)
    exporter = Exporter(house.db, signing.signer, house.clock)
    report = check(await exporter.incident(INCIDENT), verify=keys.verify)
    await signing.keeper.stop()
    assert report.findings == []
    assert [(one.clock, one.result, one.grade) for _ruling, one in found_in(report)] == [
        ("C1", "met", 0),
        ("C2", "met", 0),
        ("C2i", "met", 0),
    ]
