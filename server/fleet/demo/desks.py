"""The simulated people at the centre: one who dispatches and closes, one who reviews feedback, one who calls back.

Responsible for keeping the banner busy and for clearing away what the simulation began. Refuses to touch
an incident without the simulation's mark in its tag, and leaves some reviews and callbacks for a human.

They look at the same lists as anybody and decide from what they see; they keep nothing of their own that a
restart could lose.

Example: an incident of theirs that was fed back is closed within a minute or so.
"""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from server.fleet.demo.crew import MARK
from server.fleet.desk import Desk
from server.fleet.timebase import Timebase
from server.fleet.world import (
    CALLERS,
    HUMAN_OFFICER,
    HUMAN_UNIT,
    TOWNS,
    TROUBLES,
    Officer,
    id_of,
    plate_of,
    vehicles_of,
)

ORDER_AFTER_MS = (8_000, 40_000)
NUDGE_AFTER_MS = 75_000
PROXY_AFTER_MS = 170_000
CLOSE_AFTER_MS = 45_000
RETIRE_AFTER_MS = 50 * 60_000
CALL_BACK_AFTER_MS = 12 * 60_000
CALLS_LEFT = 5  # for a human
REVIEWS_LEFT = 4  # for a human
ANSWER_DELAY_AFTER_MS = 120_000
EVERY_UNHAPPY = 3  # one of so many callers is not satisfied
HUMAN_EVERY_MS = 6 * 60_000
HUMAN_SEEN_MS = 10 * 60_000
SHANGHAI = timedelta(hours=8)

Hint = Callable[[tuple[str, bytes]], None]


