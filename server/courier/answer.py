"""The answer to a bundle: rulings with the proof that they are in the log, for a phone that reaches nobody (BU6).

Responsible for having the log signed as far as the rulings go, and for the bytes of the file, piece by piece. Refuses
to put in what a set says: the phone has its own words, and a file that is carried about need not hold them.

Example: `signed = await covered(keeper, db, max(ruled))`, then `pieces(connection, intake.desk, signed, ruled,
at_ms=...)`.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from sqlalchemy import Connection

from server import __version__
from server.intake.desk import Desk
from server.proof import given
from server.proof.keeper import Keeper
from server.proof.signer import RefusedError
from server.proof.tree import StoredTree
from server.store import sets
from server.store.engine import Database
from server.store.proofs import Signed
from sync import bundle, merkle
from sync.bundle import BundleWriter, Manifest

RULINGS_AT_ONCE = 500
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


def pieces(
    connection: Connection,
    desk: Desk,
    signed: Signed,
    ruled: Sequence[int],
    *,
    at_ms: int,
    checked: tuple[str, int] | None = None,
) -> Iterator[bytes]:
    """The bytes of a bundle with these rulings, each once, ascending; `checked` is the highest checkpoint that whoever
    asks has checked, as their manifest says.
    """
    wanted = sorted(set(ruled))
    made = Manifest(
        BY,
        at_ms,
        desk.chain,
        desk.key.alg,
        desk.key.public,
        desk.nonce,
        counts={bundle.CHECKPOINT: 1, bundle.RULING: len(wanted)},
    )
    # Rulings that stand near each other share most of their proofs.
    node = lru_cache(NODES_KEPT)(StoredTree(connection).node)
    writer = BundleWriter()
    yield writer.begin(made)
    after = checked[1] if checked and checked[0] == signed.origin else 0
    after = after if after <= signed.size else 0
    proof = merkle.consistency_proof(after, signed.size, node) if after else []
    yield writer.add(bundle.CHECKPOINT, [signed.note, after, proof])
    for at in range(0, len(wanted), RULINGS_AT_ONCE):
        for idx, _at_ms, raw in sorted(
            sets.rulings_at(connection, wanted[at : at + RULINGS_AT_ONCE])
        ):
            path = merkle.inclusion_proof(idx - 1, signed.size, node)
            yield writer.add(bundle.RULING, [raw, path])
    yield writer.end(desk.key.sign)
