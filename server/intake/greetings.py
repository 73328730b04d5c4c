"""Hellos in a batch: the sync token of each chain, and what is amiss with it (SPEC FK3, FK4, FK8).

Responsible for looking at what a device shows beside what is held of its chain, for the token it gets, and for the
events a desk sees. Tokens are read anew in every batch, under the head of the log, because greeting moves no log and
another node may have greeted the same device. Refuses to decide: `sync.forks` does.

Example: a phone restored from last week's backup says `head` 3 where 9 is held: its `Welcome` says `rolled_back`.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Connection

from server.store import devices, greetings
from server.store.devices import ChainHead
from server.store.greetings import Happening
from sync import forks
from sync.forks import Greeted

ROTATED = "rotated"
NEEDS_LOGIN = "needs_login"
CONTRADICTED = "contradicted"


class Greeting(msgspec.Struct, frozen=True):
    """What a hello shows: the chain's own last seq `head`, its sync token, the name of the request, and 8 bytes of
    chance for the next token. `is_continued`: another chain has taken this one's place. `is_station`: it shows none,
    and what it forgot of its chain it mirrors again. `contradicted`: so many of its sets were called safe that were not
    here (EX14)."""

    chain: bytes
    head: int
    token: bytes | None
    request_id: bytes
    chance: bytes
    is_continued: bool
    is_station: bool = False
    contradicted: int = 0


class Welcome(msgspec.Struct, frozen=True):
    """What is answered: contiguous seq held, the next token (without one a device keeps the one it has), and why to
    rotate.
    """

    have: int
    token: bytes | None
    rotate: str | None


class Greetings:
    """The hellos of one batch, and every event of it."""

    def __init__(self, connection: Connection, at_ms: int) -> None:
        """Nothing is read before `prepare` and nothing written before `flush`."""
        self._connection = connection
        self._at_ms = at_ms
        self._known: dict[bytes, Greeted] = {}
        self._given: dict[bytes, Greeted] = {}
        self._happened: list[Happening] = []

    def prepare(self, coming: Iterable[Greeting]) -> None:
        """Read what these chains were given last."""
        self._known = greetings.tokens(self._connection, list({one.chain for one in coming}))

    def known(self, chain: bytes) -> Greeted | None:
        """What this chain was given last."""
        return self._known.get(chain)

    def take(self, one: Greeting, head: ChainHead) -> Welcome:
        """Answer one hello."""
        if one.is_continued:
            self.note(one.chain, NEEDS_LOGIN, {"head": one.head})
            return Welcome(head.have, None, NEEDS_LOGIN)
        if one.is_station:
            return Welcome(head.have, None, None)
        rotate = forks.must_rotate(head=one.head, have=head.have, forked_at=head.forked_at)
        if rotate is not None:
            if rotate == forks.ROLLED_BACK:
                self.note(one.chain, rotate, {"head": one.head, "have": head.have})
            return Welcome(head.have, None, rotate)
        known = self.known(one.chain)
        greeted, rotate = forks.greet(known, one.token, request=one.request_id, chance=one.chance)
        if rotate is not None:
            seen = {"head": one.head, "have": head.have, "shown": one.token, "last": greeted.token}
            self.note(one.chain, rotate, seen)
            return Welcome(head.have, None, rotate)
        if one.contradicted:
            self.note(one.chain, CONTRADICTED, {"sets": one.contradicted})
        self._known[one.chain] = self._given[one.chain] = greeted
        return Welcome(head.have, greeted.token, None)

    def refused(self, chain: bytes, tried: bytes) -> None:
        """A second rotation was refused: two instances are alive (FK5)."""
        self.note(chain, NEEDS_LOGIN, {"tried": tried})

    def note(self, chain: bytes, kind: str, proof: dict[str, Any]) -> None:
        """Remember an event for the devices desk."""
        self._happened.append(Happening(chain, kind, self._at_ms, proof))

    def flush(self) -> None:
        """Write tokens and events."""
        greetings.keep_tokens(self._connection, self._given)
        greetings.note(self._connection, self._happened)


def without_writing(connection: Connection, one: Greeting) -> Welcome:
    """Answer one hello while nothing can be written, so that its device may go on reading.

    What is amiss is said as ever. A new token could not be durable before the reply (FK3): only one that was given
    before is given again. What happened is not noted; a device that is told to leave its chain asks for its place as
    soon as there is room, and that is.
    """
    looked = Greetings(connection, 0)
    looked.prepare([one])
    known = looked.known(one.chain)
    head = devices.heads(connection, [one.chain]).get(one.chain, ChainHead())
    welcome = looked.take(one, head)
    if known is not None and welcome.token == known.token:
        return welcome
    return msgspec.structs.replace(welcome, token=None)