class Dispatcher:
    """Takes orders of the city in, sends units, nudges, closes."""

    def __init__(
        self, desk: Desk, officers: list[Officer], time: Timebase, chance: random.Random, hint: Hint
    ) -> None:
        """`hint` is told whom an order went to."""
        self._desk = desk
        self._officers = officers
        self._time = time
        self._chance = chance
        self._hint = hint
        self._human_ordered_ms = 0
        self._nudged: dict[str, int] = {}  # incident -> nudges so far, of open ones only
        self.open = 0

    async def city_calls(self) -> None:
        """One order of the city's 110 desk."""
        town = self._chance.choice(TOWNS)
        await self._take_in(town.station, None)

    async def _take_in(self, station: str, unit: str | None) -> None:
        town = next(one for one in TOWNS if one.station == station)
        trouble = self._chance.choice(TROUBLES)
        place = self._chance.randrange(len(town.places))
        now_ms = self._time.now_ms()
        there = datetime.fromtimestamp(now_ms / 1000, UTC) + SHANGHAI
        # The first two places lie in the town, the others out on the pastures: the tier follows from there.
        near, far = (0, 200_000) if place < 2 else (400_000, 900_000)
        latitude, longitude = (
            at + self._chance.choice((-1, 1)) * self._chance.randint(near, far) for at in town.point
        )
        caller = self._chance.choice(CALLERS)
        phone = f"138{self._chance.randrange(10**8):08d}"
        said: dict[str, Any] = {
            "source": "city-110",
            "source_no": f"150623{there:%Y%m%d}{MARK}{there:%H%M%S}",
            "station": station,
            "title": trouble.title,
            "category": trouble.category,
            "place": town.places[place],
            "lat": latitude / 1e7,
            "lon": longitude / 1e7,
            "caller_name": caller,
            "caller_phone": phone,
            "narrative": trouble.narrative,
            "level": trouble.level,
            "city_received_at": now_ms - self._chance.randint(40_000, 150_000),
            "city_issued_at": now_ms - self._chance.randint(2_000, 20_000),
        }
        if unit is not None:
            said["unit"] = unit
        await self._desk.post("/api/orders", said)
        self.open += 1

    async def drill(self) -> None:
        """An exercise, ended at once: called back or not, it is in no figure."""
        town = TOWNS[0]
        said = {
            "title": "演练：校园周边警情处置",
            "category": "help",
            "place": town.places[0],
            "station": id_of("stations", town.station).hex(),
            "caller_name": "演练台",
            "caller_phone": "13800000000",
            "exercise": True,
        }
        made = await self._desk.post("/api/incidents", said)
        await self._desk.move(made["id"], "close", result="other")

    async def look(self) -> None:
        """Look over everything open once, and do what is due."""
        shown = await self._desk.get("/api/incidents?status=open&limit=200")
        mine = [one for one in shown["incidents"] if MARK in one["tag"]]
        self.open = len(mine)
        self._nudged = {
            one["id"]: self._nudged[one["id"]] for one in mine if one["id"] in self._nudged
        }
        for one in mine:
            await self._attend(one)
        await self._answer_delays()

    async def _attend(self, one: dict[str, Any]) -> None:
        age_ms = self._time.now_ms() - (one["created_at"] or one["updated_at"])
        if age_ms > RETIRE_AFTER_MS:
            await self._desk.move(one["id"], "close", result="other")
        elif one["status"] == "reported" and one["source"] == "import":
            if one["orders"] == 0 and age_ms > self._chance.uniform(*ORDER_AFTER_MS):
                await self._send(one)
        elif one["status"] in ("assigned", "delivered"):
            if age_ms > NUDGE_AFTER_MS:
                await self._urge(one)
        elif one["status"] == "cleared":
            await self._conclude(one)

    async def _answer_delays(self) -> None:
        """Say something to whoever wrote why they are held up, after a while."""
        for one in (await self._desk.get("/api/reviews"))["delays"]:
            if MARK not in one["tag"]:
                continue
            view = (await self._desk.get(f"/api/incidents/{one['incident']}"))["view"]
            for entry in view["entries"]:
                waits = entry["kind"] == "delay_reason" and entry["answer"] is None
                if waits and self._time.now_ms() - entry["at"] > ANSWER_DELAY_AFTER_MS:
                    reply = self._chance.choice(("accepted", "told_caller"))
                    await self._desk.move(
                        one["incident"], "answer_delay", entry=entry["op"], reply=reply
                    )

    async def _send(self, one: dict[str, Any]) -> None:
        near = [
            officer
            for officer in self._officers
            if id_of("stations", officer.station).hex() == one["station"]
            and officer.role == "officer"
        ]
        officer = self._chance.choice(near)
        target = ("unit", id_of("units", officer.unit))
        dice = self._chance.random()
        if dice < 0.2:
            target = ("person", officer.id)
        elif dice < 0.3:
            town = [town.station for town in TOWNS].index(officer.station)
            target = ("vehicle", id_of("vehicles", plate_of(town)))
        await self._desk.move(one["id"], "issue_order", to=[target[0], target[1].hex()])
        self._hint(target)

    async def _urge(self, one: dict[str, Any]) -> None:
        """Nudge an order nobody signed; then, by radio, sign it for whoever answers."""
        view = (await self._desk.get(f"/api/incidents/{one['id']}"))["view"]
        waiting = [
            order
            for order in view["orders"]
            if order["open"] and not order["milestones"].get("signed")
        ]
        if not waiting:
            return
        order = waiting[-1]
        if order["to"][1] == id_of("units", HUMAN_UNIT).hex():
            return
        since_ms = self._time.now_ms() - order["issued_at"]
        times = self._nudged.get(one["id"], 0)
        if since_ms > PROXY_AFTER_MS and times < 2:
            self._nudged[one["id"]] = 2
            await self._desk.move(
                one["id"],
                "proxy",
                kind="signed",
                order=order["id"],
                via="radio",
                said_by=self._answering(order).hex(),
            )
        elif since_ms > NUDGE_AFTER_MS and times == 0:
            self._nudged[one["id"]] = 1
            await self._desk.move(
                one["id"], "nudge", order=order["id"], channel="radio", text="请签收"
            )

    def _answering(self, order: dict[str, Any]) -> bytes:
        """Who answers the radio for an order: its person, or the first of the unit's turn."""
        kind, target = order["to"][0], bytes.fromhex(order["to"][1])
        if kind == "person":
            return target
        unit = next(
            (
                officer.unit
                for officer in self._officers
                if target in (id_of("units", officer.unit), *vehicles_of(officer.unit))
            ),
            None,
        )
        members = [officer for officer in self._officers if officer.unit == unit]
        return members[-bytes.fromhex(order["id"])[0] % len(members)].id if members else target

    async def _conclude(self, one: dict[str, Any]) -> None:
        view = (await self._desk.get(f"/api/incidents/{one['id']}"))["view"]
        final = [said for said in view["feedback"] if said["final"]]
        if final and self._time.now_ms() - final[-1]["at"] > CLOSE_AFTER_MS:
            await self._desk.move(one["id"], "close", result=final[-1]["result"] or "other")
            self.open -= 1

    async def look_after_human(self) -> None:
        """Give the human officer, once a device of theirs is there, an order now and then."""
        now_ms = self._time.now_ms()
        if now_ms - self._human_ordered_ms < HUMAN_EVERY_MS:
            return
        person = id_of("people", HUMAN_OFFICER).hex()
        for device in await self._desk.get("/api/devices"):
            seen_ms = device["last_contact_ms"] or device["enrolled_at"]
            if device["person"] != person or device["revoked_at"] is not None:
                continue
            if now_ms - seen_ms < HUMAN_SEEN_MS:
                self._human_ordered_ms = now_ms
                await self._take_in(TOWNS[0].station, HUMAN_UNIT)
                return


