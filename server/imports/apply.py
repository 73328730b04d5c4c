"""From orders to signed sets: what is new is created, what changed is updated, what is known is left alone.

Responsible for the idempotency of imports by (source, number there) and for the ops an import means. Refuses to read
files and to judge authority. Each chunk of orders is one transaction of the intake: a set never stands without the note
that makes its import repeatable. A file is judged whole before its first chunk is written; where the server dies
between chunks, importing again completes it.

An update replaces what the source itself said before and nothing else: what a desk has stated meanwhile stays beside it
as a second statement, for a person to rule on.

Example: ``outcomes = await Importer(intake, entropy).take(orders, "city-110", person)`` twice gives ``imported``, then
``duplicate``."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, Literal

import msgspec

from server.imports.orders import Fact, Order
from server.intake.batch import Batch
from server.intake.door import Intake
from server.intake.places import home_scope
from server.store import imports
from server.store.imports import ImportedOrder
from sync import canon, ids
from sync.changeset import KIND_INCIDENT, Draft
from sync.rulings import COUNTED

CHUNK: Final = 100
"""Orders of one transaction: a phone's push waits for one chunk at most, some tens of milliseconds."""
TAG_CHARS: Final = 8

STATION: Final = "@station"
TARGET: Final = "@target"
"""Where an import notes what it said beside facts; no fact begins with @."""

Op = dict[str, Any]


class Outcome(msgspec.Struct, frozen=True):
    """What became of one order: the incident it is, and whether that is new, changed or was known."""

    source_no: str
    incident: bytes
    number: str | None
    result: Literal["imported", "updated", "duplicate"]


class RejectedImportError(Exception):
    """The centre would not have what an import wrote: the person may not, though a guard let them in."""


class Importer:
    """Takes orders in, a chunk at a time."""

    def __init__(self, intake: Intake, entropy: Callable[[int], bytes]) -> None:
        self._intake = intake
        self._entropy = entropy

    async def take(self, orders: Sequence[Order], source: str, person: bytes) -> list[Outcome]:
        """Take orders of one source in, in their order, in a person's name.

        Raises ``RejectedImportError``, and what the intake raises when it is busy or closed; chunks before that are
        written."""
        outcomes: list[Outcome] = []
        for start in range(0, len(orders), CHUNK):
            chunk = orders[start : start + CHUNK]
            job = partial(_take, orders=chunk, source=source, person=person, entropy=self._entropy)
            outcomes += await self._intake.transaction(job)
        return outcomes


def _take(
    batch: Batch,
    *,
    orders: Sequence[Order],
    source: str,
    person: bytes,
    entropy: Callable[[int], bytes],
) -> list[Outcome]:
    """One chunk, inside the transaction."""
    return [_take_one(batch, order, source, person, entropy) for order in orders]


def _take_one(
    batch: Batch, order: Order, source: str, person: bytes, entropy: Callable[[int], bytes]
) -> Outcome:
    known = imports.find(batch.connection, source, order.source_no)
    said_hash = order.content_hash()
    if known is None:
        return _create(batch, order, source, person, entropy)
    view = batch.view(known.incident)
    number = view["number"]
    if known.content_hash == said_hash:
        return Outcome(order.source_no, known.incident, number, "duplicate")
    said: dict[str, list[Any]] = canon.decode(known.facts)
    ops = update_ops(order, said, view, entropy(16))
    if ops:
        scope = _scope(view, known.incident)
        _write(batch, Draft(person, scope, KIND_INCIDENT, known.incident, ops), said, ops)
    facts = canon.encode(said | _beside(order))
    row = ImportedOrder(
        source,
        order.source_no,
        known.incident,
        b"" if _has_redacted(said) else said_hash,
        facts,
        batch.at_ms,
    )
    imports.save(batch.connection, [row])
    return Outcome(order.source_no, known.incident, number, "updated" if ops else "duplicate")


