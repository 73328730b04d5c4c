"""What people say: incidents, orders, claims, facts and notes, drawn from chance and from what was said before.

Responsible for acts that are well formed, likely to meet each other, and sometimes beyond their author's
rights. Refuses to write or send them. Texts are those that break programs: joined emoji, compatibility ideographs that
NFC would change, variation selectors, a zero character, keys that sort differently in UTF-16.

Example: `Acts(chance).drawn(person)` gives an `Act` and remembers what it may refer to later.
"""

import random
from typing import Any

import msgspec

from server.intake.places import home_scope
from sync import ids
from sync.ids import SetId
from tests.sim.people import OFFICERS, STATIONS, UNITS, Person
from tests.sim.phone import Act

TEXTS = (
    "到了",
    "\u585a \ufa10",  # one ideograph and its compatibility twin: NFC makes them one
    "\u1820\u180b \u1828\u180e",  # Mongolian with variation selectors
    "e\u0301 \u00e9",
    "👩🏽‍🚒 fire",
    "a\x00b",
    "",
)
ODD_KEYS: dict[str, Any] = {"\uff5e": 1, "\U0001f600": 2}  # UTF-16 sorts these the other way round
FACTS: dict[str, tuple[Any, ...]] = {
    "place": ("昂素镇", "城川镇", "大沟湾村口"),
    "category": ("dispute", "traffic"),
    "casualties": (0, 1, 2),
    "point": ([382_700_000, 1_078_700_000], [382_700_001, 1_078_700_000]),
}
ROAD = ("signed", "departed", "arrived", "cleared")


class Known(msgspec.Struct):
    """What the world has said about one incident so far; op ids by what they are."""

    id: bytes
    station: bytes
    scope: str
    orders: list[bytes]
    said: dict[str, list[tuple[bytes, bytes]]]  # kind to (op id, author)
    rounds: int = 0


