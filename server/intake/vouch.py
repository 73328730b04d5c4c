"""A station gives its word on when it had sets (SPEC HB11).

Responsible for giving it once for each set that was kept, or written, here for the centre, in the station's own chain,
durable with the note that it was given. Refuses to send anything, and to know what a word is worth.

Example: `envelopes = await intake.transaction(lambda batch: words_on(batch, set_ids, arrival_nos))` are the signed sets
in which this station says since when it has those: what a courier is given along.
"""

from collections.abc import Sequence

from server.intake.batch import Batch
from server.store import kept as stored
from server.store import sets, spool
from server.store.spool import Unsaid
from sync.changeset import KIND_CHAIN, Draft
from sync.incident.escalation import CENTRE
from sync.kept import WORDS_MAX, op, problem


def vouch(batch: Batch, arrival_nos: Sequence[int], before_ms: int) -> None:
    """Give the word on those of these sets that are not spoken of yet: what its own desks wrote, and what came from
    others before a moment, in ms.
    """
    _say(batch, spool.unsaid(batch.connection, arrival_nos, batch.desk_chain, before_ms))


def words_on(batch: Batch, set_ids: Sequence[bytes], arrival_nos: Sequence[int]) -> list[bytes]:
    """The signed sets in which this station says since when it has these: every one that it gave, and one more for
    those kept for the centre of which it had not spoken. Nothing is said of what came from the centre.

    `arrival_nos`: of those that are owed. Finding them may take long (`spool.numbers`), and would hold writers up here.
    """
    _say(batch, spool.unsaid(batch.connection, arrival_nos, batch.desk_chain))
    batch.moments.flush()
    said = stored.on_sets(batch.connection, set_ids)
    own = batch.desk_chain
    return [
        sets.envelope(batch.connection, own, seq, set_id)
        for at in sorted({one.hub_seq for one in said if one.hub == own})
        for seq, set_id, _idx in sets.held(batch.connection, own, at, at)
    ]


def _say(batch: Batch, unsaid: Sequence[Unsaid]) -> None:
    chain = batch.desk_chain
    # Of a place, or by a clock, that no word can tell of nothing is said: it would spoil what is said beside it (TM13).
    sayable = [one.word for one in unsaid if problem(op([one.word])) is None]
    for at in range(0, len(sayable), WORDS_MAX):
        words = sayable[at : at + WORDS_MAX]
        draft = Draft(CENTRE, f"device:{chain.hex()}", KIND_CHAIN, chain, [op(words)], lane=1)
        batch.write(draft)
    spool.said(batch.connection, [one.arrival_no for one in unsaid])
