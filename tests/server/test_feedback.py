"""Feedback at the centre: reviewed, returned, corrected without signal, overdue, and frozen at a cut-off (SPEC FB)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.api.days import DAY_MS
from tests.server.desks import Centre, Seat, centre
from tests.server.pen import STATION, UNIT, Pen, person_id

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


@pytest.fixture
async def house(tmp_path: Path, migrated_file: Path, db_url: str) -> AsyncIterator[Centre]:
    async with centre(tmp_path, migrated_file, database_url=db_url) as made:
        yield made


async def ordered(desk: Seat, title: str = "草场纠纷", **more: Any) -> tuple[str, str]:
    """An incident with an order to the officer's unit: their ids."""
    body = {"title": title, "station": STATION.hex(), "category": "dispute"} | more
    incident: str = (await desk.post("/api/incidents", body)).json()["id"]
    order = (await desk.did(incident, "issue_order", to=["unit", UNIT.hex()]))["order"]
    return incident, order


async def wrote(house: Centre, pen: Pen, incident: str, *ops: dict[str, Any]) -> None:
    """A set of the phone, received now."""
    pen.now_ms = house.clock.now_ms()
    await house.push(pen, pen.set(bytes.fromhex(incident), *ops))


def step(order: str, kind: str, **data: Any) -> dict[str, Any]:
    claim = {
        "t": "milestone.claim",
        "kind": kind,
        "round": 0,
        "order": bytes.fromhex(order),
        "via": "self",
    }
    return claim | ({"data": data} if data else {})


async def record(seat: Seat, incident: str) -> Any:
    return await seat.ask(f"/api/incidents/{incident}")


async def test_feedback_is_returned_with_faults_corrected_later_and_passed_with_both_natures(
    house: Centre,
) -> None:
    desk, reviewer = await house.sign_in("dispatcher"), await house.sign_in("reviewer")
    phone = await house.phone()
    incident, order = await ordered(desk)
    await wrote(
        house,
        phone,
        incident,
        *(step(order, k) for k in ("signed", "departed", "arrived", "cleared")),
    )
    await wrote(house, phone, incident, step(order, "feedback", final=True, text="已处理"))

    queue = await reviewer.ask("/api/reviews")
    [waits] = queue["waiting"]
    assert (waits["incident"], waits["since_ms"]) == (incident, house.clock.now_ms())
    assert waits["due_ms"] == house.clock.now_ms() + DAY_MS
    codes = [one["code"] for one in (await record(reviewer, incident))["remarks"]]
    assert codes == ["feedback_unreviewed", "result_missing", "nature_missing"]

    claim = (await record(reviewer, incident))["view"]["feedback"][0]["op"]
    said = {"claim": claim, "verdict": "return", "faults": ["result_missing", "nature_wrong"]}
    house.clock.advance(HOUR_MS)
    await reviewer.did(incident, "review_feedback", **said, text="写清怎么处理的")
    queue = await reviewer.ask("/api/reviews")
    assert queue["waiting"] == []
    assert queue["returned"][0]["due_ms"] == house.clock.now_ms() + DAY_MS
    [review] = [one["review"] for one in (await record(desk, incident))["view"]["feedback"]]
    assert (review["faults"], review["text"]) == (said["faults"], "写清怎么处理的")

    # Corrected without signal two hours later, and received after another hour: its review counts from the receipt.
    house.clock.advance(2 * HOUR_MS)
    phone.now_ms = house.clock.now_ms()
    corrected = phone.set(
        bytes.fromhex(incident),
        {"t": "fact.set", "f": "nature", "v": "public_order", "p": []},
        step(order, "feedback", final=True, result="mediated", text="已调解"),
    )
    house.clock.advance(HOUR_MS)
    await house.push(phone, corrected)
    reviewer = await house.sign_in("reviewer")
    queue = await reviewer.ask("/api/reviews")
    assert queue["returned"] == []
    assert queue["waiting"][0]["since_ms"] == house.clock.now_ms()
    entry = (await record(reviewer, incident))["view"]["feedback"][1]
    assert (entry["current"], entry["received_at"] - entry["at"]) == (True, HOUR_MS)

    stale = await reviewer.move(incident, "review_feedback", claim=claim, verdict="pass")
    assert (stale.status_code, stale.json()["code"]) == (409, "not_ready")
    await reviewer.did(
        incident,
        "review_feedback",
        claim=entry["op"],
        verdict="pass",
        score=92,
        nature="civil",
        nature_why="双方自愿",
    )
    shown = await record(reviewer, incident)
    assert shown["remarks"] == []
    nature = shown["view"]["nature"]
    assert (nature["intake"]["v"], nature["ruled"]["v"]) == ("dispute", "civil")
    assert [value["v"] for value in shown["view"]["fields"]["nature"]] == ["public_order"]
    queue = await reviewer.ask("/api/reviews")
    assert queue["waiting"] == queue["overdue"] == []
    assert queue["today"] == {"passed": 1, "returned": 0, "scored": 1, "mean": 92}


