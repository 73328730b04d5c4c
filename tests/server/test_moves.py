"""An incident that moves to another station leaves the old one, whole, for whoever had it (SC3, SC6)."""

from typing import Any

import msgspec

from server.intake.rebuild import rebuild
from server.store import scopes, snapshots
from sync import changeset, rulings
from sync.changeset import ChangeSet
from tests.server.conftest import House
from tests.server.pen import OTHER_STATION, OTHER_UNIT, STATION, UNIT, chance
from tests.server.test_intake_projections import desk
from tests.server.test_snapshots import maker

MONTH = "2026-11"
HERE, THERE = (f"station:{one.hex()}:{MONTH}" for one in (STATION, OTHER_STATION))
INCIDENT, ORDER = chance("moved")[:16], chance("the order")[:16]
CREATE = {"t": "incident.create", "source": "desk", "station": STATION, "tag": ""}
AWAY = {"t": "incident.transfer", "station": OTHER_STATION, "why": "辖区"}
BACK = {"t": "incident.transfer", "station": STATION, "why": "退回"}
SECRET = "线人巴图"


def note(text: str = SECRET) -> dict[str, Any]:
    return {"t": "entry.add", "kind": "note", "text": text}


def order(unit: bytes, order_id: bytes = ORDER) -> dict[str, Any]:
    return {"t": "order.issue", "order": order_id, "to": ["unit", unit], "kind": "dispatch", "round": 0}  # fmt: skip


def cleared(order_id: bytes = ORDER) -> dict[str, Any]:
    return {"t": "milestone.claim", "kind": "cleared", "round": 0, "order": order_id, "via": "self"}


class Line(msgspec.Struct):
    """One entry of a scope: its ruling, and what the set said that came with it."""

    ruling: rulings.Ruling
    ops: list[Any] | None


async def lines(house: House, name: str) -> list[Line]:
    """A scope as it is served to whoever begins; its heads hold."""

    def read(connection: Any) -> list[Line]:
        scope = scopes.by_name(connection, [name]).get(name) or scopes.unborn(connection, name)
        found, head = [], rulings.SCOPE_HEAD_ZERO
        for at, (n, raw, envelope, here) in enumerate(scopes.page(connection, scope.id, 0, 1 << 30), 1):  # fmt: skip
            head = rulings.scope_head(head, rulings.leaf_hash(raw))
            assert (n, here) == (at, head)
            change = None if envelope is None else changeset.read(envelope)
            ops = change.body.ops if isinstance(change, ChangeSet) and change.body else None
            found.append(Line(rulings.read_ruling(raw), ops))
        assert (scope.n, scope.head) == (len(found), head)
        return found

    return await house.db.reading(read)


def words(found: list[Line]) -> list[str]:
    return [op["t"] for line in found for op in line.ops or ()]


async def listed_in(house: House) -> list[str]:
    return await house.db.reading(scopes.of_incident, INCIDENT)


async def test_sc6_a_transfer_is_one_ruling_that_is_the_last_word_at_the_one_and_known_at_the_other(
    house: House,
) -> None:
    await desk(house, INCIDENT, CREATE, note())
    await desk(house, INCIDENT, AWAY)
    here, there = await lines(house, HERE), await lines(house, THERE)
    assert here[-1].ruling == there[-1].ruling
    said = here[-1].ruling.payload
    assert (said["e"], said["add"], said["del"]) == (INCIDENT, THERE, [HERE])
    assert [line.ops for line in here] == [None] * 3, "heads hold, words are not sent"
    assert words(there) == ["incident.create", "entry.add", "incident.transfer"]
    assert [line.ruling for line in here[:-1]] == [line.ruling for line in there[:-1]]

    await desk(house, INCIDENT, note())
    assert await lines(house, HERE) == here, "what is said later is not told there"
    assert len(await lines(house, THERE)) == len(there) + 1
    assert await listed_in(house) == [THERE]
    assert await rebuild(house.settings.url, check=True) == (1, 0)


