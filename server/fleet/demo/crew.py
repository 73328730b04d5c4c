"""A simulated officer: hears an order, signs it, drives, arrives, writes, clears, feeds back.

Responsible for plausible behaviour in a time that is handed in, so that the same officer lives in the
world and in the virtual hours before it. Refuses to know the server: everything goes through the device.

In a unit of several, the one whose turn it is (by the order's id) acts; the next steps in when nobody has
signed after a while, which is what happens when the first has no network.

Example: an order to 昂素巡逻一组 is delivered to four phones and signed by one of them some ten seconds later.
"""

import random
from typing import Any

import msgspec

from server.fleet.chain import Entropy
from server.fleet.demo.cases import Case, Cases, Target
from server.fleet.device import Device
from server.fleet.timebase import Timebase
from server.fleet.world import SELF_TROUBLES, TROUBLES, Officer, Trouble, id_of
from server.intake.places import home_scope
from sync.changeset import KIND_INCIDENT

MARK = "模"  # in the tag of every simulated incident
FRESH_MS = 30 * 60_000  # an order older than this when it is first seen is left to people
STEP_IN_S = 22  # each colleague waits this much longer for the one before
LATE_SHARE = 0.12
DELAY_SHARE = 0.1  # is held up on the way, and says why
DELAYS = ("道路翻浆，绕行", "涉水，改走便道", "前方羊群占道", "沙埋路段，慢行")
FORGETFUL_SHARE = 0.15  # leaves the result out of the feedback
OTHER_PLACE_SHARE = 0.1  # finds another place than the desk wrote, before reading that
OTHER_PLACES = ("围栏东头，过了桥", "三社，不在二社", "北边冬营盘")
_BY_TITLE = {trouble.title: trouble for trouble in TROUBLES + SELF_TROUBLES}


class Pace(msgspec.Struct, frozen=True):
    """Shortest and longest of what takes time, in seconds."""

    delivered: tuple[float, float] = (0.3, 2.0)
    signed: tuple[float, float] = (4, 26)
    signed_late: tuple[float, float] = (35, 140)
    departed: tuple[float, float] = (15, 80)
    arrived: tuple[float, float] = (70, 480)
    noted: tuple[float, float] = (40, 200)
    cleared: tuple[float, float] = (60, 420)
    feedback: tuple[float, float] = (15, 120)


