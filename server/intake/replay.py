"""Deciding again what was decided: every ruling on a set follows from the set and from what the ruling keeps (RL7).

Responsible for holding a log to that, a page at a time or its newest part only. Refuses to change anything, and to
know the organisation, the devices or the incidents: if a decision needed more than its ruling says, that is told.

The n-th set to arrive has the n-th `set` ruling: both are written by one writer in one order.

Example: `decided = await replay(url)`; `decided.wrong` is empty unless there is a bug or somebody has tampered.
"""

import msgspec
from sqlalchemy import Connection

from server.store import sets
from server.store.engine import Database
from server.store.rows import query
from sync import changeset, rulings
from sync.changeset import ChangeSet
from sync.incident.admit import admit
from sync.incident.facts import facts_of

SAME, OTHERWISE, REDACTED, OTHER_SET = "same", "otherwise", "redacted", "other_set"
PAGE = 1_000  # rulings decided again in one snapshot


class Decided(msgspec.Struct):
    """How many rulings were decided again, how many could not be because their set was redacted, and the indices of
    those that came out otherwise."""

    again: int = 0
    redacted: int = 0
    wrong: list[int] = []


async def replay(url: str) -> Decided:
    """Decide all rulings on sets again, and what the centre itself reviewed when it could read more than before."""
    decided = Decided()
    db = Database(url)
    try:
        idx, arrival_no = 0, 0
        while (page := await db.reading(_page, idx, arrival_no, decided)) is not None:
            idx, arrival_no = page
        await db.reading(_reviews, decided)
    finally:
        await db.close()
    return decided


def every(connection: Connection) -> Decided:
    """Decide all of them again on one snapshot: of a copy that nobody writes."""
    decided = Decided()
    page: tuple[int, int] | None = (0, 0)
    while page is not None:
        page = _page(connection, *page, decided)
    _reviews(connection, decided)
    return decided


def newest(connection: Connection, limit: int) -> Decided:
    """Decide the newest `limit` rulings on sets again."""
    decided = Decided()
    rows = query(
        connection,
        "SELECT idx, bytes FROM rulings WHERE kind = 'set' ORDER BY idx DESC LIMIT ?",
        (limit,),
    )
    envelopes = query(
        connection, "SELECT envelope FROM sets ORDER BY arrival_no DESC LIMIT ?", (len(rows),)
    )
    for (idx, ruling), (envelope,) in zip(rows, envelopes, strict=True):
        _decide(idx, bytes(ruling), bytes(envelope), decided)
    return decided


def _page(
    connection: Connection, after_idx: int, after_no: int, decided: Decided
) -> tuple[int, int] | None:
    rows = query(
        connection,
        "SELECT idx, bytes FROM rulings WHERE kind = 'set' AND idx > ? ORDER BY idx LIMIT ?",
        (after_idx, PAGE),
    )
    envelopes = query(
        connection,
        "SELECT envelope FROM sets WHERE arrival_no > ? ORDER BY arrival_no LIMIT ?",
        (after_no, len(rows)),
    )
    for (idx, ruling), (envelope,) in zip(rows, envelopes, strict=True):
        _decide(idx, bytes(ruling), bytes(envelope), decided)
    return (rows[-1][0], after_no + len(rows)) if rows else None


def _reviews(connection: Connection, decided: Decided) -> None:
    rows = query(connection, "SELECT idx, bytes FROM rulings WHERE kind = 'review' ORDER BY idx")
    for idx, raw in rows:
        payload = rulings.read_ruling(bytes(raw)).payload
        if payload["by"] is not None:
            continue  # a person decided, and answers for it
        found = changeset.read(
            sets.envelope(connection, payload["chain"], payload["seq"], payload["set"])
        )
        if isinstance(found, ChangeSet) and found.body is None:
            decided.redacted += 1
            continue
        assert isinstance(found, ChangeSet), "what was read once can be read"
        ruled = admit(found, facts_of(payload["in"]), payload["at"])
        counts = ruled.decision in rulings.COUNTED
        decided.again += 1
        if (rulings.ACCEPTED_LATE if counts else ruled.decision, ruled.why) != (
            payload["d"],
            payload["why"],
        ):
            decided.wrong.append(idx)


def _decide(idx: int, raw: bytes, envelope: bytes, decided: Decided) -> None:
    outcome = decide(rulings.read_ruling(raw), envelope)
    decided.again += outcome in (SAME, OTHERWISE)
    decided.redacted += outcome == REDACTED
    if outcome in (OTHERWISE, OTHER_SET):
        decided.wrong.append(idx)


def decide(ruling: rulings.Ruling, envelope: bytes) -> str:
    """Decide a `set` ruling again from its set and what it kept: `same`, `otherwise`, `redacted` where the words are
    gone, or `other_set` where this is not the set that was ruled on."""
    payload = ruling.payload
    found = changeset.read(envelope)
    change: ChangeSet | None = None
    # What was unreadable when it came was ruled unread, whoever can read it by now.
    if payload["d"] != rulings.OPAQUE:
        if not isinstance(found, ChangeSet) or found.set_id != payload["set"]:
            return OTHER_SET
        if found.body is None and payload["e"] is not None:
            return REDACTED
        change = found
    ruled = admit(change, facts_of(payload["in"]), ruling.at_ms)
    said = (ruled.decision, ruled.why, ruled.eff, list(ruled.flags))
    stands = tuple(payload[name] for name in ("d", "why", "eff", "flags"))
    return SAME if said == stands else OTHERWISE