async def test_a_review_needs_authority_faults_and_other_eyes(house: Centre) -> None:
    desk, reviewer = await house.sign_in("dispatcher"), await house.sign_in("reviewer")
    incident, order = await ordered(desk)
    said = {"kind": "feedback", "via": "phone", "order": order, "final": True, "text": "好了"}
    await desk.did(incident, "proxy", said_by=person_id("reviewer").hex(), **said)
    claim = (await record(desk, incident))["view"]["feedback"][0]["op"]

    async def refused(seat: Seat, move: str, **fields: Any) -> tuple[int, str]:
        answer = await seat.move(incident, move, **fields)
        return answer.status_code, answer.json()["code"]

    returned = {"claim": claim, "verdict": "return"}
    assert await refused(desk, "review_feedback", claim=claim, verdict="pass") == (
        403,
        "not_allowed",
    )
    assert await refused(desk, "rule_nature", nature="civil", why="x") == (403, "not_allowed")
    assert await refused(reviewer, "review_feedback", claim=claim, verdict="pass") == (
        403,
        "not_allowed",
    ), "nobody reviews what they said themselves, also when another wrote it down"
    boss = await house.sign_in("commander")
    assert await refused(boss, "review_feedback", **returned, faults=[]) == (422, "bad_move")
    assert await refused(boss, "review_feedback", **returned, faults=["other"]) == (422, "bad_move")
    twice = ["step_missing", "step_missing"]
    assert await refused(boss, "review_feedback", **returned, faults=twice) == (422, "bad_move")
    assert await refused(boss, "review_feedback", **returned, faults=["ugly"]) == (
        400,
        "bad_request",
    )
    lone = {"claim": claim, "verdict": "pass", "nature": "civil"}
    assert await refused(boss, "review_feedback", **lone) == (422, "bad_move")
    await boss.did(
        incident, "review_feedback", claim=claim, verdict="pass", faults=["time_unclear"]
    )
    station = await house.sign_in("station")
    assert (await station.get("/api/reviews")).status_code == 403


async def test_a_delay_reason_waits_for_a_word_of_the_desk(house: Centre) -> None:
    desk, phone = await house.sign_in("dispatcher"), await house.phone()
    incident, order = await ordered(desk)
    data = {"order": bytes.fromhex(order)}
    reason = {"t": "entry.add", "kind": "delay_reason", "text": "涉水绕行", "data": data}
    await wrote(house, phone, incident, reason)
    [waits] = (await desk.ask("/api/reviews"))["delays"]
    assert (waits["incident"], waits["delays"]) == (incident, 1)
    view = (await record(desk, incident))["view"]
    entry = next(one for one in view["entries"] if one["kind"] == "delay_reason")
    nothing = await desk.move(incident, "answer_delay", entry="00" * 17, reply="accepted")
    assert (nothing.status_code, nothing.json()["code"]) == (409, "not_ready")
    await desk.did(incident, "answer_delay", entry=entry["op"], reply="sent_others", text="二组去")
    assert (await desk.ask("/api/reviews"))["delays"] == []
    [told] = [one for one in (await record(desk, incident))["view"]["entries"] if one["answer"]]
    assert (told["answer"]["reply"], told["answer"]["text"]) == ("sent_others", "二组去")


