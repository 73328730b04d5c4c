"""One sealed message: through the `webpush` package, with what it leaves open closed.

Responsible for bytes and headers of one POST (RFC 8030, 8188, 8291, 8292). Refuses to know how it is sent.

What is done here and not there, because of the package (1.0.6): it remembers TTL and subscriber of one message for the
next, so each message gets a `WebPush` of its own; it names the service without its port; it seals texts longer than a
record, which nobody can open; it sets neither urgency nor topic nor a content type; and it does not pad, so that every
text is made as long as every other before it is sealed.

Example: `seal(vapid, endpoint, subscription, Told("order", order=order_id), ttl_s=600)`.
"""

import base64
from typing import Any, Final

import msgspec
from webpush import WebPush, WebPushSubscription
from webpush.types import WebPushKeys
from webpush.vapid import VAPID

from server.keys import SigningKey
from server.push.endpoint import Endpoint
from server.store.subscriptions import Subscription

TEXT_BYTES: Final = 256
"""Of every text, filled up with spaces: its length tells nothing. Services take 3 993 (RFC 8291 section 4)."""
TOKEN_LIFETIME_S: Final = 12 * 3_600
"""Of a VAPID token; RFC 8292 allows 24 hours."""


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that a push says, as JSON: what kind of thing, and the ids with which the app finds the rest by itself."""

    what: str
    incident: str | None = None
    order: str | None = None
    test: str | None = None


class Sealed(msgspec.Struct, frozen=True):
    """Body and headers of one POST."""

    body: bytes
    headers: dict[str, str]


class Vapid:
    """The key by which services know this centre, and whom they may write to about it."""

    def __init__(self, key: SigningKey, contact: str) -> None:
        """`contact` is a mail address."""
        self.private_pem, self.public_pem = key.pem()
        self.public = base64url(key.public)
        self.contact = contact


class _Named:
    """In the place of the package's token maker: its own tokens, for the whole origin of the service."""

    def __init__(self, vapid: Vapid, authority: str) -> None:
        self._inner = VAPID(vapid.private_pem, vapid.public_pem)
        self._authority = authority

    def get_authorization_header(self, endpoint: Any, subscriber: str, expiration: int) -> str:
        """The header, whose audience has the port."""
        named = _Origin(endpoint.scheme, self._authority)
        header: str = self._inner.get_authorization_header(named, subscriber, expiration)
        return header


class _Origin(msgspec.Struct, frozen=True):
    """As much of an address as the package reads for a token."""

    scheme: str
    host: str


def base64url(raw: bytes) -> str:
    """Without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def seal(
    vapid: Vapid, endpoint: Endpoint, subscription: Subscription, told: Told, *, ttl_s: int
) -> Sealed:
    """One message for one subscription, to be kept by the service for `ttl_s` seconds. Raises ValueError for a text
    that is too long or keys that are none.
    """
    text = msgspec.json.encode(told)
    if len(text) > TEXT_BYTES:
        raise ValueError(f"{len(text)} bytes of text, at most {TEXT_BYTES}")
    one = WebPush(
        vapid.private_pem,
        vapid.public_pem,
        subscriber=vapid.contact,
        ttl=ttl_s,
        expiration=TOKEN_LIFETIME_S,
    )
    one.vapid = _Named(vapid, endpoint.authority)
    keys = WebPushKeys(auth=base64url(subscription.auth), p256dh=base64url(subscription.p256dh))
    to = WebPushSubscription(endpoint=subscription.endpoint, keys=keys)
    message = one.get(text.ljust(TEXT_BYTES), to)
    headers = {str(name): str(value) for name, value in message.headers.items()}
    headers |= {"content-type": "application/octet-stream", "urgency": "high"}
    if (topic := told.order or told.test) is not None:
        # At most 32 of the base64url alphabet (RFC 8030 5.4): 16 bytes in hex. A newer word replaces an unread one.
        headers["topic"] = topic
    return Sealed(message.encrypted, headers)
