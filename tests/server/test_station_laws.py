"""Whatever came first to a station, sets or rulings, and however the pages were cut: in the end it is as at the centre.

Each seed is one history of a township: phones write, meet now the one server and now the other, people at the centre
decide, and the station hands up and mirrors in pieces that end anywhere.
"""

import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from server.intake.batch import Batch
from server.intake.rebuild import rebuild
from server.intake.redact import Ground, redact
from server.intake.reviews import NotReviewableError, review
from server.store import doubts, projections, scopes, spool
from server.store import verdicts as stored_verdicts
from server.store.rows import query
from sync.changeset import Draft
from tests.server.desks import Centre, centre
from tests.server.pen import (
    EPOCH_MS,
    OTHER_STATION,
    OTHER_UNIT,
    STATION,
    UNIT,
    Pen,
    chance,
    person_id,
)
from tests.server.stations import Station, beside, push

BY = person_id("commander")
GROUND = Ground(BY, "personal_data", "姓名")


class Town:
    """One history by chance."""

    def __init__(self, seed: int, house: Centre, station: Station, pens: list[Pen]) -> None:
        self.chance = random.Random(seed)
        self.house = house
        self.station = station
        self.pens = pens
        self.waiting: dict[bytes, list[bytes]] = {pen.chain: [pen.open()] for pen in pens}
        self.incidents: list[bytes] = []
        self.orders: list[tuple[bytes, bytes]] = []
        self.notes: list[bytes] = []

    def id(self, *names: object) -> bytes:
        return chance("town", *names, self.chance.random())[:16]

    def write(self) -> None:
        """Somebody writes something."""
        pen = self.chance.choice(self.pens)
        pen.now_ms = self.house.clock.now_ms() - self.chance.choice([0, 0, 500, 90_000])
        before = pen.writer
        self.waiting[pen.chain].append(self.chance.choice(self.WRITES)(self, pen))
        if self.chance.random() < 0.01:  # storage that was set back writes there once more
            pen.writer = before

    def create(self, pen: Pen) -> bytes:
        incident = self.id("incident")
        self.incidents.append(incident)
        station = self.chance.choice([STATION, STATION, OTHER_STATION])
        return pen.create(incident, station)

    def another_create(self, pen: Pen) -> bytes:
        return pen.create(self.any(), self.chance.choice([STATION, OTHER_STATION]))

    def note(self, pen: Pen) -> bytes:
        return pen.note(self.any(), f"到了 {self.chance.random()}")

    def fact(self, pen: Pen) -> bytes:
        op = {"t": "fact.set", "f": "place", "v": f"{self.chance.random()}", "p": []}
        return pen.set(self.any(), op)

    def order(self, pen: Pen) -> bytes:
        incident, order = self.any(), self.id("order")
        self.orders.append((incident, order))
        unit = self.chance.choice([UNIT, OTHER_UNIT])
        op = {
            "t": "order.issue",
            "order": order,
            "to": ["unit", unit],
            "kind": "dispatch",
            "round": 0,
        }
        return pen.set(incident, op)

    def claim(self, pen: Pen) -> bytes:
        if not self.orders:
            return self.note(pen)
        kind = self.chance.choice(["signed", "departed", "arrived", "cleared"])
        incident, order = self.chance.choice(self.orders)
        return pen.claim(incident, kind, order)

    def sample(self, pen: Pen) -> bytes:
        m = self.chance.randrange(1 << 30)
        at = {"s": bytes(8), "m": m, "lo": EPOCH_MS, "hi": EPOCH_MS + 90, "wall": EPOCH_MS}
        op = {"t": "clock.obs"} | at | {"n": 3, "fell": 0, "rose": 0, "gap": 15_000}
        return pen.set(pen.chain, op, kind="chain")

    WRITES: tuple[Callable[["Town", Pen], bytes], ...] = (
        create, note, note, fact, order, claim, sample, another_create,
    )  # fmt: skip

    def any(self) -> bytes:
        return self.chance.choice(self.incidents) if self.incidents else self.id("unknown")

    async def deliver(self) -> None:
        """A phone meets a server, or what it wrote is relayed by another; some of it may come again elsewhere."""
        pen, carrier = self.chance.choice(self.pens), self.chance.choice(self.pens[:-1])
        raws = self.waiting[pen.chain]
        if not raws:
            return
        first = self.chance.choice([0, 0, 0, len(raws) // 2])
        some = raws[first : first + self.chance.randint(1, 6)]
        servers: list[Centre | Station] = [self.house, self.station, self.station]
        to = self.chance.choice(servers)
        results = await push(to.client, carrier, *some)
        assert {one.r for one in results} <= {
            "stored",
            "kept",
            "duplicate",
            "held",
            "rejected",
            "fork",
        }
        if to is self.house or self.chance.random() < 0.7:
            self.waiting[pen.chain] = [raw for raw in raws if raw not in some]

    async def decide(self) -> None:
        """Somebody at the centre decides about a set."""

        def job(batch: Batch) -> None:
            rows = query(
                batch.connection,
                "SELECT d.set_id FROM doubts d WHERE d.open AND d.entity IS NOT NULL ORDER BY d.set_id",
            )
            if rows and self.chance.random() < 0.6:
                doubt = doubts.by_set(batch.connection, bytes(self.chance.choice(rows)[0]))
                assert doubt is not None
                with suppress(NotReviewableError):  # of a chain whose key nobody knows
                    review(
                        batch, doubt.set_id, admits=self.chance.random() < 0.6, by=BY, text="看过"
                    )
                return
            rows = query(
                batch.connection,
                "SELECT s.entity, s.set_id FROM sets s JOIN rulings r ON r.idx = s.idx JOIN incidents i"
                " ON i.id = s.entity WHERE r.kind <> 'redact' ORDER BY s.set_id",
            )
            if rows:
                entity, set_id = self.chance.choice(rows)
                redact(batch, bytes(entity), [bytes(set_id)], GROUND)

        await self.house.intake.transaction(job)

    async def desk(self) -> None:
        """A dispatcher writes at the centre."""
        if not self.incidents:
            return
        order = self.id("order")
        issue = {"t": "order.issue", "order": order, "to": ["unit", OTHER_UNIT], "kind": "dispatch"}
        incident = self.any()
        draft = Draft(bytes(16), "org", "incident", incident, [issue | {"round": 0}])
        await self.house.intake.submit_desk(person_id("dispatcher"), [draft])

    async def mirror(self) -> None:
        await self.station.taken(
            self.chance.sample(names := await self.station.names(), len(names)),
            self.chance.randint(1, 5_000),
        )

    async def hand_up(self) -> None:
        await self.station.handed_up(self.chance.randint(1, 5))

    async def time(self) -> None:
        self.house.clock.advance(self.chance.choice([1, 700, 60_001, 400_000]))
        await self.house.app.state.deadlines.tend()

    async def live(self, steps: int) -> None:
        deeds = (
            [self.deliver] * 4
            + [self.mirror] * 2
            + [self.hand_up, self.decide, self.desk, self.time]
        )
        for _ in range(steps):
            for _ in range(self.chance.randint(0, 4)):
                self.write()
            await self.chance.choice(deeds)()

    async def settle(self) -> None:
        """Everything that anybody holds arrives."""
        for pen in self.pens:
            if self.waiting[pen.chain]:
                client = self.chance.choice([self.house.client, self.station.client])
                await push(client, self.pens[0], *self.waiting[pen.chain])
        while await self.station.handed_up():
            pass
        await self.time()
        await self.station.mirrored(self.chance)


async def view(of: Centre | Station, incident: bytes) -> dict[str, Any]:
    return await of.intake.transaction(lambda batch: batch.view(incident))


def picture(connection: Connection, incident: bytes) -> Any:
    """What screens read of an incident, in any order, and in which scopes it stands."""
    rows = projections.of_incident(connection, incident)
    parts = [] if rows is None else [[rows.incident], rows.orders, rows.deadlines, rows.nudges]
    found = stored_verdicts.of_incidents(connection, [incident])[incident]
    ruled = {key: one.ruled for key, one in found.items() if one.ruled is not None}
    return (
        [sorted(part, key=repr) for part in parts],
        scopes.of_incident(connection, incident),
        ruled,
    )


def of_the_township(connection: Connection) -> list[bytes]:
    """Incidents that stand in a month of the station."""
    rows = query(
        connection,
        "SELECT DISTINCT i.incident FROM incident_scopes i JOIN scopes s ON s.id = i.scope"
        " WHERE s.name LIKE ? ORDER BY i.incident",
        (f"station:{STATION.hex()}:%",),
    )
    return [bytes(incident) for (incident,) in rows]


def entries(connection: Connection, name: str) -> list[Any]:
    """A scope as it is served."""
    held = scopes.by_name(connection, [name]).get(name) or scopes.unborn(connection, name)
    return [held.epoch, held.n, held.head, scopes.page(connection, held.id, 0, 1 << 30)]


@pytest.mark.parametrize("seed", [0, 1, 140, 197])  # the last two once found something
async def test_hb2_in_the_end_a_station_is_as_its_centre(
    seed: int, tmp_path: Path, migrated_file: Path
) -> None:
    (tmp_path / "centre").mkdir()
    async with centre(tmp_path / "centre", migrated_file) as house:
        people = ["officer", "officer", "other", "dispatcher", "officer"]
        pens = [Pen(f"{at} {seed}", person_id(name)) for at, name in enumerate(people)]
        for pen in pens[:-1]:  # the last is nobody's device
            await pen.enrol(house.intake)
        async with beside(house, tmp_path / "station", migrated_file) as station:
            town = Town(seed, house, station, pens)
            await town.live(60)
            await town.settle()

            here = await station.db.reading(of_the_township)
            assert here == await house.app.state.db.reading(of_the_township)
            assert len(here) > 3
            for incident in here:
                assert await view(station, incident) == await view(house, incident)
                there = await house.app.state.db.reading(picture, incident)
                assert await station.db.reading(picture, incident) == there
            for name in await station.names():
                assert await station.db.reading(entries, name) == await house.app.state.db.reading(
                    entries, name
                ), name
            assert await station.db.reading(spool.counts) == spool.Counts(0, None, 0, 0)
            assert (await rebuild(station.app.state.settings.url, check=True))[1] == 0