async def test_sc6_who_is_under_way_keeps_seeing_it_until_the_next_transfer(house: House) -> None:
    await desk(house, INCIDENT, CREATE, order(UNIT))
    await desk(house, INCIDENT, AWAY)
    assert await listed_in(house) == [HERE, THERE]
    assert "del" not in (await lines(house, HERE))[-1].ruling.payload

    await desk(house, INCIDENT, cleared(), order(OTHER_UNIT, chance("another")[:16]))
    assert await listed_in(house) == [HERE, THERE], "only a transfer takes it from anybody"
    await desk(house, INCIDENT, AWAY)
    said = (await lines(house, THERE))[-1].ruling.payload
    assert (said.get("add"), said["del"]) == (None, [HERE]), "it had been there before"
    assert await listed_in(house) == [THERE]


async def test_sc6_it_stays_with_whom_it_was_ordered_to_and_who_has_to_put_something_right(
    house: House,
) -> None:
    attempt = {"t": "callback.attempt", "round": 0, "outcome": "reached", "score": 3}
    rectify = {"t": "rectify.order", "station": STATION, "kind": "ordinary", "text": "道歉"}
    await desk(house, INCIDENT, CREATE, attempt, rectify, order(OTHER_UNIT))
    assert await listed_in(house) == [HERE, THERE]
    await desk(house, INCIDENT, AWAY)
    assert await listed_in(house) == [HERE, THERE]
    await desk(house, INCIDENT, BACK)
    assert await listed_in(house) == [HERE, THERE], "their patrol is on its way"


async def test_sc6_what_comes_back_is_told_anew_and_a_late_transfer_moves_nothing(
    house: House,
) -> None:
    await desk(house, INCIDENT, CREATE, note())
    await desk(house, INCIDENT, AWAY)
    told = len(await lines(house, HERE))
    house.intake._memory.drop()  # type: ignore[union-attr]  # as after a start
    await desk(house, INCIDENT, note("later"))
    assert await listed_in(house) == [THERE], "nobody who forgot it places it where it was"

    await desk(house, INCIDENT, BACK)
    here = await lines(house, HERE)
    assert words(here[:told]) == []
    again = ["incident.create", "entry.add", "incident.transfer", "entry.add", "incident.transfer"]
    assert words(here[told:]) == again
    assert words(await lines(house, THERE)) == []
    assert await listed_in(house) == [HERE]


async def test_sn1_no_snapshot_of_the_old_month_holds_what_has_left_it(house: House) -> None:
    await desk(house, INCIDENT, CREATE, *[note()] * 10)
    for _ in range(6):
        await desk(house, chance("it stays")[:16], note("stays"))
        await desk(house, INCIDENT, note())
    other = chance("other")[:16]
    await desk(house, other, CREATE)
    making = maker(house)
    assert HERE in await making.make_due()

    def kept(connection: Any) -> bool:
        scope = scopes.by_name(connection, [HERE])[HERE]
        return bool(snapshots.newest(connection, [scope.id]))

    assert await house.db.reading(kept)
    await desk(house, INCIDENT, AWAY)
    assert not await house.db.reading(kept), "it still had everything"


async def test_sc6_one_act_may_order_one_station_and_give_it_to_another(house: House) -> None:
    third = chance("third")[:16]
    await house.intake.org("stations", third, {"name": "丙"})
    await desk(house, INCIDENT, CREATE)
    away = AWAY | {"station": third}
    await desk(house, INCIDENT, order(OTHER_UNIT), away)
    placed = [line.ruling for line in await lines(house, THERE) if line.ruling.kind == "scope"]
    assert [(one.payload.get("add"), one.payload.get("del")) for one in placed] == [
        (THERE, None),
        (f"station:{third.hex()}:{MONTH}", [HERE]),
    ]
