"""A disk that gives I/O errors, torn writes and syncs that did not happen: what was acknowledged is on the platter.

Responsible for the rounds. In each the crew works, one kind of call begins to fail at a moment the seed decides, and
then the fault passes, or the process is killed in the middle of it, or the machine loses power: then only what a sync
brought to the platter is left. After every death the checker compares that with what was acked.

While a fault lasts, phones are answered as ever or 503 `not_stored` with `Retry-After`. A centre may end itself with
`ENDED` when it cannot know any more what the disk has; whoever watches over it starts it again.

Example: `await fail(place, seed=1, count=7)` gives a `Failed`; a broken promise raises `BrokenPromiseError`.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import httpx2

from sync import exchange
from tests.blackbox.centre import Centre
from tests.blackbox.crew import DRAIN_ATTEMPTS, HASTE, Crew, Phone
from tests.blackbox.faulty import DATABASE, LOG, MUCH, FaultyDisk
from tests.blackbox.journal import Journal
from tests.blackbox.kills import judged

PHONES = 4
FAULTS = (
    ("sync", LOG),
    ("write", LOG),
    ("sync", DATABASE),
    ("read", DATABASE),
    ("short", LOG),
    ("read", LOG),
    ("write", DATABASE),
)
WHEN_FOLDED = {("sync", DATABASE), ("write", DATABASE)}  # that file is written when the log is long
ENDING = ("sync", DATABASE)  # the one fault that a centre does not outlive
ENDINGS = ("heals", "killed", "power")
BEFORE_S = 0.4
DURING_S = 0.6
ENDED = os.EX_IOERR

Listener = Callable[[httpx2.Response], Awaitable[None]]


class Failed(NamedTuple):
    """What a run did, so that a run that did nothing is noticed."""

    rounds: int
    acked: int
    refused: int  # requests answered 503
    ended: int  # times the centre ended itself


async def fail(place: Path, seed: int, count: int) -> Failed:
    """So many faults in turn, each with its end; everything stays in `place` for whoever looks into a failure."""
    chance = random.Random(seed)
    centre = await Centre.founded(place / "centre", PHONES)
    disk = FaultyDisk(place / "disk", centre)
    journal = Journal(place / "journal.jsonl")
    told: Counter[int] = Counter()
    ended = 0
    try:
        await _started(centre, disk)
        async with Crew.enrolled(centre, journal, place, str(seed)) as crew:
            for phone in crew.phones:
                phone.http.event_hooks = {"response": [_listener(told)]}
            crew.work()
            for number in range(count):
                call, name = FAULTS[number % len(FAULTS)]
                ending = chance.choice(ENDINGS)
                await asyncio.sleep(chance.uniform(0, BEFORE_S))
                disk.fail(call, name)
                if (
                    call,
                    name,
                ) in WHEN_FOLDED:  # after the fault: the next commit folds, whoever makes it
                    await asyncio.to_thread(disk.fill, centre, MUCH)
                await asyncio.sleep(chance.uniform(0.1, DURING_S))
                # However long the fold takes that it cannot sync.
                code = await centre.over() if (call, name) == ENDING else centre.ended()
                if code is not None:
                    assert code == ENDED, centre.last_words()
                    ended += 1
                elif ending != "heals":
                    centre.kill()
                if ending == "power":
                    disk.power_loss(centre)
                disk.heal()
                if ending != "heals":
                    await judged(
                        centre, journal, f"seed {seed}, round {number + 1}: {call} {name}, {ending}"
                    )
                    await _started(centre, disk)
                await _taken(centre, disk, crew.phones[0])
            await crew.drained()
        centre.kill()
        disk.power_loss(centre)
        await judged(centre, journal, f"seed {seed}, healed, and the power lost")
        return Failed(count, journal.counts["acked"], told[httpx2.codes.SERVICE_UNAVAILABLE], ended)
    finally:
        centre.stop()
        journal.close()


async def _started(centre: Centre, disk: FaultyDisk) -> None:
    centre.launch(disk.prefix)
    await centre.ready()


def _listener(told: Counter[int]) -> Listener:
    """Counts what phones are answered, and lets nothing pass that is neither an answer nor a plain 503."""

    async def listen(reply: httpx2.Response) -> None:
        told[reply.status_code] += 1
        if not reply.is_success:
            await reply.aread()
            assert (reply.status_code, reply.json()["code"]) == (503, "not_stored"), reply.text
            assert int(reply.headers["retry-after"]) > 0

    return listen


async def _taken(centre: Centre, disk: FaultyDisk, phone: Phone) -> None:
    """The fault is over: what a phone has is taken, by this process or by the next."""
    phone.write()
    sets = [one.raw for one in phone.device.vault.waiting(exchange.BATCH_SETS_MAX, 900_000)]
    for _ in range(DRAIN_ATTEMPTS):
        if (code := centre.ended()) is not None:
            assert code == ENDED, centre.last_words()
            await _started(centre, disk)
        try:
            if (await phone.push_raw(sets)).is_success:
                return
        except httpx2.TransportError:
            await asyncio.sleep(1 / HASTE)
    raise AssertionError(f"nothing is taken any more\n{centre.last_words()}")
