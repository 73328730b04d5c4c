"""Which addresses a push may go to: a subscription comes from a browser, so it could name anything inside our walls.

Responsible for the two gates. The first is at the door and pure: HTTPS at the usual port of a named push service. The
second is at every send: the name is looked up, and only an address of the public Internet is given out, for the
connection to be made to that very address. Refuses to send.

Example: `parse("https://fcm.googleapis.com/fcm/send/x", services)` is fine; `https://10.0.0.5/` raises
`RefusedEndpointError("service")`, and a service whose name answers 10.0.0.5 is refused by `addresses`.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

import msgspec

from server.settings import PushSettings

ENDPOINT_CHARS_MAX: Final = 2_048
HTTPS_PORT: Final = 443
_GLOBAL: Final = IPv6Network("2000::/3")
_NAT64: Final = IPv6Network("64:ff9b::/96")

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""From a name and a port to textual addresses. Raises OSError."""


class RefusedEndpointError(Exception):
    """No push goes there; `why` is one of `form`, `service`, `address`."""

    def __init__(self, why: str) -> None:
        """Say which gate stayed shut."""
        super().__init__(why)
        self.why = why


class Endpoint(msgspec.Struct, frozen=True):
    """An address of a push service that may be asked: `target` is path and query, as it was given."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """Host, and port where it is not the usual one (RFC 6454 6.2)."""
        usual = {"https": HTTPS_PORT, "http": 80}[self.scheme]
        return self.host if self.port == usual else f"{self.host}:{self.port}"

    @property
    def origin(self) -> str:
        """What a VAPID token is for (RFC 8292 section 2)."""
        return f"{self.scheme}://{self.authority}"


def is_service(host: str, services: str) -> bool:
    """Whether a host is one of the named ones: `a.example` itself, `*.a.example` anything below it."""
    for named in services.replace(",", " ").lower().split():
        if named.startswith("*."):
            if host.endswith(named[1:]) and len(host) > len(named) - 1:
                return True
        elif host == named:
            return True
    return False


def parse(text: str, settings: PushSettings) -> Endpoint:
    """The first gate. Raises RefusedEndpointError."""
    if not text.isascii() or len(text) > ENDPOINT_CHARS_MAX or any(char <= " " for char in text):
        raise RefusedEndpointError("form")
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        raise RefusedEndpointError("form") from error
    schemes = {"https", "http"} if settings.loopback else {"https"}
    if parts.scheme not in schemes or not host or "@" in parts.netloc or "\\" in text:
        raise RefusedEndpointError("form")
    if port is None:
        port = HTTPS_PORT if parts.scheme == "https" else 80
    if port != HTTPS_PORT and not settings.loopback:
        raise RefusedEndpointError("form")
    if not is_service(host, settings.services):
        raise RefusedEndpointError("service")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Endpoint(parts.scheme, host, port, target)


def is_public(text: str) -> bool:
    """Whether an address is one of the public Internet, seen through every way of writing another inside IPv6."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    meant = _with_those_inside(address)
    return bool(meant) and all(one.is_global and not one.is_multicast for one in meant)


def _with_those_inside(address: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """What an address leads to; nothing for one that is routed nowhere."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address in _NAT64:
        return [IPv4Address(int(address) & 0xFFFFFFFF)]
    if address not in _GLOBAL:
        return []
    inside: list[IPv4Address | IPv6Address] = [address]
    if address.sixtofour is not None:
        inside.append(address.sixtofour)
    if address.teredo is not None:
        inside.extend(address.teredo)
    return inside


def is_loopback(text: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        return ip_address(text).is_loopback
    except ValueError:
        return False


async def resolve(host: str, port: int) -> Sequence[str]:
    """Look a name up with the system's own resolver."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(address[0]) for *_kind, address in found]


async def addresses(endpoint: Endpoint, settings: PushSettings, look_up: Resolve) -> list[str]:
    """The second gate: addresses of this service that may be connected to, in the order to try them. One of its names
    for an inner address makes all of them suspect. Raises RefusedEndpointError, OSError.
    """
    found = list(dict.fromkeys(await look_up(endpoint.host, endpoint.port)))
    may = is_loopback if settings.loopback else is_public
    if not found or not all(may(address) for address in found):
        raise RefusedEndpointError("address")
    return found
