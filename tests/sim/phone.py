"""What every phone of the simulated world has in common, whatever language runs in it.

Responsible for the life of a phone (off, on, asleep), for the words in which its storage is told to the oracle,
and for old copies of that storage. Refuses to know how a phone writes or talks.

Example: `phone.stored().own` lists every set in the vault, whoever wrote it and whenever.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import msgspec

from tests.sim.clocks import PhoneClock
from tests.sim.trace import Trace


class Own(msgspec.Struct, frozen=True):
    """One set of the phone's own, as its vault holds it. `result` is the centre's last answer, None before;
    `is_hearsay`: only a station said so."""

    chain: bytes
    seq: int
    id: bytes
    raw: bytes
    result: str | None
    why: str | None
    waits: bool
    is_hearsay: bool


class Stored(msgspec.Struct, frozen=True):
    """Everything a phone keeps. `cursors`: scope to (epoch, n, head); `lines`: ruling indexes by scope, in their order;
    `recorded`: scopes of which it has what a snapshot said; `told`: what it keeps sets of others about; `shown`:
    incidents of which it keeps a picture; `signed`: size and root of the checkpoint it holds as a witness; `alarm`:
    what it found wrong with the log."""

    own: list[Own]
    cursors: dict[str, tuple[int, int, bytes]]
    lines: dict[str, list[int]]
    recorded: set[str]
    told: set[bytes]
    shown: set[bytes]
    signed: tuple[int, bytes] | None
    alarm: str | None


class Act(msgspec.Struct, frozen=True):
    """What a person wants to say: one set about one incident."""

    entity: bytes
    scope: str
    ops: list[dict[str, Any]]
    lane: int = 0


class Ears(msgspec.Struct, frozen=True):
    """Whom a phone tells what happened to it; the oracle and the world listen."""

    wrote: Callable[["Phone", bytes, Act], None]  # a set id that the vault has taken
    cleared_itself: Callable[["Phone"], None]  # it was suspended, and has nothing any more
    fault: Callable[[str], None]  # something that must not happen in any world


OFF, ON, ASLEEP = "off", "on", "asleep"


class Phone(ABC):
    """One installation of the app, in somebody's hand."""

    kind: str

    def __init__(
        self, name: str, person: bytes, clock: PhoneClock, trace: Trace, ears: Ears
    ) -> None:
        self.name = name
        self.person = person
        self.clock = clock
        self.trace = trace
        self.ears = ears
        self.state = OFF
        self.copies: list[str] = []
        self.crashes = 0
        self.restored = False  # its storage has gone back, or lives twice
        self.rotten: set[bytes] = set()  # ids of own sets whose bytes were changed

    # ---- life --------------------------------------------------------------------------------

    @abstractmethod
    async def enrol(self, code: str) -> bool:
        """Become somebody's device; False when the centre or the network would not have it."""

    @abstractmethod
    def open(self, *, power: int | None = None) -> None:
        """Start the app; with `power`, the power goes after that many steps of storage."""

    @abstractmethod
    def close(self) -> None:
        """Close the app as a person does."""

    @abstractmethod
    def crash(self) -> None:
        """The battery is empty, now."""

    def sleep(self) -> None:
        """The screen goes dark: timers do not ring, answers are not heard."""
        if self.state == ON:
            self.state = ASLEEP
            self.clock.sleep()
            self.trace.note(self.name, "sleep")

    def wake(self) -> None:
        """It lights up again."""
        if self.state == ASLEEP:
            self.state = ON
            self.clock.wake()
            self.trace.note(self.name, "wake")

    # ---- what a person does ----------------------------------------------------------------------

    @abstractmethod
    def write(self, act: Act, *, power: int | None = None) -> None:
        """Press a button; with `power`, the power goes after that many steps of storage."""

    @abstractmethod
    def sync(self) -> None:
        """Press "send now"."""

    # ---- storage -------------------------------------------------------------------------------

    @abstractmethod
    def keep(self, label: str) -> None:
        """Keep a copy of the whole storage under this label."""

    @abstractmethod
    def restore(self, label: str, *, part: bool = False) -> None:
        """Put a copy back, or only its databases. While the app is off; the copy may be another phone's."""

    @abstractmethod
    def rot(self, place: int) -> None:
        """Change a byte of the `place`-th own set."""

    @abstractmethod
    def lose_cache(self) -> None:
        """What can be pulled again is gone. Only while the app is off."""

    @abstractmethod
    def chain(self) -> bytes:
        """The chain it writes on now, 16 bytes; empty before it was enrolled."""

    @abstractmethod
    def refused(self) -> str:
        """The code of the centre's last refusal; empty when it is on speaking terms."""

    @abstractmethod
    def stored(self) -> Stored:
        """What this phone keeps, read past the app."""

    @abstractmethod
    def organisation(self) -> dict[tuple[str, bytes], bytes]:
        """SHA-256 of each row of the organisation as this phone knows it, by what it is and its id."""

    @abstractmethod
    def words(self) -> bytes:
        """All that it keeps of what the centre sent, in one piece, to look for words in it."""

    @abstractmethod
    def views(self, entities: list[bytes]) -> dict[bytes, bytes | None]:
        """SHA-256 of the canonical view of each incident as this phone's own code folds it; None for no view."""
