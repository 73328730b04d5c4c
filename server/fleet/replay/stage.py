"""Playing the plan: the desk's acts through its API, the field's as signed sets over dropping links.

Responsible for doing each act at its time, exactly once, and for telling devices that there is
something for them. Refuses to judge what came of it.

Officers act at their recorded times whether or not their device has heard of the order: the radio
told them. What the order is called they know from the same voice, so a set is the same over any link.

Phones whose clocks are right name the recorded time in each step. With wrong clocks everybody says what they would:
who acts now names no time at all, the phone's clocks go into the header; who tells of earlier names what the phone's
wall clock said then; and every few minutes the centre looks at what has been proved by then.

Example: after `await stage.play(progress)` every set made is at the server.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from server.fleet.desk import Desk
from server.fleet.replay.calls import Call, Leg, Step
from server.fleet.replay.cast import Player
from server.fleet.replay.plan import Act, Phase, Plan
from server.fleet.replay.townships import Townships
from server.fleet.timebase import VirtualTime
from server.intake.places import home_scope, month_of
from sync.changeset import KIND_INCIDENT

RESULT_CHARS = 64  # a desk's result is a code
MILESTONES = frozenset({"signed", "departed", "arrived", "cleared", "feedback"})
LOOK_EVERY_MS = 300_000
Progress = Callable[[int], None]
Look = Callable[[], Awaitable[object]]
"""Has the centre do what its timers would have it do by now."""


class Stage:
    """One replay under way."""

    def __init__(
        self,
        calls: tuple[Call, ...],
        plan: Plan,
        players: list[Player],
        desk: Desk,
        time: VirtualTime,
        *,
        source: str,
        label: Callable[[str], None],
        look: Look | None = None,
        there: Townships | None = None,
    ) -> None:
        """`source` names the imports' origin.

        `label` is told before each act of the desk what is about to happen, so that a server made
        for the replay draws the same ids again. `look`: given where the phones' clocks are wrong.
        """
        self._calls = calls
        self._plan = plan
        self._players = players
        self._desk = desk
        self._time = time
        self._source = source
        self._label = label
        self._look = look
        self._there = there
        self._looked_ms = 0
        self.incidents: dict[int, str] = {}  # call -> incident id
        self.orders: dict[tuple[int, int], bytes] = {}  # call, leg -> order id
        self.instants_ms: dict[bytes, int] = {}  # id of a device's set -> when what it tells of was

    async def play(self, progress: Progress) -> None:
        """Do everything, then let every device finish sending and reading."""
        # A running server tells devices of this month and the last; the calls may be older.
        months = {month_of(call.received_ms) for call in self._calls}
        for player in self._players:
            for month in sorted(months):
                player.device.follow_scope(f"station:{player.officer.station}:{month}")
            if player.drawn is not None:
                player.device.kick(pull=True)  # whoever opens the app greets, and learns the time
        self._time.spawn(self._acts(progress))
        await self._time.run()
        for player in self._players:
            player.device.kick(pull=True)
        await self._time.run()
        if self._there is not None:
            # What stations kept is at the centre by now, and what that made of it comes back.
            self._there.wake()
            await self._time.run()
            for player in self._players:
                player.device.kick(pull=True)
            await self._time.run()

    async def _acts(self, progress: Progress) -> None:
        for act in self._plan.acts:
            await self._time.sleep_until(act.at_ms)
            if self._look is not None and act.at_ms - self._looked_ms >= LOOK_EVERY_MS:
                self._looked_ms = act.at_ms
                await self._look()
            if act.phase is Phase.FIELD:
                self._field(act)
            else:
                self._label(f"{act.phase.name}/{self._calls[act.call].source_no}/{act.leg}")
                await self._at_the_desk(act)
            progress(1)

    async def _at_the_desk(self, act: Act) -> None:
        if act.phase is Phase.RECEIVE:
            await self._receive(act.call)
        elif act.desk is None:
            await self._issue(act)
        else:
            incident = self.incidents[act.call]
            if act.desk.kind == "close":
                fields = {"result": act.desk.text[:RESULT_CHARS]} if act.desk.text else {}
                await self._desk.move(incident, "close", **fields)
            else:
                await self._desk.move(incident, act.desk.kind, why=act.desk.text)

    async def _receive(self, number: int) -> None:
        call = self._calls[number]
        home = self._players[self._plan.home[number]].officer
        said: dict[str, Any] = {
            "source": self._source,
            "source_no": call.source_no,
            "station": home.station,
            "title": call.title,
            "place": call.place or None,
            "narrative": call.narrative or None,
            "level": call.level,
            "city_received_at": call.received_ms,
            "city_issued_at": call.ready_ms,
        }
        if call.point is not None:
            said |= {"lat": call.point[0] / 10_000_000, "lon": call.point[1] / 10_000_000}
        answer = await self._desk.post("/api/orders", said)
        self.incidents[number] = answer["id"]

    async def _issue(self, act: Act) -> None:
        assert act.leg is not None
        assert act.device is not None
        player = self._players[act.device]
        sent_ms = self._calls[act.call].legs[act.leg].dispatched_ms
        # The recorded time is said even where it is now: a running server's clock is not ours.
        is_now = player.drawn is not None and sent_ms == act.at_ms
        at = {} if is_now else {"at": sent_ms}
        target = list(player.officer.target)
        answer = await self._desk.move(self.incidents[act.call], "issue_order", to=target, **at)
        self.orders[act.call, act.leg] = bytes.fromhex(answer["order"])
        player.device.kick(pull=True)

    def _field(self, act: Act) -> None:
        assert act.leg is not None
        assert act.device is not None
        assert act.step is not None
        call = self._calls[act.call]
        leg = call.legs[act.leg]
        player = self._players[act.device]
        home = self._players[self._plan.home[act.call]].officer
        order = self.orders.get((act.call, act.leg)) if knows_order(leg, act.step) else None
        op = _op(act.step, leg.round, order)
        if player.drawn is not None:
            if act.step.at_ms == act.at_ms:
                del op["at"]
            else:
                op["at"] = player.drawn.clock.wall_ms(act.step.at_ms)
        set_id = player.device.write(
            KIND_INCIDENT,
            bytes.fromhex(self.incidents[act.call]),
            [op],
            scope=home_scope(bytes.fromhex(home.station), call.received_ms),
            priority=act.step.kind in MILESTONES,
        )
        self.instants_ms[set_id] = act.step.at_ms
        player.device.kick()


def knows_order(leg: Leg, step: Step) -> bool:
    """Whether a step came after the order it belongs to; before that it stands on its own."""
    return leg.dispatched_ms is not None and step.at_ms >= leg.dispatched_ms


def _op(step: Step, round_: int, order: bytes | None) -> dict[str, Any]:
    """The op of a step. It names its time: the HLC may run ahead of it by what was pulled (HL2)."""
    if step.kind == "note":
        return {"t": "entry.add", "kind": "note", "text": step.text, "at": step.at_ms}
    op: dict[str, Any] = {
        "t": "milestone.claim",
        "kind": step.kind,
        "round": round_,
        "via": "self",
        "at": step.at_ms,
    }
    if order is not None:
        op["order"] = order
    if step.kind == "feedback":
        op["data"] = {"final": True, "text": step.text}
    return op
