"""A whole replay, from a source and a server to a report.

Responsible for the order of things: people, devices, the play, reading back, the verdict. Refuses to
know formats, and how a server of its own is built: that is handed in by the command line.

Example: `report = await replay(source, url, logins, options, clock)`; it holds when `report.faults`
is empty.
"""

import asyncio
import contextlib
import time as cpu
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import msgspec

from server.fleet.chain import Entropy, seeded_entropy
from server.fleet.desk import Desk
from server.fleet.replay import cast, findings, intervals, readback, report
from server.fleet.replay.calls import Source
from server.fleet.replay.cast import Links
from server.fleet.replay.plan import Plan, plan
from server.fleet.replay.stage import Look, Progress, Stage
from server.fleet.replay.townships import Townships
from server.fleet.replay.verdicts import Verdicts
from server.fleet.replay.wrongclocks import ClockErrors, Drawn
from server.fleet.timebase import VirtualTime
from server.now import VirtualClock

SETUP_MS = 3_600_000  # devices are enrolled in the hour before the first call
CONNECTIONS = 8
TIMEOUT_S = 60
BEHIND = frozenset({"snapshots"})
"""Tasks of a server that draw in the world's time."""

Opening = Callable[[VirtualTime], contextlib.AbstractAsyncContextManager[Townships]]
"""Brings stations up for as long as a replay lasts."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line chose. `vaults` is a directory to keep the devices' vaults in; with `clocks` the phones'
    clocks are wrong, and verdicts are held against the source."""

    file: str
    devices: int
    links: Links
    seed: str
    vaults: Path | None = None
    own_server: bool = True
    clocks: ClockErrors | None = None
    stations: int = 0  # townships with a station between their phones and the centre


class Labelled:
    """Chance for a server made for a replay: what it draws follows from the act under way.

    So ids it gives to incidents and orders do not depend on what phones sent in between: each size has a stream of its
    own (an id is longer than the token of a hello), and so has what the server does whenever the machine gets to it.
    """

    def __init__(self, seed: str) -> None:
        """Draw for `seed`, at first for the server's own beginning."""
        self._seed = seed
        self._behind = seeded_entropy(seed, "/behind")
        self.name("begin")

    def name(self, act: str) -> None:
        """Begin the draws of another act."""
        self._act = act
        self._draws: dict[int, Entropy] = {}

    def __call__(self, size: int) -> bytes:
        """The next `size` bytes of this act."""
        if _task() in BEHIND:
            return self._behind(size)
        if size not in self._draws:
            self._draws[size] = seeded_entropy(self._seed, "/server/", self._act, f"/{size}")
        return self._draws[size](size)


def _task() -> str:
    """Whose work this is; empty beside the event loop."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return ""
    return "" if task is None else task.get_name()


class Login(msgspec.Struct, frozen=True):
    """A desk's login. `admin` may enrol devices, `dispatcher` import and order; one may be both."""

    login: str
    password: str


def begins_ms(source: Source) -> int:
    """When a replay's clock starts, in ms."""
    return source.calls[0].received_ms - SETUP_MS


async def replay(
    source: Source,
    server: str,
    logins: list[Login],
    options: Options,
    *,
    clock: VirtualClock,
    chance: Labelled,
    progress: Progress,
    look: Look | None = None,
    open_townships: Opening | None = None,
) -> report.Report:
    """Play `source` at the server and compare. The clock stands at `begins_ms`. `look` has the server do what its
    timers would have it do; only where clocks are wrong. `open_townships` brings stations up, where there are any.

    Raises ServerRefusalError when the server refuses the desk, httpx2.TransportError when it is away.
    """
    began_s, began_cpu_s = cpu.perf_counter(), cpu.process_time()
    time = VirtualTime(clock)
    limits = httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    inner = httpx2.AsyncHTTPTransport(limits=limits, verify=server.startswith("https:"))
    async with contextlib.AsyncExitStack() as stack:
        there = None
        if open_townships is not None:
            there = await stack.enter_async_context(open_townships(time))
        desks = []
        for login in logins:
            http = httpx2.AsyncClient(base_url=server, transport=inner, timeout=TIMEOUT_S)
            desks.append(Desk(http, login.login, login.password))
            await desks[-1].sign_in()
        desk = _with_role(desks, {"dispatcher", "commander"})
        admin = _with_role(desks, {"admin"})
        officers = cast.found(await desk.get("/api/org"), options.devices)
        if not officers:
            raise ValueError(
                "the server has no officer who belongs to a station: nobody can be sent"
            )
        whole = plan(source.calls, len(officers))
        drawn = None if options.clocks is None else _drawn(options, source, whole, len(officers))
        players: list[cast.Player] = []

        async def enrol() -> None:
            players.extend(
                await cast.enrol(
                    officers,
                    admin,
                    inner=inner,
                    server=server,
                    time=time,
                    links=options.links,
                    seed=options.seed,
                    vaults=options.vaults,
                    drawn=drawn,
                    there=there,
                )
            )
            if there is not None:
                there.wake()  # so that they know whom they will serve

        time.spawn(enrol())
        await time.run()
        stage = Stage(
            source.calls,
            whole,
            players,
            desk,
            time,
            source=f"replay:{source.format}:{options.seed}",
            label=chance.name,
            look=look,
            there=there,
        )
        await stage.play(progress)
        if look is not None:
            clock.set(clock.now_ms() + findings.AFTER_MS)
            await look()
        stories = await readback.read_incidents(desk, stage.incidents)
        relayed = None if there is None else await there.relayed(cast.chains_by_station(players))
        judged = None
        if drawn is not None:
            judged = findings.verdicts(source.calls, whole.crews, stage, players, stories)
        made = _report(source, stories, players, options, orders=whole.orders, judged=judged)
        made = msgspec.structs.replace(made, relayed=relayed)
        for player in players:
            player.device.vault.close()
        await inner.aclose()
        return msgspec.structs.replace(
            made,
            server="" if options.own_server else server,
            wall_s=round(cpu.perf_counter() - began_s, 2),
            cpu_s=round(cpu.process_time() - began_cpu_s, 2),
        )


