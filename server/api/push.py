"""Web Push for a device: the key to subscribe with, its subscription, and a test that it may ask for.

Responsible for who may keep a subscription: the device itself, by its bearer token. Refuses to send anything of its own
accord. What a subscription looks like is the browser's (``PushSubscription.toJSON()``).

Example: ``PUT /api/push/subscription {"endpoint": "https://fcm.googleapis.com/fcm/send/…", "p256dh": "B…", "auth":
"…"}`` answers ``{"created_at": …, "succeeded_at": null}``."""

import base64
import binascii
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, delete, get, post, put
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler

from server import keys
from server.api.ids import Hex32, Ms
from server.api.session import NO_STORE
from server.api.spec import json_body, refusals
from server.api.wire import bearer, headers_of
from server.auth.devices import find
from server.auth.throttle import Throttle
from server.intake.door import Intake
from server.now import Clock
from server.problems import ProblemError
from server.push.endpoint import RefusedEndpointError, parse
from server.push.pusher import Pusher
from server.push.sender import Fate
from server.settings import STATION, Settings
from server.store import subscriptions
from server.store.devices import Device
from server.store.engine import Database
from server.store.subscriptions import Subscription

DEVICE: Final[list[dict[str, list[str]]]] = [{"device": []}]
TESTS: Final = 6
"""That a device may ask for within ``TESTS_MS``."""
TESTS_MS: Final = 60_000
AUTH_BYTES: Final = 16
_STATE: Final = "device"
_REFUSED: Final = ("not_signed_in", "device_revoked", "rotation_needs_login", "centre_only")

Base64Url = Annotated[str, msgspec.Meta(max_length=128, description="base64url, padding optional")]


class PushKey(msgspec.Struct, frozen=True):
    """The ``applicationServerKey`` to subscribe with; null where this server has no Web Push."""

    key: str | None