def _create(
    batch: Batch, order: Order, source: str, person: bytes, entropy: Callable[[int], bytes]
) -> Outcome:
    incident = entropy(16)
    ops = create_ops(order, entropy(16))
    scope = home_scope(order.station, order.at_ms or batch.at_ms)
    said: dict[str, list[Any]] = {}
    number = _write(batch, Draft(person, scope, KIND_INCIDENT, incident, ops), said, ops)
    facts = canon.encode(said | _beside(order))
    row = ImportedOrder(source, order.source_no, incident, order.content_hash(), facts, batch.at_ms)
    imports.save(batch.connection, [row])
    return Outcome(order.source_no, incident, number, "imported")


def _write(batch: Batch, draft: Draft, said: dict[str, list[Any]], ops: list[Op]) -> str | None:
    """Write a set and note in ``said`` which op now says which fact. Gives the number an incident earned."""
    result = batch.write(draft)
    if result.d not in COUNTED or result.id is None:
        raise RejectedImportError(result.why or str(result.d))
    for index, op in enumerate(ops):
        if op["t"] == "fact.set":
            said[op["f"]] = [ids.op_id(result.id, index), op["v"]]
    return result.no


def _has_redacted(said: dict[str, list[Any]]) -> bool:
    return any(value is imports.REDACTED for f, (_op, value) in said.items() if f != TARGET)


def _plain(value: Fact) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _beside(order: Order) -> dict[str, list[Any]]:
    return {
        STATION: [b"", order.station],
        TARGET: [b"", list(order.target) if order.target else None],
    }


def _scope(view: dict[str, Any], incident: bytes) -> str:
    created = view["created"]
    return (
        home_scope(created["station"], created["at"]) if created else f"incident:{incident.hex()}"
    )


def _issue(order: Order, order_id: bytes, round_: int) -> Op:
    assert order.target is not None
    op: Op = {
        "t": "order.issue",
        "order": order_id,
        "to": list(order.target),
        "kind": order.order_kind,
        "round": round_,
    }
    return op | ({"at": order.issued_at_ms} if order.issued_at_ms is not None else {})


def create_ops(order: Order, order_id: bytes) -> list[Op]:
    """The set of a new order: the incident, its facts, and the order to whom the source named."""
    create: Op = {
        "t": "incident.create",
        "source": "import",
        "station": order.station,
        "tag": order.source_no[-TAG_CHARS:],
    }
    if order.exercise:
        create["exercise"] = True
    if order.at_ms is not None:
        create["at"] = order.at_ms
    ops = [create]
    ops += [{"t": "fact.set", "f": f, "v": _plain(v), "p": []} for f, v in order.facts.items()]
    if order.target is not None:
        ops.append(_issue(order, order_id, 0))
    return ops


def update_ops(
    order: Order, said: dict[str, list[Any]], view: dict[str, Any], order_id: bytes
) -> list[Op]:
    """What changed since the source last spoke, as ops. ``said``: field -> [op id, value] of that time.

    A field that already stands everywhere as the source now says needs no op. A value a desk stated meanwhile is not
    replaced, and a value that was redacted does not come back."""
    ops: list[Op] = []
    for field, fact in order.facts.items():
        value = _plain(fact)
        before = said.get(field)
        if before is not None and before[1] in (value, imports.REDACTED):
            continue
        live = view["fields"].get(field, [])
        if live and all(one["v"] == value for one in live):
            said[field] = [live[0]["op"], value]
            continue
        preds = [
            one["op"] for one in live if one["v"] == value or (before and one["op"] == before[0])
        ]
        ops.append({"t": "fact.set", "f": field, "v": value, "p": preds})
    if said.get(STATION) != [b"", order.station] and view["station"] != order.station:
        ops.append({"t": "incident.transfer", "station": order.station, "why": "来源更正管辖单位"})
    if order.target is not None and said.get(TARGET) != [b"", list(order.target)]:
        ops.append(_issue(order, order_id, view["round"]))
    return ops
