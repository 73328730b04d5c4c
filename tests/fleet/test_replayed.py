"""A proxy that keeps answers it was told not to keep, and gives an old one in place of a new one (EX11).

Whoever believes an old answer leaves a chain that is sound, takes a token that is not its own, or asks a person for a
code.

Example: `proxy.replay("hello", old)`, and the next hello is answered with that; the one after it by the centre.
"""

from collections import defaultdict
from pathlib import Path

import httpx2
import pytest

from server.fleet.device import Device
from server.fleet.vault import Vault
from server.wire import ServerRefusalError
from sync import exchange
from tests.fleet.conftest import House
from tests.fleet.test_forks import copied, enrol_again, kinds, note, refusal_of, rows, settled

Answer = tuple[int, str, bytes]


class Proxy(httpx2.AsyncBaseTransport):
    """Stands between one phone and the centre, and remembers."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner
        self._due: dict[str, Answer] = {}
        self.heard: defaultdict[str, list[Answer]] = defaultdict(list)

    def replay(self, call: str, answer: Answer) -> None:
        """Answer the next such call with this."""
        self._due[call] = answer

    @property
    def has_replayed(self) -> bool:
        return not self._due

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        call = request.url.path.rpartition("/")[2]
        if (old := self._due.pop(call, None)) is not None:
            return _response(old, request)
        reply = await self._inner.handle_async_request(request)
        body = await reply.aread()
        self.heard[call].append((reply.status_code, reply.headers["content-type"], body))
        return _response(self.heard[call][-1], request)


def _response(answer: Answer, request: httpx2.Request) -> httpx2.Response:
    status, kind, body = answer
    return httpx2.Response(status, headers={"content-type": kind}, content=body, request=request)


def behind(house: House, device: Device) -> Proxy:
    """Put a proxy before a phone."""
    proxy = Proxy(house.inner)
    device._wire.http = httpx2.AsyncClient(base_url=house.url, transport=proxy)
    return proxy


async def phone_behind(house: House, file: Path) -> tuple[Device, Proxy, str]:
    """A phone behind a proxy that has synced once, and an incident to write about."""
    device, _ = await house.phone(0, None, Vault(file))
    proxy = behind(house, device)
    incident: str = (await house.incident())["id"]
    await settled(house, device)
    return device, proxy, incident


async def left_behind(house: House, tmp_path: Path) -> tuple[Device, Proxy, str]:
    """A phone whose copy has taken its chain's place; it was refused, has been enrolled again, and goes on."""
    one, other, incident = await copied(house, tmp_path)
    await settled(house, one, other)
    proxy = behind(house, one)
    one.greet_again()
    assert await refusal_of(house, one) == "rotation_needs_login"
    await enrol_again(house, one)
    return one, proxy, incident


async def goes_on(house: House, device: Device, incident: str, proxy: Proxy) -> None:
    """The old answer came, everything was handed in, and no chain was left."""
    chain = device.chain
    for text in ("一", "二"):  # what an old answer left behind shows at the hello after it
        device.greet_again()
        note(device, incident, text)
        await settled(house, device)
    assert proxy.has_replayed
    assert device.chain == chain
    tally = device.vault.tally()
    assert (tally.acked, tally.refused) == (tally.made, 0)


async def test_an_old_refusal_of_a_chain_that_was_left_is_not_said_of_the_next(
    house: House, tmp_path: Path
) -> None:
    device, proxy, incident = await left_behind(house, tmp_path)
    refused = proxy.heard["hello"][-1]
    assert refused[0] == httpx2.codes.FORBIDDEN
    await settled(house, device)
    proxy.replay("hello", refused)
    await goes_on(house, device, incident, proxy)


async def test_an_old_refusal_of_a_place_asks_nobody_for_a_code(
    house: House, tmp_path: Path
) -> None:
    device, proxy, incident = await left_behind(house, tmp_path)
    proxy.replay("rotate", proxy.heard["rotate"][-1])
    device._chain.turn("storage")
    await goes_on(house, device, incident, proxy)


async def test_the_token_of_a_chain_that_was_left_is_not_taken_for_the_next(
    house: House, tmp_path: Path
) -> None:
    device, proxy, incident = await phone_behind(house, tmp_path / "phone.db")
    device._chain.turn("storage")
    await settled(house, device)
    given = proxy.heard["rotate"][-1]
    assert given[0] == httpx2.codes.OK
    device._chain.turn("storage")
    proxy.replay("rotate", given)
    await goes_on(house, device, incident, proxy)


async def test_an_old_welcome_brings_no_old_token_back(house: House, tmp_path: Path) -> None:
    device, proxy, incident = await phone_behind(house, tmp_path / "phone.db")
    welcome = proxy.heard["hello"][-1]
    device.greet_again()
    await settled(house, device)
    proxy.replay("hello", welcome)
    await goes_on(house, device, incident, proxy)
    assert kinds((await rows(house))[device.chain.hex()]) == set()


async def test_a_chain_is_not_left_for_what_was_said_of_the_one_before(
    house: House, tmp_path: Path
) -> None:
    one, other, incident = await copied(house, tmp_path)
    await settled(house, one)
    proxy = behind(house, other)
    await settled(house, other)
    told = proxy.heard["hello"][0]
    assert exchange.decode(exchange.HelloReply, told[2]).rotate == "copied"
    proxy.replay("hello", told)
    await goes_on(house, other, incident, proxy)


async def test_a_suspension_that_was_lifted_with_a_new_code_is_not_heard_again(
    house: House, tmp_path: Path
) -> None:
    device, proxy, incident = await phone_behind(house, tmp_path / "phone.db")
    await house.admin.post(
        f"/api/devices/{device.chain.hex()}/revoke", {"why": "手机遗失", "despite": "等不到"}
    )
    device.greet_again()
    assert await refusal_of(house, device) == "device_revoked"
    await enrol_again(house, device)
    proxy.replay("hello", proxy.heard["hello"][-1])
    await goes_on(house, device, incident, proxy)


async def test_an_old_answer_to_a_push_of_other_sets_settles_none(
    house: House, tmp_path: Path
) -> None:
    device, proxy, incident = await phone_behind(house, tmp_path / "phone.db")
    proxy.replay("push", proxy.heard["push"][-1])
    for text in ("甲", "乙", "丙"):
        note(device, incident, text)
    await goes_on(house, device, incident, proxy)


async def test_an_old_enrolment_gives_nobody_the_token_of_another_chain(
    house: House, tmp_path: Path
) -> None:
    device, proxy, incident = await phone_behind(house, tmp_path / "phone.db")
    code = await house.admin.post("/api/devices/codes", {"person": house.officers[0].person})
    await device.enrol(code["code"], "again")
    proxy.replay("enrol", proxy.heard["enrol"][-1])
    again = await house.admin.post("/api/devices/codes", {"person": house.officers[0].person})
    with pytest.raises(ServerRefusalError, match="garbled"):
        await device.enrol(again["code"], "once more")
    await device.enrol(again["code"], "once more")
    await goes_on(house, device, incident, proxy)