class Crew:
    """One officer with their device."""

    def __init__(
        self,
        officer: Officer,
        turn: tuple[int, int],
        targets: frozenset[Target],
        *,
        time: Timebase,
        chance: random.Random,
        entropy: Entropy,
    ) -> None:
        """`turn` is the officer's place among the members of the unit and how many they are."""
        self.officer = officer
        self.cases = Cases(targets, self._hear, self._hear_return)
        self._targets = targets
        self.device: Device | None = None
        self._turn = turn
        self._time = time
        self._chance = chance
        self._entropy = entropy
        self._pace = Pace()
        self._busy = False

    def _hear(self, case: Case) -> None:
        if self._time.now_ms() - case.issued_ms < FRESH_MS:
            self._time.spawn(self._respond(case))

    def _hear_return(self, case: Case, at_ms: int) -> None:
        mine = case.done.get("feedback") == self.officer.id
        if mine and self._time.now_ms() - at_ms < FRESH_MS:
            self._time.spawn(self._correct(case))

    async def _correct(self, case: Case) -> None:
        """Feed back again, with what was missing."""
        await self._pass(self._pace.feedback)
        trouble = _BY_TITLE.get(case.title, TROUBLES[5])
        self._feed_back(case.incident, case.round, case.order, trouble, trouble.result)

    async def _pass(self, length_s: tuple[float, float]) -> None:
        wait_ms = round(self._chance.uniform(*length_s) * 1000)
        await self._time.sleep_until(self._time.now_ms() + wait_ms)

    def concerns(self, target: Target) -> bool:
        """Whether an order to this target is for this officer."""
        return target in self._targets

    def rank(self, order: bytes) -> int:
        """How many colleagues are asked before this officer."""
        place, members = self._turn
        return (place + order[0]) % members

    async def _respond(self, case: Case) -> None:
        await self._pass(self._pace.delivered)
        if case.over or "delivered" in case.done:
            pass
        elif self.rank(case.order) == 0 or case.to[0] != "unit":
            self._claim(case, "delivered", via="system")
        rank = self.rank(case.order) if case.to[0] != "person" else 0
        late = self._chance.random() < LATE_SHARE
        await self._pass(self._pace.signed_late if late else self._pace.signed)
        wait_s = STEP_IN_S * (rank + (2 if self._busy else 0))
        await self._pass((wait_s, wait_s))
        if case.over or case.done.get("signed", self.officer.id) != self.officer.id:
            return
        self._busy = True
        try:
            if "signed" not in case.done:
                if "delivered" not in case.done:
                    self._claim(case, "delivered", via="system")
                self._claim(case, "signed")
            await self._work(case)
        finally:
            self._busy = False

    async def _work(self, case: Case) -> None:
        trouble = _BY_TITLE.get(case.title, TROUBLES[5])
        for kind in ("departed", "arrived"):
            await self._pass(getattr(self._pace, kind))
            if kind == "arrived" and not case.over and self._chance.random() < DELAY_SHARE:
                said = {"t": "entry.add", "kind": "delay_reason", "data": {"order": case.order}}
                self._write(case.incident, [said | {"text": self._chance.choice(DELAYS)}])
            if case.over:
                return
            if kind not in case.done:
                self._claim(case, kind)
        await self._pass(self._pace.noted)
        self._note(case.incident, trouble)
        if self._chance.random() < OTHER_PLACE_SHARE:
            place = self._chance.choice(OTHER_PLACES)
            self._write(case.incident, [{"t": "fact.set", "f": "place", "v": place, "p": []}])
        await self._pass(self._pace.cleared)
        if case.over:
            return
        self._claim(case, "cleared")
        await self._pass(self._pace.feedback)
        forgets = self._chance.random() < FORGETFUL_SHARE
        result = None if forgets else trouble.result
        self._feed_back(case.incident, case.round, case.order, trouble, result)

    async def report(self) -> None:
        """Find something on patrol: an incident made in the field, with or without a network."""
        trouble = self._chance.choice(SELF_TROUBLES)
        incident = self._entropy(16)
        create: dict[str, Any] = {
            "t": "incident.create",
            "source": "self",
            "station": id_of("stations", self.officer.station),
            "tag": f"{MARK}自-{incident.hex()[:4]}",
        }
        latitude, longitude, _accuracy = self._position()
        facts = {
            "title": trouble.title,
            "category": trouble.category,
            "place": f"{self.officer.station.removesuffix('派出所')}巡逻路段",
            "point": [latitude, longitude],
        }
        ops = [create, *({"t": "fact.set", "f": f, "v": v, "p": []} for f, v in facts.items())]
        self._write(incident, ops, priority=True)
        arrived = {"t": "milestone.claim", "kind": "arrived", "round": 0, "via": "self"}
        self._write(incident, [arrived | {"pos": self._position()}], priority=True)
        await self._pass(self._pace.noted)
        self._note(incident, trouble)
        await self._pass(self._pace.cleared)
        cleared = {"t": "milestone.claim", "kind": "cleared", "round": 0, "via": "self"}
        self._write(incident, [cleared], priority=True)
        await self._pass(self._pace.feedback)
        self._feed_back(incident, 0, None, trouble, trouble.result)

    def _claim(self, case: Case, kind: str, via: str = "self") -> None:
        op: dict[str, Any] = {
            "t": "milestone.claim",
            "kind": kind,
            "round": case.round,
            "order": case.order,
            "via": via,
        }
        if kind in ("departed", "arrived"):
            op["pos"] = self._position()
        case.done[kind] = self.officer.id
        self._write(case.incident, [op], priority=True)

    def _note(self, incident: bytes, trouble: Trouble) -> None:
        self._write(incident, [{"t": "entry.add", "kind": "note", "text": trouble.note}])

    def _feed_back(
        self,
        incident: bytes,
        round_: int,
        order: bytes | None,
        trouble: Trouble,
        result: str | None,
    ) -> None:
        """Final feedback; `result` None is what a reviewer returns."""
        said = {"final": True, "text": trouble.note} | ({"result": result} if result else {})
        op = {"t": "milestone.claim", "kind": "feedback", "round": round_, "via": "self"}
        self._write(incident, [op | {"data": said} | ({} if order is None else {"order": order})])

    def _position(self) -> list[int]:
        """Somewhere within some twelve kilometres of home, with the accuracy a phone claims."""
        latitude, longitude = self.officer.home
        near = self._chance.randint
        return [
            latitude + near(-800_000, 800_000),
            longitude + near(-1_000_000, 1_000_000),
            near(4, 40),
        ]

    def _write(self, incident: bytes, ops: list[dict[str, Any]], *, priority: bool = False) -> None:
        assert self.device is not None
        station = id_of("stations", self.officer.station)
        scope = home_scope(station, self._time.now_ms())
        self.device.write(KIND_INCIDENT, incident, ops, scope=scope, priority=priority)
        self.device.kick()