async def test_a_frozen_list_stays_as_it_was_and_tells_beside_it_what_came_since(
    house: Centre,
) -> None:
    desk, reviewer = await house.sign_in("dispatcher"), await house.sign_in("reviewer")
    phone = await house.phone()
    late, late_order = await ordered(desk, "迟的")
    never, never_order = await ordered(desk, "没来的")
    drill, drill_order = await ordered(desk, "演练", exercise=True)
    taken, taken_order = await ordered(desk, "撤了的")
    for incident, order in (
        (late, late_order),
        (never, never_order),
        (drill, drill_order),
        (taken, taken_order),
    ):
        await wrote(house, phone, incident, step(order, "arrived"))
    delay = {"t": "entry.add", "kind": "delay_reason", "text": "没有信号"}
    await wrote(house, phone, late, delay)
    await desk.did(taken, "withdraw", why="撤警")

    house.clock.advance(10 * MINUTE_MS)
    phone.now_ms = house.clock.now_ms()  # written in time, on a phone without signal
    written = phone.set(
        bytes.fromhex(late), step(late_order, "feedback", final=False, text="正在调解")
    )
    house.clock.advance(HOUR_MS)
    assert {row["incident"] for row in (await reviewer.ask("/api/reviews"))["overdue"]} == {
        late,
        never,
        drill,
    }
    frozen = await reviewer.post("/api/feedback/cutoffs")
    assert frozen.status_code == 201, frozen.text
    cutoff = frozen.json()
    assert (cutoff["n"], cutoff["at_ms"]) == (2, house.clock.now_ms()), "drills are not counted"
    before = await reviewer.ask(f"/api/feedback/cutoffs/{cutoff['id']}")

    house.clock.advance(HOUR_MS)
    await house.push(phone, written)
    [reason] = [one for row in before["rows"] for one in row["row"]["delays"]]
    desk = await house.sign_in("dispatcher")
    await desk.did(late, "answer_delay", entry=reason["op"], reply="accepted")
    await wrote(house, phone, late, delay | {"text": "又一条"})
    after = await reviewer.ask(f"/api/feedback/cutoffs/{cutoff['id']}")
    assert [one["row"] for one in after["rows"]] == [one["row"] for one in before["rows"]]
    assert after["cutoff"] == before["cutoff"] == cutoff
    rows = {one["row"]["title"]: one for one in after["rows"]}
    assert rows["没来的"]["answered"] is None
    assert rows["演练"]["row"]["exercise"] is True
    answered = rows["迟的"]["answered"]
    assert answered["at"] < cutoff["at_ms"] < answered["received_at"], "in time, and received later"
    assert [one["text"] for one in rows["迟的"]["row"]["delays"]] == ["没有信号"]
    assert (await reviewer.ask("/api/feedback/cutoffs")) == [cutoff]
    second = (await reviewer.post("/api/feedback/cutoffs")).json()
    assert second["hash"] != cutoff["hash"]
    assert second["n"] == 1
    assert [one["id"] for one in await reviewer.ask("/api/feedback/cutoffs")] == [
        second["id"],
        cutoff["id"],
    ]


async def test_words_taken_away_are_gone_from_a_frozen_list_and_its_hash_stands(
    house: Centre,
) -> None:
    desk, boss = await house.sign_in("dispatcher"), await house.sign_in("commander")
    phone = await house.phone()
    incident, order = await ordered(desk)
    await wrote(house, phone, incident, step(order, "arrived"))
    await wrote(
        house, phone, incident, {"t": "entry.add", "kind": "delay_reason", "text": "他家住三队"}
    )
    house.clock.advance(HOUR_MS)
    cutoff = (await boss.post("/api/feedback/cutoffs")).json()
    shown = await record(boss, incident)
    said = next(one for one in shown["timeline"] if one["kind"] == "delay_reason")
    taken = {"sets": [said["set"]], "ground": "personal_data", "text": "住址"}
    answer = await boss.post(f"/api/incidents/{incident}/redactions", taken)
    assert answer.status_code == 201, answer.text
    after = await boss.get(f"/api/feedback/cutoffs/{cutoff['id']}")
    assert "三队" not in after.text
    assert after.json()["cutoff"]["hash"] == cutoff["hash"]
