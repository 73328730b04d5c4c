"""One message to one push service, and what came of it.

Responsible for one POST: to an address that was looked at, by a name that the certificate must bear, following nothing
and believing nothing of the answer but its status and how long to wait. Refuses to try again; `pusher` does.

Example: `await sender.send(subscription, Told("test", test=name), ttl_s=60)` gives `Outcome.SENT`.
"""

import logging
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final

import httpx2
import msgspec

from server.now import Clock
from server.push.endpoint import Endpoint, RefusedEndpointError, Resolve, addresses, parse, resolve
from server.push.message import Sealed, Told, Vapid, seal
from server.settings import PushSettings
from server.store.subscriptions import Subscription

TIMEOUT_S: Final = 10.0
"""For each of looking a name up, connecting, writing and waiting for the answer."""

log = logging.getLogger("ortoo.push")


class Fate(StrEnum):
    """What became of a message."""

    SENT = "sent"  # the service has it
    GONE = "gone"  # there is no such subscription any more
    LATER = "later"  # the service or the way to it is not there now
    REFUSED = "refused"  # it will not be taken, however often


class Outcome(msgspec.Struct, frozen=True):
    """The fate of one attempt, why in a word for the log, and how long the service asks to wait."""

    fate: Fate
    why: str
    wait_s: float | None = None


class Sender:
    """Speaks to push services."""

    def __init__(
        self, settings: PushSettings, clock: Clock, vapid: Vapid, look_up: Resolve = resolve
    ) -> None:
        """Nothing is opened yet."""
        self._settings = settings
        self._clock = clock
        self._look_up = look_up
        self.vapid = vapid
        # Its own way out only: a proxy would look the name up again, behind our back.
        self._http = httpx2.AsyncClient(
            trust_env=False,
            follow_redirects=False,
            timeout=TIMEOUT_S,
            headers={"user-agent": "ortoo"},
        )

    async def close(self) -> None:
        """Close what is open."""
        await self._http.aclose()

    async def send(self, to: Subscription, told: Told, *, ttl_s: int) -> Outcome:
        """Send one message, once."""
        try:
            endpoint = parse(to.endpoint, self._settings)
            sealed = seal(self.vapid, endpoint, to, told, ttl_s=ttl_s)
            found = await addresses(endpoint, self._settings, self._look_up)
        except RefusedEndpointError as error:
            return Outcome(Fate.REFUSED, f"endpoint_{error.why}")
        except ValueError:
            return Outcome(Fate.REFUSED, "keys")
        except OSError:
            return Outcome(Fate.LATER, "name_not_found")
        outcome = Outcome(Fate.LATER, "unreachable")
        for address in found:
            try:
                return await self._post(endpoint, address, sealed)
            except httpx2.ConnectError:
                continue  # it never got there: the next address may be nearer
            except httpx2.TransportError as error:
                return Outcome(Fate.LATER, type(error).__name__)
        return outcome

    async def _post(self, endpoint: Endpoint, address: str, sealed: Sealed) -> Outcome:
        at = f"[{address}]" if ":" in address else address
        request = self._http.build_request(
            "POST",
            f"{endpoint.scheme}://{at}:{endpoint.port}{endpoint.target}",
            content=sealed.body,
            headers=sealed.headers | {"host": endpoint.authority},
            extensions={"sni_hostname": endpoint.host},
        )
        response = await self._http.send(request, stream=True)
        try:
            return outcome_of(response.status_code, response.headers, self._clock.now_ms())
        finally:
            await response.aclose()  # whatever else it says is not read
            self._http.cookies.clear()  # nor remembered


def outcome_of(status: int, headers: Mapping[str, str], now_ms: int) -> Outcome:
    """What a service's answer means (RFC 8030 section 5 and 7.3)."""
    why = f"http_{status}"
    if 200 <= status < 300:
        return Outcome(Fate.SENT, why)
    if status in {404, 410}:
        return Outcome(Fate.GONE, why)
    if status == 429 or status >= 500:
        return Outcome(Fate.LATER, why, _wait_s(headers.get("retry-after", ""), now_ms))
    return Outcome(Fate.REFUSED, why)


def _wait_s(said: str, now_ms: int) -> float | None:
    """Retry-After in seconds (RFC 9110 10.2.3): a number, or a date."""
    said = said.strip()
    if said.isascii() and said.isdigit() and len(said) < 10:
        return float(said)
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - now_ms / 1000)
    except (ValueError, OverflowError):
        return None