class Reviewer:
    """Reviews feedback, and leaves the newest for a human."""

    def __init__(self, desk: Desk, time: Timebase, chance: random.Random) -> None:
        """Work at `desk`."""
        self._desk = desk
        self._time = time
        self._chance = chance

    async def review_one(self) -> None:
        """Review what has waited longest, if enough is left: return what lacks its result, pass the rest."""
        waiting = [
            one for one in (await self._desk.get("/api/reviews"))["waiting"] if MARK in one["tag"]
        ]
        if len(waiting) <= REVIEWS_LEFT:
            return
        incident = waiting[0]["incident"]
        view = (await self._desk.get(f"/api/incidents/{incident}"))["view"]
        given = next(
            (one for one in view["feedback"] if one["current"] and one["review"] is None), None
        )
        if given is None:
            return
        if given["result"] is None:
            said: dict[str, Any] = {"verdict": "return", "faults": ["result_missing"]}
            await self._desk.move(
                incident, "review_feedback", claim=given["op"], text="写明怎么处理的", **said
            )
        else:
            score = self._chance.randint(78, 98)
            await self._desk.move(
                incident, "review_feedback", claim=given["op"], verdict="pass", score=score
            )


class Caller:
    """Calls back, and leaves the newest calls for a human."""

    def __init__(self, desk: Desk, time: Timebase, chance: random.Random) -> None:
        """Work at `desk`."""
        self._desk = desk
        self._time = time
        self._chance = chance
        self._reached = 0

    async def call_one(self) -> None:
        """Call the one that has waited longest, if enough are left."""
        listed = (await self._desk.get("/api/callback/today"))["list"]
        now_ms = self._time.now_ms()
        waiting = [
            one
            for one in listed
            if one["state"] in ("due", "trying")
            and now_ms - one["since"] > CALL_BACK_AFTER_MS
            and (one["again_at"] is None or one["again_at"] <= now_ms)
            and MARK in one["tag"]
        ]
        if len(waiting) <= CALLS_LEFT:
            return
        one = min(waiting, key=lambda row: (row["attempts"] == 0, row["since"]))
        if int(one["incident"][:2], 16) % 4 == 0:  # nobody is ever at home there
            await self._desk.move(one["incident"], "callback", outcome="no_answer")
            return
        self._reached += 1
        said: dict[str, Any] = {"outcome": "reached", "minutes": self._chance.randint(4, 25)}
        if self._reached % EVERY_UNHAPPY == 1:
            order = {"station": one["station"], "text": "上门说明出警经过，答复报警人。"}
            said |= {"score": 3, "reason": "slow", "text": "等了太久", "order": order}
        else:
            said["score"] = self._chance.choices((1, 2), (75, 25))[0]
        await self._desk.move(one["incident"], "callback", **said)