class Acts:
    """Draws acts."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.incidents: list[Known] = []

    def drawn(self, person: Person, now_ms: int, *, desk: bool = False) -> Act:
        """What this person does now."""
        chance = self._chance
        if not self.incidents or (len(self.incidents) < 4 and chance.random() < 0.25):
            return self._created(person, now_ms, desk=desk)
        known = chance.choice(self.incidents[-4:])
        ops = self._commands(known, person) if desk else self._observations(known, person)
        if chance.random() < 0.25:
            ops[0]["at"] = now_ms - chance.choice([0, 5_000, 400_000])
        if chance.random() < 0.15:
            ops[0].update(ODD_KEYS)
        return Act(known.id, known.scope, ops, lane=int(chance.random() < 0.5))

    def moved(self) -> Act | None:
        """Every order on an incident is called off, and it goes to another station."""
        if not self.incidents:
            return None
        known = self._chance.choice(self.incidents[-4:])
        off = [{"t": "order.withdraw", "order": one, "why": "no"} for one in known.orders[-19:]]
        return Act(known.id, known.scope, [*off, self._transfer(known)])

    def by_radio(self) -> Act | None:
        """Somebody at a desk enters what an officer said."""
        if not self.incidents:
            return None
        known = self._chance.choice(self.incidents[-4:])
        claim = self._claim(known) | {"via": "radio", "by": self._chance.choice(OFFICERS).id}
        return Act(known.id, known.scope, [claim], lane=1)

    def _transfer(self, known: Known) -> dict[str, Any]:
        there = self._chance.choice([one for one in STATIONS if one != known.station])
        return {"t": "incident.transfer", "station": there, "why": "nearer"}

    def learn(self, act: Act, set_id: bytes, author: bytes) -> None:
        """An act has become a set: what it said can be referred to."""
        known = next((one for one in self.incidents if one.id == act.entity), None)
        if known is None:
            return
        for index, op in enumerate(act.ops):
            kind = op["t"] + "/" + str(op.get("f", ""))
            known.said.setdefault(kind, []).append((ids.op_id(SetId(set_id), index), author))
            if "order" in op and op["t"] == "order.issue":
                known.orders.append(op["order"])
            if op["t"] == "incident.transfer":
                known.station = op["station"]
            if op["t"] == "incident.reopen":
                known.rounds = max(known.rounds, op["round"])

    def _created(self, person: Person, now_ms: int, *, desk: bool) -> Act:
        chance = self._chance
        station = person.station or chance.choice(STATIONS)
        scope = home_scope(station, now_ms)
        known = Known(chance.randbytes(16), station, scope, [], {})
        self.incidents.append(known)
        source = "desk" if desk else "self"
        ops: list[dict[str, Any]] = [
            {"t": "incident.create", "source": source, "station": station, "tag": "T"},
            {"t": "fact.set", "f": "place", "v": chance.choice(FACTS["place"]), "p": []},
        ]
        if desk or chance.random() < 0.4:
            ops.append(self._order(known, person, to_self=not desk))
        return Act(known.id, scope, ops, lane=1)

    def _order(self, known: Known, person: Person, *, to_self: bool) -> dict[str, Any]:
        chance = self._chance
        to = ["person", person.id] if to_self else self._receiver()
        return {
            "t": "order.issue",
            "order": chance.randbytes(16),
            "to": to,
            "kind": "dispatch",
            "round": known.rounds,
        }

    def _receiver(self) -> list[Any]:
        chance = self._chance
        if chance.random() < 0.3:
            return ["unit", chance.choice(UNITS)]
        return ["person", chance.choice(OFFICERS).id]

    def _some(self, known: Known, kind: str, author: bytes | None = None) -> list[bytes]:
        """A few ops of a kind that were said before; now and then one that nobody ever said."""
        said = [op for op, by in known.said.get(kind, ()) if author in (None, by)]
        chance = self._chance
        if chance.random() < 0.03:
            said.append(chance.randbytes(16) + b"\x00")
        return said[-chance.choice([1, 1, 2, 3]) :]

    def _observations(self, known: Known, person: Person) -> list[dict[str, Any]]:
        chance = self._chance
        kind = chance.choices(
            [
                "note",
                "fact",
                "claim",
                "tag",
                "untag",
                "colour",
                "withdraw",
                "correct",
                "return",
                "command",
            ],
            [5, 5, 7, 2, 1, 2, 1, 1, 1, 1],
        )[0]
        text = chance.choice(TEXTS)
        if kind == "fact":
            field = chance.choice(list(FACTS))
            preds = self._some(known, f"fact.set/{field}") if chance.random() < 0.7 else []
            return [{"t": "fact.set", "f": field, "v": chance.choice(FACTS[field]), "p": preds}]
        if kind == "claim":
            return [self._claim(known)]
        if kind == "tag":
            return [{"t": "set.add", "f": "tags", "v": chance.choice("abc")}]
        if kind == "untag" and (preds := self._some(known, "set.add/tags")):
            return [{"t": "set.remove", "f": "tags", "p": preds}]
        if kind == "colour":
            return [{"t": "latest.set", "f": "colour", "v": chance.choice(["red", "blue"])}]
        if kind == "withdraw" and (claims := self._some(known, "milestone.claim/", person.id)):
            return [{"t": "milestone.withdraw", "claim": claims[-1], "why": text}]
        if kind == "correct" and (entries := self._some(known, "entry.add/")):
            return [{"t": "entry.correct", "entry": entries[-1], "text": text}]
        if kind == "return" and known.orders:
            return [{"t": "order.return_request", "order": known.orders[-1], "why": text}]
        if kind == "command":
            return self._commands(known, person)
        return [{"t": "entry.add", "kind": "note", "text": text}]

    def _claim(self, known: Known) -> dict[str, Any]:
        chance = self._chance
        claim: dict[str, Any] = {
            "t": "milestone.claim",
            "kind": chance.choice(ROAD),
            "round": known.rounds,
            "via": "self",
        }
        if known.orders and chance.random() < 0.8:
            claim["order"] = chance.choice(known.orders)
        return claim

    def _commands(self, known: Known, person: Person) -> list[dict[str, Any]]:
        chance = self._chance
        kind = chance.choices(
            ["order", "level", "close", "reopen", "transfer", "take back", "note"],
            [4, 3, 1, 1, 1, 1, 2],
        )[0]
        if kind == "order":
            return [self._order(known, person, to_self=False)]
        if kind == "level":
            preds = self._some(known, "fact.set/level")
            return [{"t": "fact.set", "f": "level", "v": chance.randint(1, 4), "p": preds}]
        if kind == "close":
            return [{"t": "incident.close", "round": known.rounds}]
        if kind == "reopen":
            return [{"t": "incident.reopen", "round": known.rounds + 1, "why": "again"}]
        if kind == "transfer":
            return [self._transfer(known)]
        if kind == "take back" and known.orders:
            return [{"t": "order.withdraw", "order": known.orders[-1], "why": "no"}]
        return [{"t": "entry.add", "kind": "note", "text": chance.choice(TEXTS)}]
