"""Whatever came first to a station, sets or rulings, and however the pages were cut: in the end it is as at the centre.

Each seed is one history of a township: phones write, meet now the one server and now the other, people at the centre
decide, and the station hands up and mirrors in pieces that end anywhere, by the line or by courier.
"""

import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection

from server.intake.batch import Batch
from server.intake.pages import NIL
from server.intake.rebuild import rebuild
from server.intake.redact import Ground, redact
from server.intake.reviews import NotReviewableError, review
from server.store import doubts, projections, scopes, spool
from server.store import verdicts as stored_verdicts
from server.store.engine import Database
from server.store.rows import query
from sync import changeset, fold, rulings
from sync.changeset import ChangeSet, Draft
from sync.exchange import HelloReply
from sync.fold import Item
from sync.incident.state import IncidentState
from tests.server.couriers import answer_of, backlog, carried_to
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
from tests.server.stations import Station, beside, call, hello, pull, push

BY = person_id("commander")
GROUND = Ground(BY, "personal_data", "姓名")


class Town:
    """One history by chance."""

    def __init__(self, seed: int, house: Centre, station: Station, pens: list[Pen]) -> None:
        self.chance = random.Random(seed)
        self.house = house
        self.station = station
        self.servers: list[Centre | Station] = [house, station, station]
        self.pens = pens
        self.reader = Reader(pens[0])
        self.waiting: dict[bytes, list[bytes]] = {pen.chain: [pen.open()] for pen in pens}
        self.incidents: list[bytes] = []
        self.orders: list[tuple[bytes, bytes]] = []
        self.notes: list[bytes] = []
        self.answers: list[bytes] = []

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

    def transfer(self, pen: Pen) -> bytes:
        station = self.chance.choice([STATION, OTHER_STATION])
        return pen.set(self.any(), {"t": "incident.transfer", "station": station, "why": "辖区"})

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
        create, note, note, fact, order, claim, sample, another_create, transfer,
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
        to = self.chance.choice(self.servers)
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
        issue: dict[str, Any] = {
            "t": "order.issue",
            "order": order,
            "to": ["unit", OTHER_UNIT],
            "kind": "dispatch",
        }
        incident = self.any()
        away = {"t": "incident.transfer", "station": OTHER_STATION, "why": "辖区"}
        op = self.chance.choice([issue | {"round": 0}, away, away | {"station": STATION}])
        draft = Draft(bytes(16), "org", "incident", incident, [op])
        await self.house.intake.submit_desk(person_id("dispatcher"), [draft])

    async def mirror(self) -> None:
        await self.station.taken(
            self.chance.sample(names := await self.station.names(), len(names)),
            self.chance.randint(1, 5_000),
        )

    async def hand_up(self) -> None:
        await self.station.handed_up(self.chance.randint(1, 5))

    async def carry(self) -> None:
        """A courier takes the backlog up, in pieces; an answer comes back now or much later, or twice."""
        for file in await backlog(self.station.app, self.chance.choice([700, 1 << 20])):
            brought, _none = await carried_to(self.house.app, file)
            self.answers.append(await answer_of(self.house.app, brought))
        for answer in self.chance.sample(self.answers, min(2, len(self.answers))):
            carried, _settled = await carried_to(self.station.app, answer)
            assert carried.is_whole, carried.faults

    async def time(self) -> None:
        self.house.clock.advance(self.chance.choice([1, 700, 60_001, 400_000]))
        await self.house.app.state.deadlines.tend()

    async def live(self, steps: int, *, by_courier: bool) -> None:
        deeds = (
            [self.deliver] * 4
            + [self.mirror] * 2
            + [self.hand_up, self.decide, self.desk, self.time]
        )
        deeds += [self.carry, self.carry] if by_courier else []
        for step in range(1, steps + 1):
            for _ in range(self.chance.randint(0, 4)):
                self.write()
            await self.chance.choice(deeds)()
            if self.chance.random() < 0.2:
                await self.reader.read(self.chance.choice(self.servers))
            if step % 20 == 0:
                await self.station.mirrored(self.chance)
                await self.reader.read(self.station)
                await self.reader.sees_what(self.station)

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


