"""Links that drop: when a device has a network, and how long its bytes take.

Responsible for four kinds of link: perfect, scheduled, recorded and made. Refuses to know HTTP.

*Recorded* links are mahimahi packet traces (`NAME.up`, `NAME.down`, gzip or plain): each line the
millisecond since the start at which one packet of 1,500 bytes may pass, played in a loop. A silence
longer than a second is an outage. Source of the format: the mahimahi network emulator.
*Made* links take their outages, minutes to hours long, from a seed; no public trace has such, and a
report says so.

Example: `Made(seed, name).state(t)` is `(False, until)` inside an outage that ends at `until`.
"""

import gzip
import itertools
import random
from array import array
from bisect import bisect_left, bisect_right
from pathlib import Path
from typing import Protocol

PACKET_BYTES = 1500
SILENCE_MS = 1000
FOREVER_MS = 1 << 60

MADE_UP_MEAN_MS = 3 * 3_600_000
MADE_DOWN_MS = (60_000, 4 * 3_600_000)  # log-uniform between a minute and four hours
MADE_DELAY_MS = 300
MADE_BYTES_PER_MS = 8  # 64 kbit/s: a weak cell at the edge of its range


class Link(Protocol):
    """One device's network."""

    def state(self, at_ms: int) -> tuple[bool, int]:
        """Whether the link is up at an instant, and until when that stays so."""
        ...

    def sent_ms(self, at_ms: int, size_bytes: int) -> int:
        """When bytes given to the link at `at_ms` have left the device, if nothing drops."""
        ...

    def received_ms(self, at_ms: int, size_bytes: int) -> int:
        """When bytes given to the link at `at_ms` have come to the device, if nothing drops."""
        ...


class Perfect:
    """Always there, a millisecond each way."""

    def state(self, at_ms: int) -> tuple[bool, int]:
        """Up for ever."""
        del at_ms
        return True, FOREVER_MS

    def sent_ms(self, at_ms: int, size_bytes: int) -> int:
        """A millisecond later: what is sent never arrives before it was made."""
        del size_bytes
        return at_ms + 1

    def received_ms(self, at_ms: int, size_bytes: int) -> int:
        """A millisecond later."""
        del size_bytes
        return at_ms + 1


class Made:
    """Up for hours, then down for minutes to hours, from a seed. Asked forward in time only.

    `up_mean_ms` is the mean time between outages (exponential), `down_ms` the shortest and longest
    outage (log-uniform).
    """

    def __init__(
        self,
        seed: str,
        start_ms: int,
        *,
        up_mean_ms: int = MADE_UP_MEAN_MS,
        down_ms: tuple[int, int] = MADE_DOWN_MS,
    ) -> None:
        """The same seed and start always give the same outages."""
        self._random = random.Random(seed)  # noqa: S311 - a schedule, not a secret
        self._up_mean_ms = up_mean_ms
        self._down_ms = down_ms
        self._up = True
        self._until_ms = start_ms + self._length_ms()

    def state(self, at_ms: int) -> tuple[bool, int]:
        """Whether the link is up, and until when."""
        while self._until_ms <= at_ms:
            self._up = not self._up
            self._until_ms += self._length_ms()
        return self._up, self._until_ms

    def sent_ms(self, at_ms: int, size_bytes: int) -> int:
        """After a fixed delay and at a fixed rate."""
        return at_ms + MADE_DELAY_MS + size_bytes // MADE_BYTES_PER_MS

    def received_ms(self, at_ms: int, size_bytes: int) -> int:
        """After a fixed delay and at a fixed rate."""
        return at_ms + MADE_DELAY_MS + size_bytes // MADE_BYTES_PER_MS

    def _length_ms(self) -> int:
        if self._up:
            return 1 + round(self._random.expovariate(1 / self._up_mean_ms))
        shortest, longest = self._down_ms
        span: float = (longest / shortest) ** self._random.random()
        return max(1, round(shortest * span))


class Scheduled:
    """There and away in turns of one length, there first: by a plan, not by chance."""

    def __init__(self, start_ms: int, turn_ms: int, *, delay_ms: int, bytes_per_ms: int) -> None:
        """Be there from `start_ms` on."""
        self._start_ms = start_ms
        self._turn_ms = turn_ms
        self._delay_ms = delay_ms
        self._bytes_per_ms = bytes_per_ms

    def state(self, at_ms: int) -> tuple[bool, int]:
        """Whether the link is up, and until when."""
        turn = (at_ms - self._start_ms) // self._turn_ms
        return turn % 2 == 0, self._start_ms + (turn + 1) * self._turn_ms

    def sent_ms(self, at_ms: int, size_bytes: int) -> int:
        """After a fixed delay and at a fixed rate."""
        return at_ms + self._delay_ms + size_bytes // self._bytes_per_ms

    def received_ms(self, at_ms: int, size_bytes: int) -> int:
        """After a fixed delay and at a fixed rate."""
        return self.sent_ms(at_ms, size_bytes)


