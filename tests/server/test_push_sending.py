"""One push on its way: sealed so that a browser can open it, sent only where it may go, and what answers mean."""

import base64
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.keys import ES256, SigningKey
from server.now import VirtualClock
from server.push.endpoint import (
    RefusedEndpointError,
    addresses,
    is_public,
    is_service,
    parse,
)
from server.push.message import TEXT_BYTES, Told, Vapid, seal
from server.push.sender import Fate, Outcome, Sender, outcome_of
from server.settings import PushSettings, Settings
from server.store.subscriptions import Subscription
from tests.server.pen import EPOCH_MS, chance
from tests.server.push_service import PushService, There, push_service, told

VAPID = Vapid(SigningKey(ES256, chance("push")), "duty@ortoo.example")
ORDER = chance("order")[:16].hex()
HERE = PushSettings(services="localhost", loopback=True)
REAL = PushSettings()


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def kept(there: There) -> Subscription:
    return Subscription(bytes(16), there.endpoint, raw(there.p256dh), raw(there.auth), EPOCH_MS)


def claims(header: str) -> dict[str, Any]:
    token = header.removeprefix("vapid t=").split(",")[0]
    read: dict[str, Any] = json.loads(raw(token.split(".")[1]))
    return read


@pytest.fixture
async def service() -> AsyncIterator[PushService]:
    async with push_service() as made:
        yield made


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    made = Sender(HERE, VirtualClock(EPOCH_MS), VAPID)
    yield made
    await made.close()


async def test_a_browser_reads_what_was_sent_and_the_service_nothing_but_how_urgent_it_is(
    service: PushService, sender: Sender
) -> None:
    there = await service.subscribe(VAPID.public)
    incident = chance("incident")[:16].hex()
    outcome = await sender.send(kept(there), Told("order", incident, ORDER), ttl_s=600)
    assert outcome == Outcome(Fate.SENT, "http_201")
    [text] = await service.messages(there)
    assert told(text) == {"what": "order", "incident": incident, "order": ORDER}
    [seen] = await service.seen()
    headers = seen["headers"]
    assert (headers["ttl"], headers["urgency"], headers["topic"]) == ("600", "high", ORDER)
    assert len(headers["topic"]) <= 32
    assert headers["content-type"] == "application/octet-stream"
    assert headers["host"] == service.url.removeprefix("http://")
    assert claims(headers["authorization"])["aud"] == service.url, "the port belongs to it"
    assert claims(headers["authorization"])["sub"] == "mailto:duty@ortoo.example"
    assert seen["bytes"] < 1_024


async def test_one_message_leaves_nothing_of_itself_in_the_next(
    service: PushService, sender: Sender
) -> None:
    there = await service.subscribe(VAPID.public)
    for ttl_s in (5, 0, 600):
        await sender.send(kept(there), Told("order", None, ORDER), ttl_s=ttl_s)
    await sender.send(kept(there), Told("nudge"), ttl_s=60)
    seen = [one["headers"] for one in await service.seen()]
    assert [one["ttl"] for one in seen] == ["5", "0", "600", "60"]
    assert [one.get("topic") for one in seen] == [ORDER, ORDER, ORDER, None]
    assert {len(one) for one in await service.messages(there)} == {TEXT_BYTES}
    assert len({one["bytes"] for one in await service.seen()}) == 1, "its length tells nothing"


async def test_a_subscription_that_has_ended_is_gone_and_a_foreign_key_is_refused(
    service: PushService, sender: Sender
) -> None:
    there = await service.subscribe(VAPID.public)
    await service.expire(there)
    assert await sender.send(kept(there), Told("order"), ttl_s=60) == Outcome(Fate.GONE, "http_410")
    other = Vapid(SigningKey(ES256, chance("another centre")), "duty@ortoo.example")
    stranger = await service.subscribe(other.public)
    refused = await sender.send(kept(stranger), Told("order"), ttl_s=60)
    assert refused == Outcome(Fate.REFUSED, "http_400")


