"""A connection that breaks after any byte: nothing is half done, and nothing half heard is believed.

Responsible for cutting a hello, a push and a pull of small size after n bytes, up or down, for n = 0, 1, 2, … until the
exchange gets through whole. After every cut the device tries again on a good wire, and then:

- a push cut on its way up has stored nothing: the repeat is answered `stored`;
- a push cut on its way down was stored: the repeat is answered `duplicate`;
- until it heard a whole answer the device kept its set pending, and moved no cursor.

Example: `await cut_everywhere(place, seed=1, stride=1)` tries every byte and gives how many cuts there were, per call
and way.
"""

import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Literal

import httpx2

from tests.blackbox.centre import Centre
from tests.blackbox.crew import Crew, Phone
from tests.blackbox.journal import Journal
from tests.blackbox.kills import judged
from tests.blackbox.proxy import Cut, Proxy

Way = Literal["up", "down"]
WAYS: Final[tuple[Way, ...]] = ("up", "down")
MOST_BYTES: Final = 65_536  # no exchange here is nearly as long: a cut beyond it never came


async def cut_everywhere(place: Path, seed: int, stride: int) -> dict[str, int]:
    """Cut after every `stride`-th byte of every exchange. `{"push up": 812, …}`: connections cut."""
    chance = random.Random(seed)
    centre = await Centre.founded(place / "centre", 1)
    journal = Journal(place / "journal.jsonl")
    cuts = {}
    try:
        await centre.start()
        async with Proxy.before(centre.port) as proxy:
            behind = Centre(centre.data_dir, proxy.port, centre.officers)
            async with Crew.enrolled(behind, journal, place, str(seed), connections=0) as crew:
                phone = crew.phones[0]
                await phone.device.attempt(pull=True)
                for call, law in LAWS.items():
                    for way in WAYS:
                        before = proxy.cuts
                        after_bytes = chance.randrange(stride)
                        while True:
                            cut = Cut(way, after_bytes, hard=chance.random() < 0.5)
                            if await law(phone, proxy, cut):
                                break
                            after_bytes += stride
                            assert after_bytes < MOST_BYTES, f"{call} {way} never came through"
                        cuts[f"{call} {way}"] = proxy.cuts - before
                await crew.drained()
        centre.kill()
        await judged(centre, journal, f"seed {seed}, all cuts done")
        return cuts
    finally:
        centre.stop()
        journal.close()


async def through(proxy: Proxy, cut: Cut, exchange: Callable[[], Awaitable[object]]) -> bool:
    """One exchange on the broken wire; whether it got through whole."""
    cuts, proxy.cut = proxy.cuts, cut
    try:
        await exchange()
    except httpx2.TransportError:
        assert proxy.cuts > cuts, "only the cut may stop an exchange"
        return False
    finally:
        proxy.cut = None
    assert proxy.cuts == cuts, f"an answer was believed that was cut: {cut}"
    return True


async def _hello(phone: Phone, proxy: Proxy, cut: Cut) -> bool:
    whole = await through(proxy, cut, phone.device.hello)
    reply = await phone.device.hello()
    assert reply.have == phone.made()[-1][0]
    return whole


async def _push(phone: Phone, proxy: Proxy, cut: Cut) -> bool:
    device = phone.device
    phone.write()
    whole = await through(proxy, cut, lambda: device.attempt(pull=False))
    assert device.vault.pending()[0] == (0 if whole else 1)
    duplicates = device.duplicates
    await device.attempt(pull=False)
    assert device.vault.pending()[0] == 0
    stored_before = device.duplicates > duplicates
    assert stored_before is (not whole and cut.way == "down"), f"the repeat after {cut}"
    return whole


async def _pull(phone: Phone, proxy: Proxy, cut: Cut) -> bool:
    device = phone.device
    phone.write()
    await device.attempt(pull=False)
    before = device.vault.cursors()
    whole = await through(proxy, cut, device.pull)
    assert (device.vault.cursors() == before) is (not whole)
    await device.pull()
    assert device.vault.cursors() != before
    return whole


LAWS: Final = {"hello": _hello, "push": _push, "pull": _pull}
