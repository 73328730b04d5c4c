"""The answer to a bundle: rulings with the proof that they are in the log, for who reaches nobody (BU6).

Responsible for having the log signed as far as the rulings go, for how many of them one file may hold, and for the
bytes of a file, piece by piece; at a station, which can prove no ruling, for its own word on what it keeps. Refuses to
put in what a set says: whoever asked has the words, and a file that is carried about need not hold them.

Example: `for part in parts_of(ruled): await write_answer(by, part, asked, file.write)`, each into a file of its own.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from itertools import islice

import msgspec
from sqlalchemy import Connection

from server import __version__, keys
from server.courier.carried import Carried
from server.courier.indices import Indices
from server.intake.desk import Desk
from server.intake.door import Intake
from server.intake.vouch import words_on
from server.now import Clock
from server.proof import given
from server.proof.keeper import Keeper
from server.proof.signer import RefusedError
from server.proof.tree import StoredTree
from server.seal import sealed_to
from server.store import sets, spool
from server.store.engine import Database
from server.store.proofs import Signed
from sync import bundle, merkle
from sync.bundle import BundleWriter, Manifest

RULINGS_AT_ONCE = 500
WORDS_AT_ONCE = 2_000
PART_RULINGS = 500_000
"""As many as have room in 2 GiB when they are some four times as long as rulings are."""
NODES_KEPT = 65_536
BY = f"ortoo/{__version__}"


async def covered(keeper: Keeper, db: Database, upto: int) -> Signed:
    """The newest checkpoint, which covers the first `upto` entries; signed now where none does. Raises RefusedError
    where the log may not be signed.
    """
    while True:
        signed = await db.reading(given.newest)
        if signed is not None and signed.size >= upto:
            return signed
        if await keeper.sign() is None:
            status = await keeper.status()
            raise RefusedError(status.code or "log_not_kept", status.detail)


class BadReplyKeyError(ValueError):
    """The key that an answer is to be sealed to is none."""


class Answering(msgspec.Struct, frozen=True):
    """What an answer is made with."""

    db: Database
    intake: Intake
    keeper: Keeper
    clock: Clock
    entropy: Callable[[int], bytes]


def made_by(desk: Desk, at_ms: int, counts: dict[str, int]) -> Manifest:
    """What a server says of a file that it makes now: who it is, and how many records of each kind follow."""
    key = desk.key
    return Manifest(BY, at_ms, desk.chain, key.alg, key.public, desk.nonce, counts=counts)


def reply_key(asked: Manifest | None) -> bytes | None:
    """The key to seal an answer to, None where nobody named one. Raises BadReplyKeyError."""
    reply = asked.reply if asked else None
    if reply is not None and not keys.is_public_key(keys.ES256, reply):
        raise BadReplyKeyError
    return reply


def parts_of(ruled: Indices) -> Iterator[list[int]]:
    """What goes into one file each, ascending."""
    rest = iter(ruled)
    while part := list(islice(rest, PART_RULINGS)):
        yield part


async def words_for(by: Answering, carried: Carried) -> bytes:
    """A station's answer: its word on what it keeps of a file (HB11), which is a second tick, sealed where the one who
    asked named a key. Nothing where it has nothing to say. Raises BadReplyKeyError.
    """
    reply = reply_key(carried.manifest)
    words: dict[bytes, None] = {}
    for at in range(0, len(carried.kept), WORDS_AT_ONCE):
        asked = carried.kept[at : at + WORDS_AT_ONCE]
        owed = await by.db.reading(spool.numbers, asked)
        job = partial(words_on, set_ids=asked, arrival_nos=owed)
        words |= dict.fromkeys(await by.intake.transaction(job))
    if not words:
        return b""
    desk = by.intake.desk
    made = made_by(desk, by.clock.now_ms(), {bundle.SET: len(words)})
    writer = BundleWriter()
    file = [writer.begin(made), *(writer.add(bundle.SET, raw) for raw in words)]
    file.append(writer.end(desk.key.sign))
    return b"".join(sealed_to(file, [reply], by.entropy) if reply else file)


async def write_answer(
    by: Answering,
    ruled: Sequence[int],
    asked: Manifest | None,
    write: Callable[[bytes], object],
) -> None:
    """Write what stands on these indices, which ascend, piece by piece, sealed where the one who asked named a key.
    Raises BadReplyKeyError, and RefusedError where the log may not be signed.
    """
    reply = reply_key(asked)
    signed = await covered(by.keeper, by.db, ruled[-1])
    checked = asked.signed if asked else None

    def work(connection: Connection) -> None:
        made = pieces(
            connection,
            by.intake.desk,
            signed,
            ruled,
            at_ms=by.clock.now_ms(),
            beacon=by.intake.beacon(),
            checked=checked,
        )
        for piece in sealed_to(made, [reply], by.entropy) if reply else made:
            write(piece)

    await by.db.reading(work)


def pieces(
    connection: Connection,
    desk: Desk,
    signed: Signed,
    ruled: Sequence[int],
    *,
    at_ms: int,
    beacon: bytes,
    checked: tuple[str, int] | None = None,
) -> Iterator[bytes]:
    """The bytes of a bundle with these rulings, which ascend; `beacon` is one of now, `checked` the highest checkpoint
    that whoever asks has checked, as their manifest says.
    """
    made = made_by(desk, at_ms, {bundle.CHECKPOINT: 1, bundle.RULING: len(ruled)})
    # Rulings that stand near each other share most of their proofs.
    node = lru_cache(NODES_KEPT)(StoredTree(connection).node)
    writer = BundleWriter()
    yield writer.begin(msgspec.structs.replace(made, beacon=beacon))
    after = checked[1] if checked and checked[0] == signed.origin else 0
    after = after if after <= signed.size else 0
    proof = merkle.consistency_proof(after, signed.size, node) if after else []
    yield writer.add(bundle.CHECKPOINT, [signed.note, after, proof])
    for at in range(0, len(ruled), RULINGS_AT_ONCE):
        for idx, _at_ms, raw in sorted(
            sets.rulings_at(connection, ruled[at : at + RULINGS_AT_ONCE])
        ):
            path = merkle.inclusion_proof(idx - 1, signed.size, node)
            yield writer.add(bundle.RULING, [raw, path])
    yield writer.end(desk.key.sign)
