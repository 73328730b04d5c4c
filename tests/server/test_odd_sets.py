"""Good sets with odd things in them: at the limits of every field, in any script, of later versions (EX2, RL4).

Whatever an enrolled phone may write by the page, the centre must be able to store: a set that no table can hold would
be refused for ever, and its author could do nothing about it.
"""

import asyncio
from typing import Any

import pytest

from server.store import devices
from server.store.devices import Contact
from tests.server.conftest import House
from tests.server.pen import STATION, UNIT, Pen, chance, person_id

INCIDENT = chance("odd incident")[:16]
ORDER = chance("odd order")[:16]
GREATEST = 2**53 - 1

SAID: dict[str, list[dict[str, Any]]] = {
    "a zero character in a title, and in everything a list shows": [
        {"t": "fact.set", "f": field, "v": "a\x00b", "p": []}
        for field in ("title", "place", "category", "caller_name", "narrative", "source_no")
    ],
    "the least and the greatest characters": [
        {"t": "fact.set", "f": "title", "v": "\x01\x7f\ud7ff\ue000\ufffe\uffff\U0010ffff", "p": []},
        {"t": "fact.set", "f": "place", "v": "ᠮᠣᠩᠭᠣᠯ\u180b\u180e\u202eئۇيغۇر", "p": []},
    ],
    "the longest text": [{"t": "fact.set", "f": "narrative", "v": "水" * 5_461, "p": []}],
    "the greatest numbers": [
        {"t": "fact.set", "f": "casualties", "v": GREATEST, "p": []},
        {"t": "fact.set", "f": "city_received_at", "v": GREATEST, "p": []},
        {"t": "fact.set", "f": "tier", "v": 1_440, "p": []},
        {"t": "fact.set", "f": "point", "v": [900_000_000, -1_800_000_000], "p": []},
    ],
    "the greatest round, at the end of time": [
        {"t": "order.issue", "order": ORDER, "to": ["unit", UNIT], "kind": "dispatch",
         "round": GREATEST, "at": GREATEST},
        {"t": "milestone.claim", "kind": "arrived", "round": GREATEST, "order": ORDER, "via": "self",
         "at": GREATEST, "pos": [0, 0, GREATEST]},
        {"t": "incident.reopen", "round": GREATEST, "why": ""},
        {"t": "incident.close", "round": GREATEST, "at": 0},
        {"t": "callback.attempt", "round": GREATEST, "outcome": "reached", "minutes": GREATEST,
         "score": 3, "text": "\x00", "at": 0},
        {"t": "rectify.order", "station": STATION, "kind": "complex", "text": "\x00", "due": GREATEST},
    ],
    "ops and fields of later versions, with the names of methods": [
        {"t": "constructor"}, {"t": "", "__proto__": {"t": "x"}}, {"t": "x" * 16_384},
        {"t": "entry.add", "kind": "note", "text": "", "data": {"": [[[[]]]]}},
    ],
}  # fmt: skip


@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
async def test_whatever_may_be_written_can_be_kept_and_shown(
    house: House, said: list[dict[str, Any]]
) -> None:
    pen = Pen("odd", person_id("dispatcher"))
    await pen.enrol(house.intake)
    create = {"t": "incident.create", "source": "desk", "station": STATION, "tag": "\x00T-1"}
    raws = [pen.open(), pen.set(INCIDENT, create), pen.set(INCIDENT, *said), pen.note(INCIDENT)]
    results, have = await house.intake.submit(raws, pen.device)
    assert [(result.r, result.why) for result in results] == [("stored", None)] * 4
    assert have == 3


@pytest.mark.parametrize(
    "odd",
    [{"app": "a\x00b"}, {"app": "\ud800"}, {"pending": 2**70}],
    ids=["a zero character", "half a character", "a number no table holds"],
)
async def test_what_a_phone_says_of_itself_holds_up_nobodys_sets(
    house: House, odd: dict[str, Any]
) -> None:
    pen = Pen("odd phone", person_id("officer"))
    await pen.enrol(house.intake)
    said = {"pending": 1, "oldest_ms": None, "clock_offset_ms": 0, "head": 0, "app": "a"} | odd
    house.intake.note_contact(
        Contact(chain=pen.chain, last_contact_ms=house.clock.now_ms(), **said)
    )
    async with asyncio.timeout(20):
        results, have = await house.intake.submit([pen.open()], pen.device)
    assert ([result.r for result in results], have) == (["stored"], 0)


async def test_a_zero_character_is_kept_as_the_mark_of_an_unreadable_one(house: House) -> None:
    pen = Pen("odd phone", person_id("officer"))
    await pen.enrol(house.intake)
    house.intake.note_contact(Contact(pen.chain, house.clock.now_ms(), 1, None, 0, 0, "a\x00b"))
    await house.intake.submit([pen.open()], pen.device)
    contact = (await house.db.reading(devices.contacts))[pen.chain]
    assert contact.app == ("a\ufffdb" if house.db.dialect == "postgresql" else "a\x00b")