class SubscriptionOf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where messages for a browser go and how they are sealed, as it says itself."""

    endpoint: Annotated[str, msgspec.Meta(max_length=2_048)]
    p256dh: Base64Url
    auth: Base64Url


class Subscribed(msgspec.Struct, frozen=True):
    """What the centre keeps. ``succeeded_at``: when the service took a message for this device last, to the minute."""

    created_at: Ms
    succeeded_at: Ms | None


class Tested(msgspec.Struct, frozen=True):
    """A test message was made under this name. ``taken``: the push service has it; else ``why`` it does not. Whether it
    arrives only the device can see."""

    test: Hex32
    taken: bool
    why: str


async def by_device(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """An enrolled device whose token counts, and which is still written on. A browser holds one subscription for one
    key: that is the centre's, whose line a knock needs anyway, so a station has no part in it.
    """
    if connection.app.state.settings.role == STATION:
        raise ProblemError("centre_only", "it knocks at phones")
    db: Database = connection.app.state.db
    intake: Intake = connection.app.state.intake
    device = await find(db, bearer(headers_of(connection.scope)))
    if device is None:
        raise ProblemError("not_signed_in")
    said_to = {"chain": device.chain.hex()}
    if intake.revoked_at_ms(device) is not None:
        raise ProblemError("device_revoked", extra=said_to)
    if intake.continued_by(device) is not None:
        raise ProblemError("rotation_needs_login", extra=said_to)
    connection.scope["state"][_STATE] = device


def _calling(request: Request[Any, Any, Any]) -> Device:
    device: Device = request.scope["state"][_STATE]
    return device


def _bytes(text: str) -> bytes:
    bare = text.rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProblemError("bad_subscription", detail="A key is not base64url.") from error


@get(
    "/api/push/key",
    tags=["devices"],
    operation_id="pushKey",
    guards=[by_device],
    security=DEVICE,
    responses=refusals(*_REFUSED),
)
async def read_key(pusher: NamedDependency[Pusher]) -> Response[PushKey]:
    """Tell a device which key to subscribe with. A subscription made with another key is of no use here."""
    return Response(PushKey(pusher.key), headers=NO_STORE)


@put(
    "/api/push/subscription",
    tags=["devices"],
    operation_id="subscribe",
    guards=[by_device],
    security=DEVICE,
    responses=refusals("bad_request", *_REFUSED, "no_push", "bad_subscription"),
)
async def subscribe(
    request: Request[Any, Any, Any],
    data: Annotated[
        SubscriptionOf,
        json_body(
            {
                "endpoint": "https://fcm.googleapis.com/fcm/send/dQw4w9WgXcQ",
                "p256dh": "BGsX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
                "auth": "AAECAwQFBgcICQoLDA0ODw",
            },
            "A phone with Chrome",
        ),
    ],
    *,
    pusher: NamedDependency[Pusher],
    settings: NamedDependency[Settings],
    clock: NamedDependency[Clock],
    db: NamedDependency[Database],
) -> Response[Subscribed]:
    """Keep where this device's messages go, in the place of what it said before. May be repeated: what is known stays
    as it is.
    """
    chain = _calling(request).chain
    if pusher.key is None:
        raise ProblemError("no_push")
    try:
        parse(data.endpoint, settings.push)
    except RefusedEndpointError as error:
        raise ProblemError("bad_subscription", detail=f"The endpoint: {error.why}.") from error
    p256dh, auth = _bytes(data.p256dh), _bytes(data.auth)
    if not keys.is_public_key(keys.ES256, p256dh) or len(auth) != AUTH_BYTES:
        raise ProblemError("bad_subscription", detail="These keys seal nothing.")
    one = Subscription(chain, data.endpoint, p256dh, auth, clock.now_ms())
    known = await db.reading(subscriptions.of_chain, chain)
    if known is None or (known.endpoint, known.p256dh, known.auth) != (one.endpoint, p256dh, auth):
        await db.writing(subscriptions.save, one)
        known = one
    return Response(Subscribed(known.created_at_ms, known.succeeded_at_ms), headers=NO_STORE)


@delete(
    "/api/push/subscription",
    tags=["devices"],
    operation_id="unsubscribe",
    status_code=204,
    guards=[by_device],
    security=DEVICE,
    responses=refusals(*_REFUSED),
)
async def unsubscribe(request: Request[Any, Any, Any], db: NamedDependency[Database]) -> None:
    """Forget where this device's messages go. Nothing to forget is fine."""
    chain = _calling(request).chain
    if await db.reading(subscriptions.of_chain, chain) is not None:
        await db.writing(subscriptions.forget, chain)


def tests() -> Throttle:
    """How many tests a device may ask for."""
    return Throttle(failures=TESTS, window_ms=TESTS_MS)


@post(
    "/api/push/test",
    tags=["devices"],
    operation_id="testPush",
    status_code=200,
    guards=[by_device],
    security=DEVICE,
    responses=refusals(*_REFUSED, "no_push", "too_many_requests"),
)
async def test(
    request: Request[Any, Any, Any],
    *,
    pusher: NamedDependency[Pusher],
    clock: NamedDependency[Clock],
    entropy: NamedDependency[Any],
    push_tests: NamedDependency[Throttle],
    db: NamedDependency[Database],
) -> Response[Tested]:
    """Send this device a test message, now and once. The device then sees for itself whether it arrives."""
    chain, now_ms = _calling(request).chain, clock.now_ms()
    if (wait_ms := push_tests.wait_ms(chain.hex(), now_ms)) > 0:
        raise ProblemError("too_many_requests", retry_after_s=-(-wait_ms // 1000))
    one = await db.reading(subscriptions.of_chain, chain)
    if one is None or pusher.key is None:
        raise ProblemError("no_push")
    push_tests.failed(chain.hex(), now_ms)
    name: str = entropy(16).hex()
    outcome = await pusher.test(one, name)
    answer = Tested(name, outcome.fate is Fate.SENT, outcome.why)
    return Response(answer, headers=NO_STORE)


ROUTES: Final[list[Any]] = [read_key, subscribe, unsubscribe, test]
"""All behind ``by_device``."""