class Trace:
    """One direction of a recorded link: when packets may pass, in a loop."""

    def __init__(self, packets_ms: list[int]) -> None:
        """Take the instants of a file, in order. Raises ValueError when there are none."""
        if not packets_ms or packets_ms[-1] <= 0:
            raise ValueError("a trace needs at least one packet after its start")
        self.packets_ms = array("q", sorted(packets_ms))
        self.length_ms = self.packets_ms[-1]
        edges = [0, *self.packets_ms]
        self.silences = [
            (before, after)
            for before, after in itertools.pairwise(edges)
            if after - before > SILENCE_MS
        ]
        self._silence_ends = [end for _, end in self.silences]

    def state(self, at_ms: int) -> tuple[bool, int]:
        """Whether packets are passing at an instant, and until when that stays so."""
        turn, inside = divmod(at_ms, self.length_ms)
        index = bisect_right(self._silence_ends, inside)
        base_ms = turn * self.length_ms
        if index == len(self.silences):
            if not self.silences:
                return True, FOREVER_MS
            return True, base_ms + self.length_ms + self.silences[0][0]
        begin, end = self.silences[index]
        return (False, base_ms + end) if inside >= begin else (True, base_ms + begin)

    def passed_ms(self, at_ms: int, size_bytes: int) -> int:
        """When the last packet of `size_bytes` has passed."""
        turn, inside = divmod(at_ms, self.length_ms)
        packets = max(1, -(-size_bytes // PACKET_BYTES))
        last = bisect_left(self.packets_ms, inside) + packets - 1
        turns, index = divmod(last, len(self.packets_ms))
        return (turn + turns) * self.length_ms + self.packets_ms[index]

    @classmethod
    def read(cls, path: Path) -> "Trace":
        """The trace in a file. Raises ValueError for a line that is no whole number."""
        data = path.read_bytes()
        text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("ascii")
        return cls([int(line) for line in text.split()])


class Recorded:
    """A recorded link, both ways, shifted so that devices on one trace do not drop together."""

    def __init__(self, up: Trace, down: Trace, shift_ms: int) -> None:
        """Play both directions from `shift_ms` into the loop."""
        self._up = up
        self._down = down
        self._shift_ms = shift_ms

    def state(self, at_ms: int) -> tuple[bool, int]:
        """Up while packets pass both ways."""
        return _both(
            self._up.state(at_ms + self._shift_ms),
            self._down.state(at_ms + self._shift_ms),
            self._shift_ms,
        )

    def sent_ms(self, at_ms: int, size_bytes: int) -> int:
        """As the upward trace lets packets pass."""
        return self._up.passed_ms(at_ms + self._shift_ms, size_bytes) - self._shift_ms

    def received_ms(self, at_ms: int, size_bytes: int) -> int:
        """As the downward trace lets packets pass."""
        return self._down.passed_ms(at_ms + self._shift_ms, size_bytes) - self._shift_ms


class RecordedWithOutages:
    """A recorded link with made outages of minutes to hours laid over it."""

    def __init__(self, recorded: Recorded, made: Made) -> None:
        """Bytes move as recorded; the link is up while both say so."""
        self._recorded = recorded
        self._made = made
        self.sent_ms = recorded.sent_ms
        self.received_ms = recorded.received_ms

    def state(self, at_ms: int) -> tuple[bool, int]:
        """Whether the link is up, and until when."""
        return _both(self._recorded.state(at_ms), self._made.state(at_ms), 0)


def _both(one: tuple[bool, int], other: tuple[bool, int], shift_ms: int) -> tuple[bool, int]:
    if one[0] and other[0]:
        return True, min(one[1], other[1]) - shift_ms
    return False, max(until for up, until in (one, other) if not up) - shift_ms


def read_traces(directory: Path) -> dict[str, tuple[Trace, Trace]]:
    """Each recorded link below `directory` by its name, both ways.

    Raises ValueError when there is none or when one of a pair is missing or unreadable.
    """
    pairs: dict[str, tuple[Trace, Trace]] = {}
    for up in sorted(path for path in directory.rglob("*.up*") if path.is_file()):
        name, _, rest = up.name.partition(".up")
        down = up.with_name(f"{name}.down{rest}")
        if not down.is_file():
            raise ValueError(f"{up} has no {down.name} beside it")
        try:
            pairs[name] = (Trace.read(up), Trace.read(down))
        except (OSError, EOFError, ValueError) as error:
            raise ValueError(f"the trace {name} cannot be read: {error}") from error
    if not pairs:
        raise ValueError(f"{directory} holds no trace (NAME.up and NAME.down, gzip or plain)")
    return pairs
