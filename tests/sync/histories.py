"""Generated incident histories: real sets on real chains with real rulings, for the laws of the fold.

Signatures are zeros: the fold does not look at them. Everything else is as a device and the centre would write it.
"""

from typing import Any, NamedTuple

from hypothesis import strategies as st

from sync import changeset, ids, rulings
from sync.changeset import Draft, Writer
from sync.fold import effective_stamp
from sync.ids import ChainId

ENTITY = b"incident-sixteen"
PEOPLE = [bytes([65 + n]) * 16 for n in range(3)]
ORDERS = [bytes([97 + n]) * 16 for n in range(3)]
STATION = b"station-sixteen!"
BASE_MS = 1_700_000_000_000


class Ruled(NamedTuple):
    """A set and what the centre said of it; `ruling` is None while it said nothing."""

    raw: bytes
    ruling: bytes | None


_texts = st.sampled_from(["", "到了", "ᠮᠣᠩᠭᠣᠯ", "𠮷野家", "it's noisy"])
_rounds = st.integers(0, 2)
_orders = st.sampled_from(ORDERS)
_times = st.integers(BASE_MS - 5_000, BASE_MS + 400_000)


def _op(t: str, **fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    strategies = {
        name: value if isinstance(value, st.SearchStrategy) else st.just(value)
        for name, value in fields.items()
    }
    return st.fixed_dictionaries({"t": st.just(t), **strategies})


def ops(earlier: list[bytes]) -> st.SearchStrategy[dict[str, Any]]:
    """One op of any kind; what it refers to are ops written earlier, or one that never came."""
    known = st.sampled_from([*earlier[-12:], bytes(17)])
    preds = st.lists(known, max_size=3)
    target = st.tuples(st.sampled_from(["person", "unit"]), st.sampled_from(PEOPLE)).map(list)
    claim = st.sampled_from(["delivered", "signed", "departed", "arrived", "cleared"])
    plain = st.one_of(
        _op("incident.create", source="self", station=STATION, tag="T-1"),
        _op("fact.set", f=st.sampled_from(["title", "place"]), v=_texts, p=preds),
        _op("fact.set", f="tier", v=st.integers(0, 8), p=preds),
        _op("set.add", f="tags", v=_texts),
        _op("set.remove", f="tags", p=preds),
        _op("latest.set", f="colour", v=st.sampled_from(["red", "blue"])),
        _op("entry.add", kind="note", text=_texts, at=_times),
        _op("entry.correct", entry=known, text=_texts),
        _op("milestone.claim", kind=claim, round=_rounds, via="self", order=_orders, at=_times),
        _op("milestone.claim", kind=claim, round=_rounds, via="radio", by=PEOPLE[2]),
        _op(
            "milestone.claim",
            kind="feedback",
            round=_rounds,
            via="self",
            data={"final": True, "text": "x"},
        ),
        _op("milestone.withdraw", claim=known, why="tap"),
        _op("milestone.dispute", claim=known, why="seen elsewhere"),
        _op("order.issue", order=_orders, to=target, kind="dispatch", round=_rounds),
        _op("order.withdraw", order=_orders, why="wrong unit"),
        _op("order.reassign", order=_orders, new=_orders, to=target),
        _op("order.return_request", order=_orders, why="too far"),
        _op("order.return_review", order=_orders, ok=st.booleans()),
    )
    desk = st.one_of(
        _op("incident.transfer", station=st.sampled_from(PEOPLE), why="border"),
        _op("incident.link", to=st.sampled_from(PEOPLE), kind="duplicate_call"),
        _op("incident.unlink", p=preds),
        _op("incident.withdraw", why="caller"),
        _op("incident.close", round=_rounds),
        _op("incident.reopen", round=_rounds, why="again"),
        _op(
            "callback.attempt",
            round=_rounds,
            outcome=st.sampled_from(["reached", "no_answer", "no_phone"]),
        ),
        _op("drone.launch", height=st.integers(0, 100)),
    )
    return st.one_of(plain, desk)


@st.composite
def histories(draw: st.DrawFn, *, size: int = 14) -> list[Ruled]:
    """Up to `size` sets of three authors on one incident, some not ruled, some held or rejected."""
    writers = {person: Writer(ChainId(person)) for person in PEOPLE}
    earlier: list[bytes] = []
    history: list[Ruled] = []
    for idx in range(1, draw(st.integers(1, size)) + 1):
        person = draw(st.sampled_from(PEOPLE))
        drafted = draw(st.lists(ops(earlier), min_size=1, max_size=2))
        wall_ms = BASE_MS + draw(st.integers(0, 200_000))
        writer = writers[person]
        # Chains begin at 1 here, so that no set has to open one.
        writer = Writer(
            writer.chain, max(writer.seq, 1), writer.prev or ids.SetId(bytes(32)), writer.stamp
        )
        written = changeset.write(
            writer,
            Draft(person, "org", "incident", ENTITY, drafted),
            wall_ms=wall_ms,
            offset_ms=0,
            mono=(bytes(8), idx),
            salt=bytes(16),
            sign=lambda _message: bytes(64),
        )
        writers[person] = written.writer
        earlier += [ids.op_id(written.set_id, index) for index in range(len(drafted))]
        history.append(Ruled(written.raw, draw(_rulings(idx, written, person))))
    return history


def _rulings(
    idx: int, written: changeset.Written, person: bytes
) -> st.SearchStrategy[bytes | None]:
    def rule(decision: str | None, delay_ms: int) -> bytes | None:
        if decision is None:
            return None
        at_ms = written.writer.stamp.ms + delay_ms
        payload = rulings.set_payload(
            set_id=written.set_id,
            chain=person,
            seq=written.writer.seq - 1,
            entity=ENTITY,
            decision=decision,
            why=None if decision in rulings.COUNTED else "no_authority",
            eff=effective_stamp(written.writer.stamp.pack(), at_ms),
            flags=[],
            number=f"231114-{idx:04d}" if decision == "accepted" else None,
        )
        return rulings.encode_ruling(rulings.Ruling(1, idx, at_ms, "set", payload))

    decisions = st.sampled_from(["accepted", "accepted", "accepted_late", "held", "rejected", None])
    return st.builds(rule, decisions, st.integers(-90_000, 120_000))
