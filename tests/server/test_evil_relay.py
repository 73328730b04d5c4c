"""Phones behind an evil relay: whatever it does, the centre is the judge of what it has, and nothing is lost (S18).

Each story: a phone works behind the relay for a while, then meets the centre, and goes on as if nothing had been.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from litestar import Litestar

from server.fleet.pages import BrokenScopeError
from server.store import greetings
from server.store.rows import query
from server.wire import ServerRefusalError
from tests.server.evil import BEHAVIOURS, evil_before
from tests.server.test_station_phones import INCIDENT, Phone
from tests.server.township import Township, places_of, township

QUARTER_MS = 900_000
ROUNDS = 3


@pytest.fixture
async def place(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Township]:
    async with township(tmp_path, migrated_file) as made:
        other = await made.phone("other")
        await made.at_centre(other, other.create(INCIDENT))
        await made.linked()
        yield made


async def stored(place: Township) -> dict[bytes, bytes]:
    """What the centre has, by id."""
    rows = await place.centre.state.db.reading(query, "SELECT set_id, envelope FROM sets")
    return {bytes(set_id): bytes(envelope) for set_id, envelope in rows}


async def attempted(phone: Phone) -> None:
    """One attempt, whatever comes of it."""
    try:
        await phone.device.attempt(pull=True)
    except (httpx2.TransportError, ServerRefusalError, BrokenScopeError):
        phone.device.greet_again()


def words(behaviour: str) -> list[str]:
    return [f"{behaviour}{at}{one}" for at in range(ROUNDS) for one in "甲乙"]


async def worked(place: Township, phone: Phone, behind: Litestar | None, behaviour: str) -> None:
    """A phone writes and sends behind a relay, for three quarters of an hour."""
    told, meaning = words(behaviour), BEHAVIOURS[behaviour]
    async with evil_before(behind, behaviour) as relay:
        phone.device.meet(httpx2.AsyncClient(base_url=relay.url))
        for at in range(ROUNDS):
            for text in told[at * 2 : at * 2 + 2]:
                phone.note(text)
            await attempted(phone)
            place.clock.advance(QUARTER_MS)
        assert relay.harmed > 0, meaning
        if behaviour != "lies":
            there = await stored(place)
            held = sum(id_ in there for id_ in phone.device.vault.ids())
            assert phone.device.vault.tally().acked <= held, f"false ticks where {meaning}"
        await relay.release()


@pytest.mark.parametrize("before", ["station", "centre"])
async def test_ex14_whatever_a_relay_does_ends_where_the_phone_meets_the_centre(
    place: Township, before: str
) -> None:
    phones = {behaviour: Phone(place, behaviour) for behaviour in BEHAVIOURS}
    for phone in phones.values():
        await phone.let_in()
    for phone in phones.values():
        await phone.known()
    for behaviour, phone in phones.items():
        behind = place.station if before == "station" else place.centre
        await worked(place, phone, behind, behaviour)

    for _ in range(2):
        for phone in phones.values():
            await phone.at(place.centre)
        place.clock.advance(QUARTER_MS)
    await place.settled()
    view = (await place.same(INCIDENT)).decode("utf-8", "replace")
    there = await stored(place)
    for behaviour, phone in phones.items():
        meaning, vault = BEHAVIOURS[behaviour], phone.device.vault
        await phone.at(place.centre)
        assert phone.ticks[:2] == (0, 0), f"it does not fall back to the centre where {meaning}"
        for seq, id_ in enumerate(vault.ids()):
            assert there.get(id_) == vault.raw(phone.device.chain, seq), f"lost where {meaning}"
        assert [view.count(text) for text in words(behaviour)] == [1] * 2 * ROUNDS, meaning
        places = await place.centre.state.db.reading(places_of)
        for scope, cursor in vault.cursors().items():
            if scope in places:
                mine = (cursor.epoch, cursor.n, cursor.head)
                assert places[scope] == mine, f"{scope} where {meaning}"

    # Whose promises the centre contradicted says so to those who look after devices, once for each.
    befell = await place.centre.state.db.reading(greetings.events)
    told = {
        behaviour: [
            one.proof["sets"]
            for one in befell.get(phone.device.chain, [])
            if one.kind == "contradicted"
        ]
        for behaviour, phone in phones.items()
    }
    assert {behaviour for behaviour, sets in told.items() if sets} == {"lies"}
    [sets] = told["lies"]
    assert sets >= 2 * ROUNDS