async def test_a_redirect_is_followed_nowhere(service: PushService, sender: Sender) -> None:
    there, other = [await service.subscribe(VAPID.public) for _ in range(2)]
    for status in (301, 302, 307, 308):
        await service.answers({"status": status, "headers": {"location": other.endpoint}})
        outcome = await sender.send(kept(there), Told("order"), ttl_s=60)
        assert outcome == Outcome(Fate.REFUSED, f"http_{status}")
    assert await service.messages(other) == []
    assert len(await service.seen()) == 4


async def test_nobody_there_is_for_later_and_nobody_waits_long(sender: Sender) -> None:
    nobody = Subscription(bytes(16), "http://localhost:9/x", VAPID_POINT, bytes(16), EPOCH_MS)
    assert await sender.send(nobody, Told("order"), ttl_s=60) == Outcome(Fate.LATER, "unreachable")


VAPID_POINT = SigningKey(ES256, chance("browser")).public


async def test_keys_that_seal_nothing_are_refused_and_nothing_is_sent(
    service: PushService, sender: Sender
) -> None:
    there = await service.subscribe(VAPID.public)
    bad = msgspec.structs.replace(kept(there), p256dh=b"\x04" + bytes(64))
    assert await sender.send(bad, Told("order"), ttl_s=60) == Outcome(Fate.REFUSED, "keys")
    assert await service.seen() == []


def test_a_text_that_would_not_fit_is_no_message() -> None:
    endpoint = parse("https://fcm.googleapis.com/x", REAL)
    to = Subscription(bytes(16), "https://fcm.googleapis.com/x", VAPID_POINT, bytes(16), EPOCH_MS)
    with pytest.raises(ValueError, match="bytes of text"):
        seal(VAPID, endpoint, to, Told("x" * TEXT_BYTES), ttl_s=1)
    sealed = seal(VAPID, endpoint, to, Told("order"), ttl_s=1)
    assert claims(sealed.headers["authorization"])["aud"] == "https://fcm.googleapis.com"


@pytest.mark.parametrize(
    ("status", "wait", "outcome"),
    [
        (201, "", Outcome(Fate.SENT, "http_201")),
        (202, "", Outcome(Fate.SENT, "http_202")),
        (404, "", Outcome(Fate.GONE, "http_404")),
        (410, "", Outcome(Fate.GONE, "http_410")),
        (429, "7", Outcome(Fate.LATER, "http_429", 7.0)),
        (503, "Mon, 30 Nov 2026 00:53:40 GMT", Outcome(Fate.LATER, "http_503", 20.0)),
        (503, "Sun, 29 Nov 2026 00:00:00 GMT", Outcome(Fate.LATER, "http_503", 0.0)),
        (500, "soon", Outcome(Fate.LATER, "http_500")),
        (429, "-1", Outcome(Fate.LATER, "http_429")),
        (503, "٣", Outcome(Fate.LATER, "http_503")),
        (413, "", Outcome(Fate.REFUSED, "http_413")),
        (403, "", Outcome(Fate.REFUSED, "http_403")),
        (302, "", Outcome(Fate.REFUSED, "http_302")),
    ],
)
def test_what_a_service_means(status: int, wait: str, outcome: Outcome) -> None:
    assert outcome_of(status, {"retry-after": wait}, EPOCH_MS) == outcome


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/abc:def",
        "https://updates.push.services.mozilla.com/wpush/v2/gAAAA",
        "https://web.push.apple.com/QGu",
        "https://wns2-sg2p.notify.windows.com/w/?token=BQ%3d",
        "https://FCM.googleapis.com:443/x",
    ],
)
def test_the_known_services_may_be_asked(endpoint: str) -> None:
    assert parse(endpoint, REAL).origin == f"https://{parse(endpoint, REAL).host}"
    assert endpoint.endswith(parse(endpoint, REAL).target)


