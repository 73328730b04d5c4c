"""What no app of ours would send today, and the centre must bear: newer apps, broken ones, strangers, forgers.

Responsible for sets that are odd in one way each, most of them sent by the visitor. Refuses to judge what the centre
says to them.

Example: `await odd.one(world)` sends one odd thing and remembers in the oracle what must come of it.
"""

from typing import Any

import msgspec

from server import keys
from server.intake.queue import IntakeBusyError, IntakeClosedError
from sync import canon, changeset, ids
from sync.changeset import ChangeSet, Writer
from sync.clock import Stamp
from tests.sim.scene import Scene
from tests.sim.visitor import Visitor
from tests.sim.wire import LostError, Request

NEWER_OPS: list[dict[str, Any]] = [
    {"t": "drone.launch", "height": 30, "\uff5e": 1, "\U0001f600": 2}
]
BAD_OPS: list[dict[str, Any]] = [{"t": "entry.add", "kind": "song", "text": "la"}]
HEADER_V, HEADER_HLC = 0, 4


def _made(world: Scene, alg: str) -> Visitor:
    key = keys.SigningKey(alg, world.chance.randbytes(32))
    return Visitor(world.clock.true_ms, world.chance, world.oracle, key, world.chance.randbytes(16))


async def welcome(world: Scene) -> Visitor:
    """Enrol the visitor."""
    visitor = _made(world, keys.ES256)
    asked = visitor.asking(await world.centre.code(visitor.person.id))
    reply = await world.centre.handle(Request("/api/enrol", "", msgspec.json.encode(asked)))
    visitor.token = "Bearer " + msgspec.json.decode(reply.body)["token"]
    await world.push(visitor.token, [visitor.opening()])
    return visitor


async def one(world: Scene) -> None:
    """Send one odd thing."""
    visitor, chance = world.visitor, world.chance
    if visitor is None or not world.acts.incidents:
        return
    known = chance.choice(world.acts.incidents)
    kind = chance.choice(
        [
            "newer op",
            "bad op",
            "newer version",
            "stranger",
            "garbage",
            "forged",
            "far ahead",
            "signed again",
        ]
    )
    world.trace.note("visitor", kind)
    world.oracle.tally["odd"] += 1
    ops = NEWER_OPS if kind == "newer op" else BAD_OPS if kind == "bad op" else _note(kind)
    if kind == "garbage":
        raws = [msgspec.msgpack.encode([chance.randbytes(chance.randrange(99)), b"", None])]
    elif kind == "stranger":
        raws = [_by_a_stranger(world, known.id, known.scope)]
    elif kind == "newer version":
        raws = [_altered(visitor, visitor.made(known.id, ops, known.scope), HEADER_V, 2)]
    elif kind == "far ahead":
        raw = visitor.made(known.id, ops, known.scope)
        stamp = Stamp(world.clock.true_ms() + 400 * 86_400_000, 0).pack()
        raws = [_altered(visitor, raw, HEADER_HLC, stamp)]
    elif kind == "forged":
        raws = [_forged(world)]
    else:
        raw = visitor.made(known.id, ops, known.scope)
        raws = [raw, visitor.signed_again(raw)]
    try:
        await world.push(visitor.token, raws)
        if kind == "signed again":
            await world.push(visitor.token, [visitor.signed_again(raws[0])])
    except (LostError, IntakeBusyError, IntakeClosedError):
        return


def _note(text: str) -> list[dict[str, Any]]:
    return [{"t": "entry.add", "kind": "note", "text": text}]


def _altered(visitor: Visitor, raw: bytes, at: int, value: Any) -> bytes:
    """The set with another header item, signed for that; the chain goes on from it."""
    header_bytes, _signature, body = canon.decode(raw)
    header = canon.decode(header_bytes)
    header[at] = value
    header_bytes = canon.encode(header)
    set_id = ids.set_id(header_bytes)
    visitor.writer = msgspec.structs.replace(visitor.writer, prev=set_id)
    return canon.encode([header_bytes, visitor.key.sign(changeset.signing_bytes(set_id)), body])


def _by_a_stranger(world: Scene, entity: bytes, scope: str) -> bytes:
    """A well-made set of a chain nobody has enrolled and whose first set never comes."""
    stranger = _made(world, keys.ED25519)
    stranger.writer = Writer(stranger.writer.chain, 3, ids.SetId(world.chance.randbytes(32)))
    return stranger.made(entity, _note("stranger"), scope)


def _forged(world: Scene) -> bytes:
    """Somebody's set with other words in it, under the old signature."""
    known = sorted(world.oracle.acked)
    raw = world.oracle.acked[world.chance.choice(known)] if known else b"\xc0"
    read = changeset.read(raw)
    if not isinstance(read, ChangeSet) or read.body is None:
        return b"\xc0"
    header, signature, body = canon.decode(raw)
    parts, said = canon.decode(header), canon.decode(body)
    said[3] = _note("forged")
    said_bytes = canon.encode(said)
    parts[14] = ids.body_hash(said_bytes)
    header = canon.encode(parts)
    world.oracle.forged.add(ids.set_id(header))
    return canon.encode([header, signature, said_bytes])
