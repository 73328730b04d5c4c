"""A scope that has grown long is told in one piece to who begins, and the piece never says too much (SN, RD3)."""

import gzip
import os
from functools import partial
from pathlib import Path

import httpx
import msgspec
import pytest

from server.intake.redact import Ground, redact
from server.intake.snapshots import Snapshots, gather, publish
from server.settings import Limits
from server.store import scopes, snapshots
from sync import changeset, exchange, rulings, snapshot
from sync.changeset import ChangeSet
from sync.incident.state import IncidentState
from tests.server.conftest import House
from tests.server.desks import Centre, centre
from tests.server.pen import OTHER_STATION, STATION, Pen, chance, person_id

SECRET = "线人巴图"
HOME = f"station:{STATION.hex()}:2026-11"
INCIDENT = chance("snapshot incident")[:16]
LIMITS = Limits(snapshot_entries=5)


def maker(house: House) -> Snapshots:
    settings = msgspec.structs.replace(house.settings, limits=LIMITS)
    return Snapshots(settings, house.clock, os.urandom, house.db, house.intake)


async def written(house: House, notes: int = 8) -> tuple[Pen, list[bytes]]:
    pen = Pen("writer", person_id("officer"))
    await pen.enrol(house.intake)
    raws = [pen.open(), pen.create(INCIDENT), *(pen.note(INCIDENT, SECRET) for _ in range(notes))]
    results, _have = await house.intake.submit(raws, pen.device)
    assert {result.r for result in results} == {"stored"}
    return pen, raws


async def newest(house: House, name: str = HOME) -> snapshot.Snapshot | None:
    def find(connection: object) -> bytes | None:
        scope = scopes.by_name(connection, [name])[name]  # type: ignore[arg-type]  # a connection
        kept = snapshots.newest(connection, [scope.id]).get(scope.id)  # type: ignore[arg-type]  # as above
        found = snapshots.fetch(connection, kept.hash) if kept else None  # type: ignore[arg-type]  # as above
        return found[1] if found else None

    packed = await house.db.reading(find)
    return None if packed is None else snapshot.read(gzip.decompress(packed))


def state_of(whole: snapshot.Snapshot) -> IncidentState:
    state = IncidentState(INCIDENT)
    for entity, records in whole.records():
        if entity == INCIDENT:
            for record in records:
                state.add(record.items())
    return state


async def test_sn1_a_long_scope_gets_a_snapshot_that_folds_to_what_the_desk_sees(
    house: House,
) -> None:
    pen, _raws = await written(house)
    making = maker(house)
    assert HOME in await making.make_due()
    whole = await newest(house)
    assert whole is not None
    live = await house.intake.transaction(lambda batch: batch.view(INCIDENT))
    assert state_of(whole).view() == live

    assert await making.make_due() == [], "nothing is due before it has grown again"
    await house.intake.submit([pen.note(INCIDENT) for _ in range(6)], pen.device)
    assert await making.make_due() == [HOME]
    later = await newest(house)
    assert later is not None
    assert later.n > whole.n


async def test_sn2_its_hash_stands_in_the_scope_it_is_of(house: House) -> None:
    await written(house)
    await maker(house).make_due()
    whole = await newest(house)
    assert whole is not None

    def published(connection: object) -> list[bytes]:
        scope = scopes.by_name(connection, [HOME])[HOME]  # type: ignore[arg-type]  # a connection
        page = scopes.page(connection, scope.id, whole.n, 10**6)  # type: ignore[arg-type]  # as above
        said = [rulings.read_ruling(one.ruling) for one in page]
        return [one.payload["hash"] for one in said if one.kind == rulings.KIND_SNAPSHOT]

    [named] = await house.db.reading(published)
    raw = msgspec.msgpack.encode(whole)
    assert named == snapshot.snapshot_hash(raw)


