"""Generated histories of clocks that are wrong, with the truth beside them: what the laws of trusted time are tried on.

A phone with a monotonic clock that stands still while it sleeps and a wall clock that is off by years, drifts, and is
set; a centre whose clock is off by at most `U_MS`; exchanges whose two ways take differently long. What the phone
keeps, places and writes into headers goes through `sync.samples` as in a real one. Times are kept in microseconds.

Example: `run = history(Random(7)); [one.true_ms for one in run.acts]` are the moments at which its sets were signed.
"""

from random import Random

from msgspec import Struct

from sync import samples
from sync.samples import Clocks, Sample, beat, keep, op_of, placed, sample, to_place, wrote
from sync.time import Observed, Place, Signed

U_MS = 50
PPM_MAX = 200
SESSION = b"session1"
CHAIN = b"chain-of-a-phone"
EPOCH_US = 1_796_000_000_000_000


class Act(Struct, frozen=True):
    """A set: what is known of its signing, and when that truly was."""

    signed: Signed
    true_ms: int


class Run(Struct):
    """One history. `is_plain`: its wall clock was never set back between two readings between which it also slept, so
    that grade 2 promises something too."""

    acts: list[Act]
    observed: list[Observed]
    discarded: list[str]
    is_plain: bool


class Phone:
    """Two clocks in a pocket, and the truth."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.true_us = EPOCH_US + random.randrange(10**9)
        self.mono_us = random.randrange(10**6)
        self.wall_us = max(
            0, self.true_us + random.choice([0, 0, 1, -1, 60]) * random.randrange(10**13)
        )
        self.mono_ppm = random.choice([PPM_MAX, -PPM_MAX, random.randint(-PPM_MAX, PPM_MAX)])
        self.wall_ppm = random.choice([PPM_MAX, -PPM_MAX, random.randint(-PPM_MAX, PPM_MAX)])
        self.centre_us = random.randint(-U_MS * 1000, U_MS * 1000)
        self.clocks = Clocks(SESSION)
        self.seq = 0
        self.since_beat_us = 0
        self.slept = self.set_back = False
        self.beacon_ms: int | None = None
        self.run = Run([], [], [], is_plain=True)
        self.waiting: list[tuple[Signed, int]] = []

    @property
    def m(self) -> int:
        return self.mono_us // 1000

    @property
    def wall(self) -> int:
        return self.wall_us // 1000

    @property
    def centre_ms(self) -> int:
        return (self.true_us + self.centre_us) // 1000

    # ---- time goes by ------------------------------------------------------------------------

    def awake(self, us: int) -> None:
        """So long awake, with a heartbeat every 15 s."""
        while us > 0:
            step = min(us, samples.BEAT_EVERY_MS * 1000 - self.since_beat_us)
            self._pass(step, asleep=False)
            self.since_beat_us += step
            us -= step
            if self.since_beat_us >= samples.BEAT_EVERY_MS * 1000:
                self.clocks = beat(self.clocks, self.m, self.wall)
                self._read()

    def sleep(self, us: int) -> None:
        """So long asleep: the monotonic clock stands."""
        self._pass(us, asleep=True)
        self.slept = True

    def set_wall(self, ms: int) -> None:
        """Somebody, or the network, sets the wall clock."""
        before = self.wall_us
        self.wall_us = max(0, self.wall_us + ms * 1000)
        self.set_back = self.set_back or self.wall_us < before

    def _pass(self, us: int, *, asleep: bool) -> None:
        self.true_us += us
        self.wall_us += us + us * self.wall_ppm // 10**6
        if not asleep:
            self.mono_us += us + us * self.mono_ppm // 10**6

    def _read(self) -> None:
        """Both clocks were read: what lies before shows, unless it went both ways."""
        self.run.is_plain = self.run.is_plain and not (self.slept and self.set_back)
        self.slept = self.set_back = False
        self.since_beat_us = 0

    # ---- what a phone does ---------------------------------------------------------------------

    def ask(self, *, answered: bool = True) -> None:
        """Ask the centre for the time, on a road whose two ways need not be alike."""
        random = self.random
        m1, wall1 = self.m, self.wall
        was_set, slept_before = self.set_back, self.slept
        self.set_back = self.slept = False
        hidden = self._travel()
        server_ms = self.centre_ms
        self.beacon_ms = server_ms
        hidden = self._travel() or hidden
        # Set and asleep in one exchange: whoever lets a phone out of sight may not believe it.
        is_masked = self.slept and self.set_back
        self.slept, self.set_back = self.slept or slept_before, self.set_back or was_set
        found = sample(
            m1=m1, wall1_ms=wall1, server_ms=server_ms, uncertainty_ms=U_MS,
            m4=self.m, wall4_ms=self.wall, hidden=hidden or is_masked,
        )  # fmt: skip
        if isinstance(found, Sample) and answered and random.random() < 0.95:
            if self.clocks.last is None or self.clocks.last[0] <= m1:
                self._read_at(slept=slept_before, set_back=was_set)
            self.clocks = keep(self.clocks, found)
        elif isinstance(found, str):
            self.run.discarded.append(found)

    def _read_at(self, *, slept: bool, set_back: bool) -> None:
        """A kept sample is a reading too, of the moment of asking."""
        self.run.is_plain = self.run.is_plain and not (slept and set_back)

    def _travel(self) -> bool:
        """One way; gives whether the page was out of sight."""
        random = self.random
        for _ in range(random.randrange(3)):
            kind = random.random()
            if kind < 0.75:
                self._pass(random.randrange(random.choice([10**4, 10**6, 5 * 10**6])), asleep=False)
            elif kind < 0.9:
                self.sleep(random.randrange(random.choice([6 * 10**4, 10**7])))
            else:
                self.set_wall(random.randint(-100_000, 100_000))
        return random.random() < 0.05

    def write(self) -> None:
        """Sign a set."""
        self.seq += 1
        m, wall = self.m, self.wall
        one = Signed(
            claimed_ms=wall, seq=self.seq, place=Place(CHAIN, SESSION, m), wall_ms=wall,
            lo_ms=self.beacon_ms, hi_ms=None,
        )  # fmt: skip
        self.waiting.append((one, self.true_us))
        self.clocks = wrote(self.clocks, m, wall)
        self._read()

    def flush(self) -> None:
        """Place samples where that is due, and send everything."""
        oldest = min((one.place.m for one, _true in self.waiting), default=None)
        due = to_place(self.clocks, self.m, oldest)
        if due:
            self.seq += 1
            for op in (op_of(SESSION, one) for one in due):
                assert samples.problem(op) is None
                self.run.observed.append(
                    Observed(
                        self.seq,
                        op["m"],
                        op["lo"],
                        op["hi"],
                        op["wall"],
                        op["n"],
                        op["fell"],
                        op["gap"],
                    )
                )
            self.clocks = placed(self.clocks)
        for one, true_us in self.waiting:
            signed = Signed(
                one.claimed_ms, one.seq, one.place, one.wall_ms, one.lo_ms, self.centre_ms
            )
            self.run.acts.append(Act(signed, true_us // 1000))
        self.waiting = []


def history(random: Random) -> Run:
    """One history of some minutes to some days."""
    phone = Phone(random)
    unit_us = random.choice([10**6, 10**7, 10**8, 10**9])
    for _ in range(random.randrange(4, 40)):
        kind = random.random()
        if kind < 0.3:
            phone.awake(random.randrange(unit_us))
        elif kind < 0.45:
            phone.sleep(random.randrange(unit_us * 3))
        elif kind < 0.55:
            phone.set_wall(random.choice([1, 1000, 10**6]) * random.randint(-5_000, 5_000))
        elif kind < 0.75:
            phone.ask()
        elif kind < 0.9:
            phone.write()
        else:
            phone.flush()
    phone.ask()
    phone.flush()
    return phone.run