class Reader:
    """A phone that only reads, now at the one server and now at the other, from where it stopped."""

    def __init__(self, pen: Pen) -> None:
        self.pen = pen
        self.cursors: dict[str, tuple[int, int, bytes]] = {}
        self.said: dict[tuple[str, bytes], list[Item]] = {}  # by scope and incident

    async def read(self, of: Centre | Station) -> None:
        """Everything that this server has for it."""
        asked = hello(self.pen.chain, -1, self.pen.now_ms)
        told = await call(of.client, self.pen.token, "hello", asked, HelloReply)
        for name, epoch, _n in told.scopes:
            self.cursors.setdefault(name, (epoch, 0, bytes(16)))
        reply = await pull(
            of.client, self.pen.token, [(name, at[0], at[1]) for name, at in self.cursors.items()]
        )
        assert reply.complete
        for page in reply.scopes:
            epoch, n, head = self.cursors[page.scope]
            assert (page.epoch, page.from_) == (epoch, n + 1)
            for raw in page.entries:
                n, ruling, envelope = msgspec.msgpack.decode(
                    raw, type=tuple[int, bytes, msgspec.Raw]
                )
                head = rulings.scope_head(head, rulings.leaf_hash(ruling))
                self.take(page.scope, rulings.read_ruling(ruling), bytes(envelope))
            assert (n, head) == (page.to, page.head)
            self.cursors[page.scope] = (epoch, n, head)

    def take(self, scope: str, ruling: rulings.Ruling, envelope: bytes) -> None:
        entity = rulings.leaving(ruling, scope)
        if entity is not None:
            for beside in [one for one in self.said if rulings.inside(one[0]) == scope]:
                if beside[1] == entity:
                    del self.said[beside]
        if ruling.kind not in rulings.DECIDING or envelope == NIL:
            return
        if (entity := ruling.payload["e"]) is None:
            return
        change = changeset.read(envelope)
        assert isinstance(change, ChangeSet)
        self.said.setdefault((scope, entity), []).extend(fold.items_of(change, ruling))

    async def sees_what(self, of: Centre | Station) -> None:
        """It shows of every incident of the township what this server shows."""
        db: Database = of.app.state.db
        theirs = await db.reading(of_the_township)
        for incident in theirs:
            state = IncidentState(incident)
            for (_scope, entity), items in self.said.items():
                state.add(items if entity == incident else [])
            assert state.view() == await view(of, incident)
        months = {e for scope, e in self.said if scope.startswith("station:")}
        assert months <= set(theirs), "nothing is left of what has gone to another station"


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


def shown(connection: Connection) -> list[bytes]:
    """Incidents that screens show, of those whose beginning is known."""
    sql = "SELECT id FROM incidents WHERE home_scope IS NOT NULL ORDER BY id"
    return [bytes(one) for (one,) in query(connection, sql)]


def entries(connection: Connection, name: str) -> list[Any]:
    """A scope as it is served."""
    held = scopes.by_name(connection, [name]).get(name) or scopes.unborn(connection, name)
    return [held.epoch, held.n, held.head, scopes.page(connection, held.id, 0, 1 << 30)]


@pytest.mark.parametrize(
    ("seed", "by_courier"),
    [(0, True), (1, True), (140, False), (197, False)],  # the last two once found something
)
async def test_hb2_in_the_end_a_station_is_as_its_centre(
    seed: int, by_courier: bool, tmp_path: Path, migrated_file: Path
) -> None:
    (tmp_path / "centre").mkdir()
    async with centre(tmp_path / "centre", migrated_file) as house:
        people = ["officer", "officer", "other", "dispatcher", "officer"]
        pens = [Pen(f"{at} {seed}", person_id(name)) for at, name in enumerate(people)]
        for pen in pens[:-1]:  # the last is nobody's device
            await pen.enrol(house.intake)
        async with beside(house, tmp_path / "station", migrated_file) as station:
            town = Town(seed, house, station, pens)
            await town.live(60, by_courier=by_courier)
            await town.settle()

            here = await station.db.reading(of_the_township)
            assert here == await house.app.state.db.reading(of_the_township)
            assert len(here) > 3
            for incident in here:
                assert await view(station, incident) == await view(house, incident)
                there = await house.app.state.db.reading(picture, incident)
                assert await station.db.reading(picture, incident) == there
            for server in (station, house):
                await town.reader.read(server)
                await town.reader.sees_what(house)
            for name in await station.names():
                assert await station.db.reading(entries, name) == await house.app.state.db.reading(
                    entries, name
                ), name
            assert await station.db.reading(spool.counts) == spool.Counts(0, None, 0, 0)
            assert await station.db.reading(shown) == here
            assert (await rebuild(station.app.state.settings.url, check=True))[1] == 0
