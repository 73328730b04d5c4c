"""The demo from start to Ctrl-C: a centre, its past, its phones, and a welcome in the terminal.

Responsible for the order of things and for ending them cleanly. Refuses to know how a centre is composed:
the command line hands in the builder.

On the first start some hours before now are lived through in virtual time, by the same officers and desks, so
that lists, wall and callback desk have something in them. Everything is kept in the data directory; the
phones' vaults are in `phones`.

Example: `await demo(build_app, Path(".data/demo"), 8000, print)`.
"""

import asyncio
import contextlib
import fcntl
import logging
import random
import secrets
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx2

from server.deadlines.engine import Engine
from server.fleet import world
from server.fleet.centre import listen, serving
from server.fleet.demo.crew import Crew
from server.fleet.demo.desks import Caller, Dispatcher, Reviewer
from server.fleet.demo.follow import Follower
from server.fleet.demo.lost import lost
from server.fleet.desk import Desk
from server.fleet.device import Device
from server.fleet.founding import found
from server.fleet.links import Made, Perfect
from server.fleet.replay.alone import Build
from server.fleet.timebase import RealTime, Timebase, VirtualTime
from server.fleet.transport import LinkTransport
from server.fleet.vault import Vault
from server.now import SystemClock, VirtualClock
from server.room import used_percent
from server.settings import Settings
from server.store.engine import Database
from server.store.migrate import upgrade
from server.wire import ServerRefusalError

Say = Callable[[str], None]

PAST_MS = 11 * 3_600_000
FOLLOW_MS = 25 * 60_000
QUIET_MS = 75 * 60_000  # before now nothing new begins, so that the past ends before the present
LOST_MS = 4 * 3_600_000  # before that an officer last writes on a phone he then loses
PAST_CALL_EVERY_MS = 28 * 60_000
CALL_EVERY_MS = 90_000  # some ten things happen about each: one every ten seconds or so
REPORT_EVERY_MS = 15 * 60_000
LOOK_EVERY_MS = 25_000
PAST_LOOK_EVERY_MS = 60_000
HUMAN_LOOK_EVERY_MS = 8_000
CALL_BACK_EVERY_MS = 240_000
REVIEW_EVERY_MS = 90_000
UP_MEAN_MS = 30 * 60_000
DOWN_MS = (40_000, 6 * 60_000)
FAR_DOWN_MS = (5 * 60_000, 40 * 60_000)  # every ninth officer patrols where there is no mast
LISTEN_AGAIN_MS = (2_000, 9_000)
CODE_EVERY_MS = 14 * 60_000  # a code lives fifteen minutes
PAST_TEND_EVERY_MS = 20_000
PAST_SEED = "1"
KEEP_SETS_MS = 72 * 3_600_000
CONNECTIONS = 64
BOTS = (
    ("simulated-dispatcher", world.SIMULATED_DISPATCHER),
    ("simulated-callback", world.SIMULATED_CALLBACK),
    ("simulated-reviewer", world.SIMULATED_REVIEWER),
    ("simulated-inspector", world.SIMULATED_INSPECTOR),
)

log = logging.getLogger("ortoo.demo")