async def test_rd3_no_snapshot_keeps_words_that_were_taken_away(house: House) -> None:
    _pen, raws = await written(house)
    making = maker(house)
    await making.make_due()
    secret = [one.set_id for raw in raws[2:] if isinstance(one := changeset.read(raw), ChangeSet)]
    ground = Ground(person_id("commander"), "informant", "线人身份")
    # One is gathered before the words go, and comes to be published after.
    gathered = await house.db.reading(gather, HOME, os.urandom(16))
    await house.intake.transaction(lambda batch: redact(batch, INCIDENT, secret, ground))
    assert await newest(house) is None
    assert not await house.intake.transaction(partial(publish, made=gathered))
    assert HOME in await making.make_due()
    whole = await newest(house)
    assert whole is not None
    assert SECRET.encode() not in msgspec.msgpack.encode(whole)
    live = await house.intake.transaction(lambda batch: batch.view(INCIDENT))
    assert state_of(whole).view() == live
    assert len(live["redacted"]) == len(secret)


# ---- over HTTP --------------------------------------------------------------------------------------


async def pulled(house: Centre, pen: Pen, n: int = 0) -> exchange.ScopePage:
    answer = await house.client.post(
        "/sync/v1/pull",
        content=exchange.encode(exchange.PullRequest([(HOME, 1, n)], 1_000_000)),
        headers={"authorization": f"Bearer {pen.token}"},
    )
    assert answer.status_code == 200, answer.text
    [page] = exchange.decode(exchange.PullReply, answer.content).scopes
    return page


async def fetched(house: Centre, pen: Pen, name: str, **headers: str) -> httpx.Response:
    at = {"authorization": f"Bearer {pen.token}"} | headers
    return await house.client.get(f"/sync/v1/snapshot/{name}", headers=at)


@pytest.fixture
def stranger() -> Pen:
    return Pen("other", person_id("other"))


async def test_sn3_who_begins_or_was_away_long_is_offered_one_file(
    tmp_path: Path, migrated_file: Path, stranger: Pen
) -> None:
    async with centre(tmp_path, migrated_file, limits=LIMITS) as house:
        pen = await house.phone()
        await stranger.enrol(house.intake)
        await house.push(pen, pen.create(INCIDENT), *(pen.note(INCIDENT) for _ in range(8)))
        state = house.app.state
        await Snapshots(state.settings, house.clock, os.urandom, state.db, house.intake).make_due()
        page = await pulled(house, pen)
        assert page.snapshot is not None
        assert (page.entries, page.from_, page.to) == ([], 1, 0)
        name = page.snapshot.hash.hex()

        whole = await fetched(house, pen, name)
        assert (whole.status_code, len(whole.content)) == (200, page.snapshot.size)
        assert whole.headers["cache-control"] == "no-store"
        raw = gzip.decompress(whole.content)
        assert snapshot.snapshot_hash(raw) == page.snapshot.hash
        told = snapshot.read(raw)
        assert (told.scope, told.n) == (HOME, page.snapshot.n)

        half = len(whole.content) // 2
        rest = await fetched(house, pen, name, range=f"bytes={half}-")
        assert (rest.status_code, rest.content) == (206, whole.content[half:])
        size = len(whole.content)
        assert rest.headers["content-range"] == f"bytes {half}-{size - 1}/{size}"
        beyond = await fetched(house, pen, name, range=f"bytes={size}-")
        assert (beyond.status_code, beyond.json()["code"]) == (416, "bad_range")
        several = await fetched(house, pen, name, range="bytes=0-1,5-6")
        assert several.status_code == 416

        # The rest comes as entries whose head goes on from the snapshot's.
        tail = await pulled(house, pen, told.n)
        assert tail.snapshot is None
        head = told.head
        for raw_entry in tail.entries:
            _n, ruling, _envelope = msgspec.msgpack.decode(raw_entry)
            head = rulings.scope_head(head, rulings.leaf_hash(ruling))
        assert head == tail.head

        # Who is only a little behind gets entries, and who may not follow the scope gets nothing.
        assert (await pulled(house, pen, told.n - 2)).snapshot is None
        refused = await fetched(house, stranger, name)
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
        assert OTHER_STATION != STATION
        unknown = await fetched(house, pen, "00" * 32)
        assert unknown.status_code == 404
        nonsense = await fetched(house, pen, "latest")
        assert (nonsense.status_code, nonsense.json()["code"]) == (400, "bad_id")