@pytest.mark.parametrize(
    ("endpoint", "why"),
    [
        ("http://fcm.googleapis.com/x", "form"),
        ("https://fcm.googleapis.com:8443/x", "form"),
        ("https://fcm.googleapis.com:99999/x", "form"),
        ("https://fcm.googleapis.com@10.0.0.5/x", "form"),
        ("https://fcm.googleapis.com\\@10.0.0.5/x", "form"),
        ("https://fcm.googleapis.com/x\r\nhost: a", "form"),
        ("https://fcm.googleapis.com/" + "x" * 3_000, "form"),
        ("https://fcm。googleapis。com/x", "form"),
        ("https:///x", "form"),
        ("https://[::1/x", "form"),
        ("ftp://fcm.googleapis.com/x", "form"),
        ("https://evilfcm.googleapis.com/x", "service"),
        ("https://fcm.googleapis.com.evil.example/x", "service"),
        ("https://push.services.mozilla.com/x", "service"),
        ("https://notpush.apple.com/x", "service"),
        ("https://127.0.0.1/x", "service"),
        ("https://[::ffff:10.0.0.5]/x", "service"),
        ("https://localhost/x", "service"),
        ("https://metadata.google.internal/x", "service"),
    ],
)
def test_everything_else_may_not(endpoint: str, why: str) -> None:
    with pytest.raises(RefusedEndpointError) as refused:
        parse(endpoint, REAL)
    assert refused.value.why == why


@given(st.text(max_size=60) | st.builds("https://{}/{}".format, st.text(max_size=30), st.text()))
def test_whatever_a_browser_may_say_is_parsed_or_refused_and_never_leads_elsewhere(
    text: str,
) -> None:
    try:
        endpoint = parse(text, REAL)
    except RefusedEndpointError:
        return
    assert is_service(endpoint.host, REAL.services)
    assert (endpoint.scheme, endpoint.port) == ("https", 443)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "10.0.0.5", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0",
        "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1",
        "::ffff:10.0.0.5", "::ffff:127.0.0.1", "64:ff9b::a00:5", "2002:a00:5::1", "2002:7f00:1::",
        "2001:0:a00:5::1", "not an address", "",
    ],
)  # fmt: skip
def test_no_address_inside_is_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["142.250.1.95", "2a00:1450:4001:81b::200a", "64:ff9b::8efa:15f"]
)
def test_addresses_of_the_internet_are(address: str) -> None:
    assert is_public(address)


async def test_a_service_whose_name_leads_inside_is_asked_nothing() -> None:
    endpoint = parse("https://fcm.googleapis.com/x", REAL)

    def says(*found: str) -> Any:
        async def look_up(_host: str, _port: int) -> Sequence[str]:
            return found

        return look_up

    public = ["142.250.1.95", "2a00:1450:4001:81b::200a"]
    assert await addresses(endpoint, REAL, says(*public, public[0])) == public
    for inside in ([], ["10.0.0.5"], [*public, "169.254.169.254"]):
        with pytest.raises(RefusedEndpointError) as refused:
            await addresses(endpoint, REAL, says(*inside))
        assert refused.value.why == "address"
    here = parse("http://localhost:8080/x", HERE)
    assert await addresses(here, HERE, says("127.0.0.1")) == ["127.0.0.1"]
    with pytest.raises(RefusedEndpointError):
        await addresses(here, HERE, says(public[0]))


async def test_the_address_that_was_looked_at_is_the_one_connected_to(service: PushService) -> None:
    """The name is looked up once: whoever answers otherwise the second time is never asked."""
    asked: list[str] = []

    async def look_up(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"]

    port = service.url.rpartition(":")[2]
    nowhere = f"http://push.ortoo.invalid:{port}/notify/x"
    to = Subscription(bytes(16), nowhere, VAPID_POINT, bytes(16), EPOCH_MS)
    settings = PushSettings(services="*.ortoo.invalid", loopback=True)
    sender = Sender(settings, VirtualClock(EPOCH_MS), VAPID, look_up)
    await sender.send(to, Told("order"), ttl_s=60)
    await sender.close()
    [seen] = await service.seen()
    assert seen["headers"]["host"] == f"push.ortoo.invalid:{port}"
    assert asked == ["push.ortoo.invalid"]


def test_whom_a_service_may_write_to() -> None:
    at = Settings(public_url="https://centre.example:8443")
    assert at.push_contact == "postmaster@centre.example"
    assert Settings(push=PushSettings(contact="a@b.example")).push_contact == "a@b.example"
