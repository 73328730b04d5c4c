"""The wire between a phone or a station and its server: one call, and what a bad answer means.

Responsible for the bearer token, for gzip, and for telling a refusal in words from an answer that was said to somebody
else, out of some proxy's memory (SPEC EX11). Refuses to know when to talk, to try again, and what an answer leads to.

Example: `await wire.call("pull", exchange.PullRequest([], 65_536), exchange.PullReply)`.
"""

import gzip
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol, TypeVar

import httpx2
import msgspec

from sync import exchange

GZIP_FROM_BYTES = 256

NEEDS_LOGIN = "rotation_needs_login"
REVOKED = "device_revoked"
NOT_STORED = "not_stored"
CENTRE_ONLY = "centre_only"
UNKNOWN_HERE = "unknown_here"

SERVED_IDLE_S: Final = 75
"""How long a server keeps a connection open on which nothing is asked."""
ASKED_IDLE_S: Final = 50.0
"""How long a station asks over it again: a link that is thin pays for each new one, and where both times were one, a
question would meet the news that the connection has ended."""

LOG_NAME_CHARS: Final = 200
"""Origin, `/` and epoch of a log take some sixty."""

Message = TypeVar("Message")


class ServerRefusalError(Exception):
    """The server answered, and the answer is no. `code` is the stable code of the problem, `chain` whom it names
    (EX11), `log` the centre's log (EX12)."""

    def __init__(
        self, status: int, code: str, cause: str, chain: str | None = None, log: str | None = None
    ) -> None:
        """Carry what the problem answer said."""
        super().__init__(f"{status} {code}: {cause}")
        self.status = status
        self.code = code
        self.chain = chain
        self.log = log

    @property
    def may_pass(self) -> bool:
        """Whether trying again later can help."""
        return self.status in (408, 425, 429) or self.status >= 500


class Caller(Protocol):
    """Who talks: its chain and bearer token. `instead_of`: the chain whose place it waits for, whose token it is."""

    @property
    def chain(self) -> bytes:
        """The own chain."""
        ...

    @property
    def token(self) -> str:
        """The bearer token."""
        ...

    @property
    def instead_of(self) -> bytes | None:
        """The chain that the token is of, while it is not one's own."""
        ...


class Wire:
    """Talks as the device that `identity` says, at the moment of each call."""

    def __init__(self, http: httpx2.AsyncClient, identity: Callable[[], Caller]) -> None:
        """`http` has the server's address and this device's link."""
        self.http = http
        self._identity = identity

    async def call(
        self, word: str, request: object, answer: type[Message], *, patience_s: float | None = None
    ) -> Message:
        """One call of the exchange; `patience_s` is how long nothing may be heard, where that is not the client's own.
        Raises ServerRefusalError, httpx2.TransportError.
        """
        body = exchange.encode(request)
        headers = self._headers() | {"content-type": exchange.CONTENT_TYPE}
        if len(body) >= GZIP_FROM_BYTES:
            body = gzip.compress(body, 6)
            headers["content-encoding"] = "gzip"
        timeout = self.http.timeout if patience_s is None else httpx2.Timeout(patience_s)
        reply = await self.http.post(
            f"/sync/v1/{word}", content=body, headers=headers, timeout=timeout
        )
        self.refuse(reply)
        try:
            return exchange.decode(answer, reply.content)
        except msgspec.MsgspecError as error:
            raise garbled("it is no answer to this call") from error  # some gate's page, for one

    async def fetch(self, path: str) -> bytes:
        """The bytes at a path below the exchange. Raises like `call`."""
        reply = await self.http.get(f"/sync/v1/{path}", headers=self._headers())
        self.refuse(reply)
        return reply.content

    def hints(
        self, patience_s: float | None = None
    ) -> AbstractAsyncContextManager[httpx2.Response]:
        """The stream of hints, to be read line by line once `refuse` has let it pass. It beats every 15 s; without
        `patience_s` nobody minds when it does not.
        """
        headers = self._headers()
        return self.http.stream("GET", "/sync/v1/events", headers=headers, timeout=patience_s)

    def refuse(self, reply: httpx2.Response) -> None:
        """Raise ServerRefusalError unless the answer is good; one that was said to another chain is garbled."""
        try:
            refuse(reply)
        except ServerRefusalError as refused:
            mine = self._identity()
            whom = {NEEDS_LOGIN: mine.chain, REVOKED: mine.instead_of or mine.chain}
            if refused.code in whom and refused.chain != whom[refused.code].hex():
                raise garbled("another chain is refused") from refused
            raise

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._identity().token}"}


def refuse(reply: httpx2.Response) -> None:
    """Raise ServerRefusalError unless the answer is good."""
    if reply.is_success:
        return
    try:
        problem = reply.json()
        code, cause = problem["code"], problem["cause"]
        chain, log = problem.get("chain"), problem.get("log")
        log = log if isinstance(log, str) and len(log) <= LOG_NAME_CHARS else None
        raise ServerRefusalError(reply.status_code, code, cause, chain, log)
    except (ValueError, KeyError, TypeError) as error:
        raise ServerRefusalError(reply.status_code, "unreadable", reply.text[:200]) from error


def garbled(what: str) -> ServerRefusalError:
    """An answer to something else that was asked: as if none had come."""
    return ServerRefusalError(502, "garbled", what)
