"""What is said in two ways stands on a screen until a named person has ruled between it; nothing said is lost."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sync import changeset
from sync.changeset import ChangeSet
from tests.server.desks import Centre, Seat, centre
from tests.server.pen import EPOCH_MS, OTHER_STATION, STATION, UNIT, Pen, chance

INCIDENT = chance("incident")[:16]
HEX = INCIDENT.hex()
ORDER = chance("order")[:16]


@pytest.fixture
async def house(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Centre]:
    async with centre(tmp_path, migrated_file) as made:
        yield made


def place(pen: Pen, where: str, **extra: Any) -> bytes:
    return pen.set(INCIDENT, {"t": "fact.set", "f": "place", "v": where, "p": []} | extra)


async def two_places(house: Centre) -> tuple[Pen, Pen]:
    """Two officers name the place, without knowing of each other."""
    wang, li = await house.phone(), await house.phone("other")
    await house.push(wang, wang.create(INCIDENT), place(wang, "嘎查东"))
    li.now_ms = EPOCH_MS + 10_000
    house.clock.advance(90_000)
    await house.push(li, place(li, "嘎查西"))
    return wang, li


async def conflicts(seat: Seat) -> Any:
    return await seat.ask("/api/rulings/conflicts")


async def test_both_values_are_shown_with_who_and_when_until_a_person_rules(
    house: Centre,
) -> None:
    await two_places(house)
    zhao = await house.sign_in("dispatcher")
    found = await conflicts(zhao)
    assert found["open"] == {"incidents": 1, "facts": 1, "steps": 0}
    [one] = found["incidents"]
    assert one["incident"]["number"] == "261130-0001"
    [fact] = one["facts"]
    assert (fact["f"], [value["value"] for value in fact["values"]]) == (
        "place",
        ["嘎查东", "嘎查西"],
    )
    said = fact["values"][1]["said"]
    assert (said["by_name"], said["device"], said["at"], said["received_at"]) == (
        "李",
        "phone other",
        EPOCH_MS + 10_000,
        EPOCH_MS + 90_000,
    )
    assert said["late_by"] == 80_000
    answer = await zhao.did(HEX, "resolve", f="place", v="嘎查西", preds=fact["preds"])
    assert answer["idx"]
    assert (await conflicts(zhao))["incidents"] == []
    detail = await zhao.ask(f"/api/incidents/{HEX}")
    [value] = detail["view"]["fields"]["place"]
    assert value["v"] == "嘎查西"
    assert sum(entry["field"] == "place" for entry in detail["timeline"]) == 3


async def test_nobody_overrules_a_value_they_have_not_seen(house: Centre) -> None:
    wang, _li = await two_places(house)
    zhao = await house.sign_in("dispatcher")
    [one] = (await conflicts(zhao))["incidents"]
    shown = one["facts"][0]["preds"]
    await house.push(wang, place(wang, "嘎查北"))
    answer = await zhao.move(HEX, "resolve", f="place", v="嘎查西", preds=shown)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_ready")
    [again] = (await conflicts(zhao))["incidents"]
    assert len(again["facts"][0]["values"]) == 3
    await zhao.did(HEX, "resolve", f="place", v="嘎查西", preds=again["facts"][0]["preds"])


async def test_two_who_say_the_same_do_not_contradict_each_other(house: Centre) -> None:
    wang, li = await house.phone(), await house.phone("other")
    await house.push(wang, wang.create(INCIDENT), place(wang, "嘎查东"))
    await house.push(li, place(li, "嘎查东"))
    zhao = await house.sign_in("dispatcher")
    assert (await conflicts(zhao))["open"] == {"incidents": 0, "facts": 0, "steps": 0}


async def two_arrivals(house: Centre, apart_ms: int) -> tuple[Pen, Pen, Seat]:
    wang, li = await house.phone(), await house.phone("other")
    await house.push(wang, wang.create(INCIDENT))
    zhao = await house.sign_in("dispatcher")
    order = (await zhao.did(HEX, "issue_order", to=["unit", UNIT.hex()]))["order"]
    house.clock.advance(1_200_000)
    for pen, at in ((wang, EPOCH_MS + 60_000), (li, EPOCH_MS + 60_000 + apart_ms)):
        claim = pen.claim(INCIDENT, "arrived", bytes.fromhex(order), at=at, pos=[1, 2, 3])
        await house.push(pen, claim)
    return wang, li, zhao


async def test_two_arrivals_of_one_crew_further_apart_than_a_crew_is_are_both_kept_and_a_person_decides(
    house: Centre,
) -> None:
    wang, li, zhao = await two_arrivals(house, 900_001)
    found = await conflicts(zhao)
    assert found["open"] == {"incidents": 1, "facts": 0, "steps": 1}
    [step] = found["incidents"][0]["steps"]
    assert (step["kind"], step["why"]) == ("arrived", "contradictory")
    claims = step["claims"]
    assert [claim["said"]["by_name"] for claim in claims] == ["王", "李"]
    assert [claim["standing"] for claim in claims] == [True, True]
    assert [claim["effective"] for claim in claims] == [True, False]
    assert (claims[0]["via"], claims[0]["position"]) == ("self", [1, 2, 3])

    commander = await house.sign_in("commander")
    await commander.did(HEX, "dispute", claim=claims[0]["said"]["op"], why="车载定位不在现场")
    assert (await conflicts(zhao))["open"]["steps"] == 0
    detail = await zhao.ask(f"/api/incidents/{HEX}")
    assert [claim["standing"] for claim in detail["view"]["claims"]] == [False, True]
    assert detail["view"]["milestones"]["arrived"]["by"] == li.person.hex()
    assert wang.person


async def test_a_dispute_stands_beside_the_claim_wherever_something_else_is_open(
    house: Centre,
) -> None:
    wang, li, zhao = await two_arrivals(house, 900_001)
    commander = await house.sign_in("commander")
    await house.push(wang, place(wang, "东"))
    await house.push(li, place(li, "西"))
    [one] = (await conflicts(zhao))["incidents"]
    op = one["steps"][0]["claims"][0]["said"]["op"]
    await commander.did(HEX, "dispute", claim=op, why="不在现场")
    [one] = (await conflicts(zhao))["incidents"]
    [step] = one["steps"]
    assert step["why"] == "disputed"
    [dispute] = step["claims"][0]["disputes"]
    assert (dispute["why"], dispute["said"]["by_name"]) == ("不在现场", "commander 甲")
    back = {"t": "milestone.withdraw", "claim": bytes.fromhex(op), "why": "记错了"}
    await house.push(wang, wang.set(INCIDENT, back))
    [one] = (await conflicts(zhao))["incidents"]
    assert one["steps"][0]["claims"][0]["withdrawn"]["why"] == "记错了"


async def test_a_crew_that_comes_one_after_another_agrees(house: Centre) -> None:
    _wang, _li, zhao = await two_arrivals(house, 900_000)
    assert (await conflicts(zhao))["incidents"] == []


@pytest.mark.parametrize(("apart_ms", "steps"), [(180_000, 0), (180_001, 1)])
async def test_one_person_arrives_once_whoever_writes_it_down(
    house: Centre, apart_ms: int, steps: int
) -> None:
    wang = await house.phone()
    await house.push(wang, wang.create(INCIDENT))
    zhao = await house.sign_in("dispatcher")
    order = (await zhao.did(HEX, "issue_order", to=["unit", UNIT.hex()]))["order"]
    house.clock.advance(1_200_000)
    at = EPOCH_MS + 60_000
    await house.push(wang, wang.claim(INCIDENT, "arrived", bytes.fromhex(order), at=at))
    said = {"kind": "arrived", "order": order, "said_by": wang.person.hex(), "via": "radio"}
    await zhao.did(HEX, "proxy", at=at + apart_ms, **said)
    found = await conflicts(zhao)
    assert found["open"]["steps"] == steps
    if steps:
        [step] = found["incidents"][0]["steps"]
        assert [claim["said_by_name"] for claim in step["claims"]] == [None, "王"]


async def test_the_wall_counts_what_waits_for_a_person(house: Centre) -> None:
    wang, _li = await two_places(house)
    raw = wang.set(INCIDENT, {"t": "incident.close", "round": 0})
    await house.intake.submit([raw], wang.device)
    zhao = await house.sign_in("dispatcher")
    wall = await zhao.ask("/api/wall")
    assert wall["waiting"] == {"held": 0, "rejected": 1, "opaque": 0, "compromised": 0}
    assert wall["conflicts"] == {"incidents": 1, "facts": 1, "steps": 0}
    assert (await (await house.sign_in("station")).ask("/api/wall"))["conflicts"]["facts"] == 1
    assert STATION


async def test_a_page_of_conflicts_goes_on_where_the_last_ended(house: Centre) -> None:
    wang, li = await house.phone(), await house.phone("other")
    entities = [chance("many", at)[:16] for at in range(3)]
    for entity in entities:
        await house.push(wang, wang.create(entity))
        for pen, where in ((wang, "东"), (li, "西")):
            op = {"t": "fact.set", "f": "place", "v": where, "p": []}
            await house.push(pen, pen.set(entity, op))
    zhao = await house.sign_in("dispatcher")
    first = await zhao.ask("/api/rulings/conflicts?limit=2")
    rest = await zhao.ask(f"/api/rulings/conflicts?limit=2&before={first['next']}")
    told = [one["incident"]["id"] for one in [*first["incidents"], *rest["incidents"]]]
    assert told == [entity.hex() for entity in reversed(entities)]
    assert (rest["next"], first["open"]["incidents"]) == (None, 3)


async def test_the_reason_of_a_ruling_stands_beside_it(house: Centre) -> None:
    await two_places(house)
    zhao = await house.sign_in("dispatcher")
    [one] = (await conflicts(zhao))["incidents"]
    [fact] = one["facts"]
    await zhao.did(HEX, "resolve", f="place", v="嘎查西", preds=fact["preds"], why="李在现场")
    detail = await zhao.ask(f"/api/incidents/{HEX}")
    ruled = [entry for entry in detail["timeline"] if entry["by_name"] == "赵"]
    assert {entry["t"]: entry["text"] for entry in ruled}["entry.add"] == "李在现场"
    assert len({entry["set"] for entry in ruled}) == 1


async def test_statements_that_somebody_lets_stand_wait_for_nobody_until_another_comes(
    house: Centre,
) -> None:
    wang, _li = await two_places(house)
    zhao = await house.sign_in("dispatcher")
    [one] = (await conflicts(zhao))["incidents"]
    shown = one["facts"][0]["preds"]
    await zhao.did(HEX, "keep_both", about=shown, why="两处都有人")
    assert (await conflicts(zhao))["open"] == {"incidents": 0, "facts": 0, "steps": 0}
    assert (await zhao.ask("/api/wall"))["conflicts"]["facts"] == 0
    assert len((await zhao.ask(f"/api/incidents/{HEX}"))["view"]["fields"]["place"]) == 2
    await house.push(wang, place(wang, "嘎查北"))
    [again] = (await conflicts(zhao))["incidents"]
    assert len(again["facts"][0]["values"]) == 3


async def test_contradicting_arrivals_may_stand_beside_each_other(house: Centre) -> None:
    _wang, _li, zhao = await two_arrivals(house, 900_001)
    [one] = (await conflicts(zhao))["incidents"]
    about = [claim["said"]["op"] for claim in one["steps"][0]["claims"]]
    await zhao.did(HEX, "keep_both", about=about, why="分两处到场")
    assert (await conflicts(zhao))["open"]["steps"] == 0


async def test_the_authors_are_asked_and_answer_in_the_incident(house: Centre) -> None:
    wang, _li = await two_places(house)
    zhao = await house.sign_in("dispatcher")
    await house.push(wang, wang.note(INCIDENT, "问之前写的"))
    [one] = (await conflicts(zhao))["incidents"]
    await zhao.did(HEX, "ask_about", about=one["facts"][0]["preds"], text="到底在哪边？")
    await zhao.did(HEX, "note", text="席位自己写的")
    await house.push(wang, wang.note(INCIDENT, "东边，看得见水塔"))
    [one] = (await conflicts(zhao))["incidents"]
    [question] = one["facts"][0]["asked"]
    assert (question["by_name"], question["text"]) == ("赵", "到底在哪边？")
    assert [(said["by_name"], said["text"]) for said in question["answers"]] == [
        ("王", "东边，看得见水塔")
    ]


async def test_the_bytes_behind_a_statement_can_be_looked_at_and_checked(house: Centre) -> None:
    wang, li = await two_places(house)
    zhao = await house.sign_in("dispatcher")
    [one] = (await conflicts(zhao))["incidents"]
    said = one["facts"][0]["values"][0]["said"]
    path = f"/api/rulings/evidence/{said['chain']}/{said['seq']}"
    [raw] = await zhao.ask(path)
    assert (raw["set"][:32], raw["signed"], raw["redacted"]) == (said["op"][:32], True, False)
    assert raw["header"]["user"] == wang.person.hex()
    found = changeset.read(bytes.fromhex(raw["envelope"]))
    assert isinstance(found, ChangeSet)
    assert found.set_id.hex() == raw["set"]
    assert (await zhao.get(path.rsplit("/", 1)[0] + "/999")).status_code == 404
    assert (await (await house.sign_in("reviewer")).get(path)).status_code == 403
    assert [one["set"] for one in await (await house.sign_in("station")).ask(path)] == [raw["set"]]
    elsewhere = chance("elsewhere")[:16]
    await house.push(li, li.create(elsewhere, OTHER_STATION))
    theirs = f"/api/rulings/evidence/{li.chain.hex()}/2"
    assert (await zhao.get(theirs)).status_code == 200
    assert (await (await house.sign_in("station")).get(theirs)).status_code == 404


async def test_who_said_it_by_radio_is_asked_and_answers_like_who_wrote_it(house: Centre) -> None:
    wang, li, zhao = await two_arrivals(house, 900_001)
    order = (await zhao.ask(f"/api/incidents/{HEX}"))["view"]["orders"][0]["id"]
    said = {"kind": "arrived", "said_by": li.person.hex(), "via": "radio", "order": order}
    await zhao.did(HEX, "proxy", **said, at=EPOCH_MS + 30_000)
    [one] = (await conflicts(zhao))["incidents"]
    written = next(claim for claim in one["steps"][0]["claims"] if claim["via"] == "radio")
    assert written["said"]["device"] == ""  # the centre's own chain is no device of anybody
    commander = await house.sign_in("commander")
    await commander.did(HEX, "ask_about", about=[written["said"]["op"]], text="几点到的？")
    await house.push(wang, wang.note(INCIDENT, "没问我"))
    await house.push(li, li.note(INCIDENT, "半点"))
    [one] = (await conflicts(zhao))["incidents"]
    [question] = one["steps"][0]["asked"]
    assert [answer["text"] for answer in question["answers"]] == ["半点"]