def _with_role(desks: list[Desk], roles: set[str]) -> Desk:
    for desk in desks:
        if roles & set(desk.person["roles"]):
            return desk
    raise ValueError(f"none of the logins is a {' or '.join(sorted(roles))}")


def _drawn(options: Options, source: Source, whole: Plan, devices: int) -> list[Drawn]:
    """Clocks for the phones; each is awake when it is needed."""
    assert options.clocks is not None
    used: list[list[int]] = [[] for _ in range(devices)]
    for act in whole.acts:
        if act.device is not None:
            used[act.device].append(act.at_ms)
    return options.clocks.draw(options.seed, used, begins_ms(source), whole.acts[-1].at_ms)


def _gaps(story: dict[str, Any]) -> int:
    """Milestones missing below the greatest one reached: per order, or of the incident without."""
    view = story["view"]
    return len(view["gaps"]) + sum(len(order["gaps"]) for order in view["orders"])


def _report(
    source: Source,
    stories: dict[int, dict[str, Any]],
    players: list[cast.Player],
    options: Options,
    *,
    orders: int,
    judged: Verdicts | None,
) -> report.Report:
    calls = source.calls
    from_file = [intervals.marks_of_call(call) for call in calls]
    from_server = [intervals.marks_of_view(stories[number]["view"]) for number in sorted(stories)]
    own = {id_.hex() for player in players for id_ in player.device.vault.ids()}
    tallies = [player.device.vault.tally() for player in players]
    different = [
        f"{call.source_no}: {how}"
        for number, call in enumerate(calls)
        if (how := readback.difference(call, stories[number], is_timed=judged is None)) is not None
    ]
    return report.Report(
        format=source.format,
        file=options.file,
        devices=len(players),
        seed=options.seed,
        links=options.links.words,
        server="",
        incidents=len(stories),
        orders=orders,
        sets_made=sum(tally.made for tally in tallies),
        sets_acked=sum(tally.acked for tally in tallies),
        sets_refused=sum(tally.refused for tally in tallies),
        sets_lost=len(readback.lost(players)),
        duplicates=sum(player.device.duplicates for player in players),
        outages=sum(player.transport.outages for player in players),
        cut_requests=sum(player.transport.cut_requests for player in players),
        cut_replies=sum(player.transport.cut_replies for player in players),
        gaps=sum(map(_gaps, stories.values())),
        late_entries=sum(
            entry["late_by"] is not None
            for story in stories.values()
            for entry in story["timeline"]
        ),
        reopened=sum(bool(story["view"]["reopens"]) for story in stories.values()),
        disagreements=different,
        repeated_numbers=source.repeated_numbers,
        doubled_hour=sum(call.ambiguous for call in calls),
        unreadable_cells=source.problem_count,
        unreadable=list(source.problems),
        signing=(
            intervals.Measured(intervals.signing(from_file), intervals.signing(from_server))
            if source.format in intervals.WITH_SIGNING
            else None
        ),
        arrival=intervals.Measured(intervals.arrival(from_file), intervals.arrival(from_server)),
        verdicts=judged,
        digest=report.digest(
            (
                calls[number].source_no,
                story["view"],
                own.intersection(entry["set"] for entry in story["timeline"]),
            )
            for number, story in stories.items()
        ),
        wall_s=0.0,
        cpu_s=0.0,
    )