class _Clock:
    """The centre's clock: virtual while the past is lived through, then the machine's."""

    def __init__(self) -> None:
        self.past: VirtualClock | None = None
        self._system = SystemClock()

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch, UTC."""
        return (self.past or self._system).now_ms()


class Banner:
    """Everyone simulated, in one time."""

    def __init__(
        self, url: str, phones: Path, time: Timebase, desks: dict[str, Desk], seed: str
    ) -> None:
        """Phones keep their vaults in `phones`; `desks` are signed in by login."""
        self.time = time
        self.chance = random.Random(seed)  # noqa: S311 - plausible, not secret
        self._entropy = random.Random(f"{seed}/ids").randbytes  # noqa: S311 - the same ids every time
        self._url = url
        self._phones = phones
        limits = httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
        self._inner = httpx2.AsyncHTTPTransport(limits=limits)
        self._live = isinstance(time, RealTime)
        people = world.officers()
        self.crews = [self._crew(number, people) for number in range(len(people))]
        dispatcher, caller, reviewer, inspector = (desks[login] for login, _name in BOTS)
        self.dispatcher = Dispatcher(dispatcher, people, time, self.chance, self._hint)
        self.caller = Caller(caller, time, self.chance)
        self.reviewer = Reviewer(reviewer, time, self.chance)
        self.follower = Follower(dispatcher, caller, inspector, time)

    def _crew(self, number: int, people: list[world.Officer]) -> Crew:
        officer = people[number]
        members = [one for one in people if one.unit == officer.unit]
        targets = {("person", officer.id), ("unit", world.id_of("units", officer.unit))}
        targets |= {("vehicle", one) for one in world.vehicles_of(officer.unit)}
        crew = Crew(
            officer,
            (members.index(officer), len(members)),
            frozenset(targets),
            time=self.time,
            chance=random.Random(f"{self.chance.random()}/{number}"),  # noqa: S311
            entropy=self._entropy if not self._live else secrets.token_bytes,
        )
        far = number % 9 == 4
        link = Made(
            f"{self.chance.random()}/link/{number}",
            self.time.now_ms(),
            up_mean_ms=UP_MEAN_MS,
            down_ms=FAR_DOWN_MS if far and self._live else DOWN_MS,
        )
        transport = LinkTransport(self._inner, link, self.time)
        crew.device = Device(
            Vault(self._phones / f"{number:02d}.db"),
            httpx2.AsyncClient(base_url=self._url, transport=transport),
            self.time,
            entropy=secrets.token_bytes,
            chance=random.Random(f"{self.chance.random()}"),  # noqa: S311
            online=transport.online,
            follow=crew.cases.follow,
            begin=crew.cases.begin,
            records_centre=True,
            storage=partial(used_percent, self._phones),
        )
        return crew

    def _hint(self, target: tuple[str, bytes]) -> None:
        """In the past nobody listens to a stream: whoever an order went to looks for it."""
        if not self._live:
            for crew in self.crews:
                if crew.concerns(target) and crew.device is not None:
                    crew.device.kick(pull=True)

    async def enrol(self, admin: Desk) -> None:
        """Enrol the phones that are not yet, at the station, where there is network."""
        at_station = LinkTransport(self._inner, Perfect(), self.time)
        http = httpx2.AsyncClient(base_url=self._url, transport=at_station)
        for crew in self.crews:
            assert crew.device is not None
            if not crew.device.enrolled:
                code = await admin.post("/api/devices/codes", {"person": crew.officer.id.hex()})
                await crew.device.enrol(code["code"], f"{crew.officer.name}的手机（模拟）", http)
            crew.device.kick(pull=True)

    async def close(self) -> None:
        """Let go of vaults and connections."""
        for crew in self.crews:
            if crew.device is not None:
                crew.device.vault.close()
        await self._inner.aclose()

    # ---- the past --------------------------------------------------------------------------

    async def live_through(self, until_ms: int) -> None:
        """Begin incidents until `until_ms`, see each through, call some callers back, and exercise once."""
        while self.time.now_ms() < until_ms:
            await self._later(PAST_CALL_EVERY_MS)
            if self.chance.random() < 0.15:
                self.time.spawn(self._officer().report())
                self.dispatcher.open += 1
            else:
                await self.dispatcher.city_calls()
            for _ in range(60):
                await self.time.sleep_until(self.time.now_ms() + PAST_LOOK_EVERY_MS)
                await self.dispatcher.look()
                if not self.dispatcher.open:
                    break
            for _ in range(2):
                await self.caller.call_one()
            await self.reviewer.review_one()
            await self.follower.look()
        await self.dispatcher.drill()
        for _ in range(2):  # what was asked last is seen through
            await self.time.sleep_until(self.time.now_ms() + FOLLOW_MS)
            await self.follower.look()

    def _officer(self) -> Crew:
        return self.chance.choice([crew for crew in self.crews if crew.officer.role == "officer"])

    async def _later(self, mean_ms: int) -> None:
        wait_ms = round(mean_ms * self.chance.uniform(0.4, 1.6))
        await self.time.sleep_until(self.time.now_ms() + wait_ms)

    # ---- the present -----------------------------------------------------------------------

    def begin(self) -> None:
        """Set everyone to work until the time is stopped."""
        for crew in self.crews:
            self.time.spawn(self._listen(crew))
        self.time.spawn(self._opening())
        self.time.spawn(self._again(CALL_EVERY_MS, self.dispatcher.city_calls))
        self.time.spawn(self._again(REPORT_EVERY_MS, self._report))
        self.time.spawn(self._again(LOOK_EVERY_MS, self.dispatcher.look))
        self.time.spawn(self._again(HUMAN_LOOK_EVERY_MS, self.dispatcher.look_after_human))
        self.time.spawn(self._again(CALL_BACK_EVERY_MS, self.caller.call_one))
        self.time.spawn(self._again(REVIEW_EVERY_MS, self.reviewer.review_one))
        self.time.spawn(self._again(CALL_BACK_EVERY_MS, self.follower.look))
        self.time.spawn(self._again(KEEP_SETS_MS // 72, self._retire))

    async def _opening(self) -> None:
        """So that a first look meets something under way."""
        for wait_ms in (1_500, 12_000, 20_000):
            await self.time.sleep_until(self.time.now_ms() + wait_ms)
            await _forgiving(self.dispatcher.city_calls)

    async def _again(self, every_ms: int, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._later(every_ms)
            await _forgiving(act)

    async def _report(self) -> None:
        await self._officer().report()

    async def _retire(self) -> None:
        for crew in self.crews:
            assert crew.device is not None
            crew.device.vault.retire(self.time.now_ms() - KEEP_SETS_MS)

    async def _listen(self, crew: Crew) -> None:
        device = crew.device
        assert device is not None
        while True:
            with contextlib.suppress(httpx2.TransportError, ServerRefusalError):
                await device.listen()
            wait_ms = round(self.chance.uniform(*LISTEN_AGAIN_MS))
            await self.time.sleep_until(self.time.now_ms() + wait_ms)


async def _forgiving(act: Callable[[], Awaitable[None]]) -> None:
    """Do it; what the server refuses (someone else was quicker) is logged and let go."""
    try:
        await act()
    except (httpx2.TransportError, ServerRefusalError) as error:
        log.info("the simulation was refused", extra={"cause": str(error)})


class InUseError(RuntimeError):
    """Another demo is at work in this data directory; two would write the phones' chains twice."""


