"""An incident as of a moment: what a desk is told of the past is what it was told then, to the byte."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.api.sources import stretches
from server.deadlines.engine import Engine
from server.intake.batch import Batch
from server.intake.verdicts import SETTLING_MS
from server.store.timers import VERDICTS
from tests.server.desks import Centre, Seat, centre
from tests.server.test_incidents_api import sent

MINUTE = 60_000
TOLD = ("summary", "view", "deadlines", "remarks", "timeline", "silences", "seal", "verdicts")


@pytest.fixture
async def house(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Centre]:
    async with centre(tmp_path, migrated_file) as made:
        yield made


class Watched:
    """An incident of which everything a desk was ever told is kept, by when."""

    def __init__(self, house: Centre, desk: Seat, incident: str) -> None:
        self._house, self._desk = house, desk
        self.incident = incident
        self.told: dict[int, dict[str, Any]] = {}

    async def look(self) -> None:
        """Once the clocks are judged of what was just said."""
        self._house.clock.advance(SETTLING_MS)
        intake, works = self._house.intake, {VERDICTS: Batch.judge_again}
        db = self._house.app.state.db
        await Engine(db, intake, self._house.clock, os.urandom, works).tend()
        self._house.clock.advance(1)
        now_ms = self._house.clock.now_ms()
        self.told[now_ms] = await self._desk.ask(f"/api/incidents/{self.incident}")
        self._house.clock.advance(1)

    async def at(self, ms: int, by: str = "received") -> Any:
        path = f"/api/incidents/{self.incident}?as_of_ms={ms}&by={by}"
        return await self._desk.ask(path)


def without_now(told: dict[str, Any]) -> dict[str, Any]:
    """What was told, without what only the moment itself can know: who is silent still, and when a row was changed."""
    kept = {name: told[name] for name in TOLD}
    kept["summary"] = kept["summary"] | {"updated_at": 0}
    kept["silences"] = [one for one in kept["silences"] if one["until"] is not None]
    return kept


async def lived(house: Centre) -> tuple[Watched, dict[str, Any]]:
    """An order signed out of reach, a place in two versions, and a close that was refused and then admitted."""
    desk, phone = await house.sign_in("dispatcher"), await house.phone()
    house.clock.advance(1_000)
    incident, order = await sent(desk, place="二社")
    entity = bytes.fromhex(incident)
    watched = Watched(house, desk, incident)
    moments: dict[str, Any] = {"issued": house.clock.now_ms()}
    await watched.look()
    phone.now_ms = house.clock.advance(3_000)
    await house.push(phone, phone.claim(entity, "delivered", order, via="system"))
    moments["delivered"] = house.clock.now_ms()
    await watched.look()
    phone.now_ms = moments["signed"] = house.clock.advance(15_000)
    away = [phone.claim(entity, "signed", order)]
    phone.now_ms = moments["arrived"] = house.clock.advance(25 * MINUTE)
    away.append(phone.claim(entity, "arrived", order))
    away.append(phone.set(entity, {"t": "fact.set", "f": "place", "v": "三社", "p": []}))
    await watched.look()
    moments["back"] = house.clock.advance(13 * MINUTE)
    await house.push(phone, *away)
    await watched.look()
    phone.now_ms = house.clock.advance(MINUTE)
    close = phone.set(entity, {"t": "incident.close", "round": 0})
    [refused], _ = await house.intake.submit([close], phone.device)
    assert refused.r == "rejected"
    await watched.look()
    house.clock.advance(MINUTE)
    close_id = watched.told[max(watched.told)]["timeline"][-1]["set"]
    answer = await desk.post(f"/api/rulings/{close_id}/admit", {"text": "口头请示过"})
    assert answer.status_code in (200, 201), answer.text
    moments["admitted"] = house.clock.now_ms()
    await watched.look()
    house.clock.advance(MINUTE)
    return watched, moments


async def test_what_was_known_at_a_moment_is_the_fold_of_the_rulings_up_to_then(
    house: Centre,
) -> None:
    watched, moments = await lived(house)
    statuses = [told["summary"]["status"] for told in watched.told.values()]
    assert statuses == ["assigned", "delivered", "delivered", "arrived", "arrived", "closed"]
    for ms, told in watched.told.items():
        then = await watched.at(ms)
        assert without_now(then) == without_now(told), ms - moments["issued"]
        assert then["as_of"] == {"ms": ms, "by": "received"}
        assert then["moves"] == []
    found = [
        [one["ruled"] is not None for one in told["verdicts"]] for told in watched.told.values()
    ]
    assert [each.count(True) for each in found[:4]] == [0, 1, 1, 3], "findings are in the log"
    before = await watched.at(moments["issued"] - 500)
    assert (before["timeline"], before["view"]["created"], before["seal"]) == ([], None, None)
    # Of now nothing is held back.
    assert (await watched.at(house.clock.now_ms()))["as_of"] is None


async def test_what_had_happened_at_a_moment_takes_in_what_was_told_later(house: Centre) -> None:
    watched, moments = await lived(house)
    then = await watched.at(moments["arrived"], by="event")
    assert then["summary"]["status"] == "arrived", "known by now, though not then"
    assert (await watched.at(moments["arrived"]))["summary"]["status"] == "delivered"
    earlier = await watched.at(moments["arrived"] - 1, by="event")
    assert earlier["summary"]["status"] == "signed"
    states = {one["id"]: one["state"] for one in earlier["deadlines"]}
    assert states["C2"] == "done"


async def test_words_that_were_taken_away_are_away_in_the_past_too(house: Centre) -> None:
    watched, moments = await lived(house)
    place = next(
        entry
        for entry in watched.told[max(watched.told)]["timeline"]
        if entry["t"] == "fact.set" and entry["value"] == "三社"
    )
    commander = await house.sign_in("commander")
    body = {"sets": [place["set"]], "ground": "informant", "text": "线人住处"}
    answer = await commander.post(f"/api/incidents/{watched.incident}/redactions", body)
    assert answer.status_code in (200, 201), answer.text
    house.clock.advance(MINUTE)
    looked_ms = min(ms for ms in watched.told if ms >= moments["back"])
    then = await watched.at(looked_ms)
    assert "三社" not in str(then)
    [found] = [entry for entry in then["timeline"] if entry["op"] == place["op"]]
    assert (found["decision"], found["redacted"]["ground"]) == ("accepted_late", "informant")
    assert then["seal"] == watched.told[looked_ms]["seal"], "the log did not change"


async def test_a_phone_is_out_of_touch_from_when_it_was_heard_last_until_it_is_heard_again(
    house: Centre,
) -> None:
    watched, moments = await lived(house)
    told = list(watched.told.values())
    assert [one["silences"] for one in told[:2]] == [[], []]
    # Nobody can tell yet what it holds; when it is back, its own chain says since when.
    back = (await watched.at(moments["back"]))["silences"]
    assert [(one["since"], one["until"]) for one in back] == [
        (moments["delivered"], moments["back"])
    ]
    [source] = told[-1]["sources"]
    assert (source["device"], source["name"]) == ("phone officer", "王")


@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), max_size=20),
    st.lists(st.integers(0, 2 * 10**6), max_size=20),
)
def test_a_silence_holds_nothing_that_was_received_and_something_that_was_signed(
    drawn: list[tuple[int, int]], touched: list[int]
) -> None:
    signed = [(at, at + waited) for at, waited in drawn]
    moments = {*touched, *(received for _, received in signed)}
    found = stretches(signed, touched)
    for since, until in found:
        assert until - since > MINUTE
        assert not any(since < ms < until for ms in moments)
        assert any(since <= at < until < received + 1 for at, received in signed)
    for at, received in signed:
        if not any(at < ms < received for ms in moments) and received - at > MINUTE:
            assert any(since <= at and until == received for since, until in found)
