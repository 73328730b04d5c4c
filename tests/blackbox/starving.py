"""A centre whose disk is full says so, acknowledges nothing it has not stored, and recovers when there is room.

Responsible for taking the room away at many points of a commit, for what must be true while there is none, and for the
kill and the start in between. The checker judges what was acked.

While there is no room a push is answered 503 `not_stored` with its cause and cure and when to come again; phones still
greet and read, also one that has something to hand in, and desks read; nobody is told that something failed for ever.
With room the same process goes on, and no phone is taken for a copy.

Example: `await starve(place, kind="mount", seed=1, steps=(0, 4096))` gives how many pushes were refused.
"""

import random
from collections.abc import Iterable
from pathlib import Path

import httpx2

from server.fleet.desk import Desk
from server.wire import ServerRefusalError
from sync import exchange
from tests.blackbox.centre import Centre
from tests.blackbox.crew import Crew, Phone
from tests.blackbox.disk import Disk, small_disk
from tests.blackbox.journal import Journal
from tests.blackbox.kills import judged

PHONES = 3
ENOUGH_PUSHES = 3_000  # more than any step leaves room for
REFUSALS = 3


async def starve(place: Path, kind: str, seed: int, steps: Iterable[int]) -> int:
    """Take the room away once per step, leaving so many bytes. Gives how often a push was refused."""
    chance = random.Random(seed)
    data_dir = place / "centre"
    journal = Journal(place / "journal.jsonl")
    refused = 0
    with small_disk(data_dir, kind) as disk:
        centre = await Centre.founded(data_dir, PHONES)
        try:
            await centre.start()
            async with Crew.enrolled(centre, journal, place, str(seed)) as crew:
                chains = [phone.chain for phone in crew.phones]
                async with crew.desk("dispatcher") as desk:
                    await desk.sign_in()
                    for left_bytes in steps:
                        disk.fill(centre, left_bytes)
                        refused += await _until_refused(crew, chance)
                        await _still_serving(centre, crew, desk)
                        disk.room(centre)
                        await _recovered(crew)
                disk.fill(centre, chance.randrange(65_536))
                refused += await _until_refused(crew, chance)
                centre.kill()
                await judged(centre, journal, f"seed {seed}, killed on a full disk")
                await _started_without_room(centre, crew, disk)
                disk.room(centre)
                await _recovered(crew)
                await crew.drained()
                assert [phone.chain for phone in crew.phones] == chains, "a phone left its chain"
            centre.kill()
            await judged(centre, journal, f"seed {seed}, with room again")
        finally:
            centre.stop()
            journal.close()
    return refused


async def _until_refused(crew: Crew, chance: random.Random) -> int:
    """Push small and large until the store has refused a few times; it must, and always in one way."""
    refused = 0
    for number in range(ENOUGH_PUSHES):
        phone = crew.phones[number % PHONES]
        for _ in range(chance.choice((1, 1, 1, 20))):
            phone.write()
        acked = phone.device.vault.tally().acked
        try:
            await phone.device.attempt(pull=False)
        except ServerRefusalError as error:
            _must_be_full(error)
            assert phone.device.vault.tally().acked == acked, "nothing was acknowledged"
            refused += 1
            if refused == REFUSALS:
                return refused
    raise AssertionError("the disk was never full")


async def _still_serving(centre: Centre, crew: Crew, desk: Desk) -> None:
    """No room: everybody reads, and whoever writes is told what is the matter."""
    async with httpx2.AsyncClient(base_url=centre.url) as http:
        health = (await http.get("/api/health")).raise_for_status().json()
        assert health["ok"]
        assert health["store"]["code"] == "not_stored"
        assert health["store"]["cure"]
    for phone in crew.phones:
        await _reads(phone)
    assert await desk.get("/api/wall")
    problem = (await _refused_push(crew.phones[0])).json()
    assert (problem["status"], problem["code"]) == (503, "not_stored")
    assert problem["cause"]
    assert problem["cure"]
    station = centre.officers[0].station
    try:
        await desk.post("/api/incidents", {"title": "草场围栏纠纷" * 80, "station": station})
    except ServerRefusalError as error:
        _must_be_full(error)


async def _reads(phone: Phone) -> None:
    """A phone is greeted, without a token where there is no room for one, and told what is new though it cannot hand in
    what it has just written."""
    for _ in range(ENOUGH_PUSHES):
        if (await phone.device.hello()).token is None:
            break
    else:
        raise AssertionError("there was always room for a token")
    told: list[tuple[str, int]] = []

    async def note(response: httpx2.Response) -> None:
        told.append((response.url.path.rpartition("/")[2], response.status_code))

    phone.http.event_hooks = {"response": [note]}
    while ("push", httpx2.codes.SERVICE_UNAVAILABLE) not in told:
        told.clear()
        phone.device.greet_again()
        for _ in range(20):
            phone.write()
        try:
            await phone.device.attempt(pull=True)
        except ServerRefusalError as error:
            _must_be_full(error)
    phone.http.event_hooks = {}
    assert (told[0], told[-1]) == (("hello", httpx2.codes.OK), ("pull", httpx2.codes.OK))


def _must_be_full(error: ServerRefusalError) -> None:
    assert (error.status, error.code) == (503, "not_stored"), error


async def _refused_push(phone: Phone) -> httpx2.Response:
    """Send what waits once more, to see the answer itself; room may just do for a little, so send all."""
    while True:
        sets = [one.raw for one in phone.device.vault.waiting(exchange.BATCH_SETS_MAX, 900_000)]
        reply = await phone.push_raw(sets)
        if reply.status_code == httpx2.codes.SERVICE_UNAVAILABLE:
            assert reply.headers["content-type"] == "application/problem+json"
            assert int(reply.headers["retry-after"]) > 0
            return reply
        assert reply.status_code == httpx2.codes.OK, reply.text
        phone.write()


async def _recovered(crew: Crew) -> None:
    """The process that had no room takes everything now that it has."""
    for phone in crew.phones:
        await phone.device.attempt(pull=True)
        assert phone.device.vault.pending()[0] == 0


async def _started_without_room(centre: Centre, crew: Crew, disk: Disk) -> None:
    """A centre that finds no room at its start serves what it has."""
    centre.launch(disk.prefix(centre))
    await centre.ready()
    for phone in crew.phones:
        await _reads(phone)
    await _refused_push(crew.phones[0])