@contextlib.contextmanager
def alone_in(data_dir: Path) -> Iterator[None]:
    """Hold the data directory for this process. Raises InUseError."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InUseError(f"another demo is at work in {data_dir}") from error
        yield


async def demo(build: Build, data_dir: Path, host: str, port: int, say: Say) -> None:
    """Serve until SIGINT or SIGTERM. Raises OSError when the port is taken."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    listener = listen(host, port)
    settings = Settings(
        data_dir=data_dir,
        host=host,
        port=listener.getsockname()[1],
        public_url=f"http://localhost:{listener.getsockname()[1]}",
        hashing="light",
    )
    db = Database(settings.url)
    await upgrade(db)
    await db.close()
    clock = _Clock()
    fresh = not await asyncio.to_thread((data_dir / "phones").exists)
    if fresh:
        clock.past = VirtualClock(clock.now_ms() - PAST_MS)
    app = build(settings, clock=clock, entropy=secrets.token_bytes)
    async with serving(app, listener) as url, _desks(url, app, clock) as desks:
        if fresh:
            say("First start: living through the last hours of the banner ...")
            await _past(url, data_dir / "phones", clock, desks, app.state.deadlines)
        app.state.deadlines.start()
        time = RealTime()
        banner = Banner(url, data_dir / "phones", time, desks, secrets.token_hex(8))
        await banner.enrol(desks["admin"])
        banner.begin()
        say(welcome(settings.origin))
        time.spawn(_codes(desks["admin"], time, settings.origin, say))
        await stop.wait()
        say("Stopping ...")
        await time.stop()
        await banner.close()


async def _past(
    url: str, phones: Path, clock: _Clock, desks: dict[str, Desk], timers: Engine
) -> None:
    assert clock.past is not None
    time = VirtualTime(clock.past)
    banner = Banner(url, phones, time, desks, PAST_SEED)
    until_ms = SystemClock().now_ms() - QUIET_MS
    time.spawn(banner.enrol(desks["admin"]))
    time.spawn(banner.live_through(until_ms))
    admin, begin_ms = desks["admin"], until_ms - LOST_MS
    time.spawn(lost(url, phones / "lost.db", admin, time, begin_ms, seed=PAST_SEED))
    time.spawn(_tend(timers, time, until_ms))
    await time.run()
    await banner.close()
    clock.past = None


async def _tend(timers: Engine, time: Timebase, until_ms: int) -> None:
    """In the past the centre's clock is moved by hand, and so are its timers."""
    while time.now_ms() < until_ms:
        await timers.tend()
        await time.sleep_until(time.now_ms() + PAST_TEND_EVERY_MS)


@contextlib.asynccontextmanager
async def _desks(url: str, app: Any, clock: _Clock) -> AsyncIterator[dict[str, Desk]]:
    """Everyone's login, and the simulation's own desks, signed in."""
    bots = [(world.id_of("people", name), login, secrets.token_urlsafe(16)) for login, name in BOTS]
    humans = [
        (world.id_of("people", name), role, world.PASSWORD)
        for role, name, _town in world.DESK_ROLES
    ]
    await found(app.state.intake, app.state.db, clock, world.rows(), [*humans, *bots])
    desks: dict[str, Desk] = {}
    async with contextlib.AsyncExitStack() as stack:
        for _person, login, password in [*bots, *humans]:
            if login == "admin" or password != world.PASSWORD:
                http = httpx2.AsyncClient(base_url=url, timeout=30)
                await stack.enter_async_context(http)
                desks[login] = Desk(http, login, password)
        yield desks


def welcome(origin: str) -> str:
    """What the terminal says once everything runs."""
    width = max(len(role) for role, _name, _town in world.DESK_ROLES)
    lines = ["", f"  驿传 Ortoo demo  {origin}", ""]
    lines += [
        f"    {role.ljust(width)}  password {world.PASSWORD}   {name}"
        for role, name, _town in world.DESK_ROLES
    ]
    lines += ["", "  Ctrl-C stops; the data stays. `make clean-demo` starts afresh.", ""]
    return "\n".join(lines)


async def _codes(admin: Desk, time: RealTime, origin: str, say: Say) -> None:
    """A one-time code for the human officer's phone, anew while no device has taken one."""
    person = world.id_of("people", world.HUMAN_OFFICER).hex()
    while True:
        devices = await admin.get("/api/devices")
        if any(one["person"] == person and one["revoked_at"] is None for one in devices):
            say(
                f"  officer   {world.HUMAN_OFFICER}（{world.HUMAN_UNIT}）has a device; more codes: log in as admin"
            )
            return
        code = await admin.post("/api/devices/codes", {"person": person})
        say(
            f"  officer   {world.HUMAN_OFFICER}（{world.HUMAN_UNIT}）enrols a phone-sized window, once, within 15 min:"
        )
        say(f"            {origin}/enrol#{code['code']}   code {code['code']}")
        await time.sleep_until(time.now_ms() + CODE_EVERY_MS)
