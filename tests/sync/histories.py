"""Generated incident histories: real sets on real chains with real rulings, for the laws of the fold.

Signatures are zeros: the fold does not look at them. Everything else is as a device and the centre would write it.
"""

from typing import Any, NamedTuple

from hypothesis import strategies as st

from sync import changeset, ids, rulings
from sync.changeset import Draft, Writer
from sync.fold import effective_stamp
from sync.ids import ChainId
from sync.incident.escalation import CENTRE
from sync.incident.redaction import skeleton

ENTITY = b"incident-sixteen"
PEOPLE = [bytes([65 + n]) * 16 for n in range(3)]
ORDERS = [bytes([97 + n]) * 16 for n in range(3)]
STATION = b"station-sixteen!"
BASE_MS = 1_700_000_000_000
AUTHORS = [*PEOPLE, CENTRE]


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


# An op is drawn before it is known what was written earlier: a reference is how many ops back, resolved when the set is
# written. So the strategies are built once, which is most of what drawing a history costs.
_known = st.integers(0, 12)
_preds = st.lists(_known, max_size=3)
_target = st.tuples(st.sampled_from(["person", "unit"]), st.sampled_from(PEOPLE)).map(list)
_step = st.sampled_from(["delivered", "signed", "departed", "arrived", "cleared"])
_taken = st.fixed_dictionaries(
    {
        "clock": st.sampled_from(["C1", "C2", "C6"]),
        "round": _rounds,
        "channel": st.sampled_from(["desk", "push", "station"]),
        "step": st.sampled_from([1, 2, "1"]),
    },
    optional={"order": st.none() | _orders},
)
OPS = st.one_of(
    _op("incident.create", source="self", station=STATION, tag="T-1"),
    _op("fact.set", f=st.sampled_from(["title", "place"]), v=_texts, p=_preds),
    _op("fact.set", f="tier", v=st.integers(0, 8), p=_preds),
    _op("set.add", f="tags", v=_texts),
    _op("set.remove", f="tags", p=_preds),
    _op("latest.set", f="colour", v=st.sampled_from(["red", "blue"])),
    _op("entry.add", kind="note", text=_texts, at=_times),
    _op("entry.add", kind="nudge", text="", data=_taken),
    _op("entry.correct", entry=_known, text=_texts),
    _op("milestone.claim", kind=_step, round=_rounds, via="self", order=_orders, at=_times),
    _op("milestone.claim", kind=_step, round=_rounds, via="radio", by=PEOPLE[2]),
    _op(
        "milestone.claim",
        kind="feedback",
        round=_rounds,
        via="self",
        order=_orders,
        data=st.builds(lambda final: {"final": final, "text": "x"}, st.booleans()),
    ),
    _op(
        "feedback.review",
        claim=_known,
        verdict=st.sampled_from(["pass", "return"]),
        faults=st.just(["result_missing"]),
    ),
    _op("nature.rule", nature=_texts, why="seen"),
    _op("verdict.override", clock="C5", round=_rounds, result="met", why=_texts, order=_orders),
    _op("entry.add", kind="delay_reason", text=_texts),
    _op("delay.answer", entry=_known, reply=st.sampled_from(["accepted", "told_caller"])),
    _op("fact.set", f="category", v=_texts, p=_preds),
    _op("milestone.withdraw", claim=_known, why="tap"),
    _op("callback.withdraw", attempt=_known, why="wrong key"),
    _op("milestone.dispute", claim=_known, why="seen elsewhere"),
    _op("order.issue", order=_orders, to=_target, kind="dispatch", round=_rounds),
    _op("order.withdraw", order=_orders, why="wrong unit"),
    _op("order.reassign", order=_orders, new=_orders, to=_target),
    _op("order.return_request", order=_orders, why="too far"),
    _op("order.return_review", order=_orders, ok=st.booleans()),
    _op("incident.transfer", station=st.sampled_from(PEOPLE), why="border"),
    _op("incident.link", to=st.sampled_from(PEOPLE), kind="duplicate_call"),
    _op("incident.unlink", p=_preds),
    _op("incident.withdraw", why="caller"),
    _op("incident.close", round=_rounds),
    _op("incident.reopen", round=_rounds, why="again"),
    _op(
        "callback.attempt",
        round=_rounds,
        outcome=st.sampled_from(["no_answer", "no_phone", "reached"]),
    ),
    _op("callback.attempt", round=_rounds, outcome="reached", score=st.integers(1, 3)),
    _op("callback.attempt", round=_rounds, outcome="reached", score=3, rectify=_known),
    _op("rectify.order", station=STATION, kind="ordinary", text=_texts),
    _op("rectify.order", attempt=_known, station=STATION, kind="complex", text=_texts),
    _op("rectify.done", rectify=_known, station=STATION, text=_texts),
    _op("supervise.open", attempt=_known, text=_texts),
    _op("supervise.close", supervise=_known, result="resolved", text=_texts),
    # What a newer version may say: ops, kinds and types nobody here knows (IN1).
    _op("drone.launch", height=st.integers(0, 100)),
    _op("fact.set", f="weather", v=_texts, p=_preds),
    _op("fact.set", f="level", v=st.sampled_from([1, 9, True, "high"]), p=_preds),
    _op("milestone.claim", kind="landed", round=_rounds, via="self"),
    _op("entry.add", kind="note", text=_texts, at=st.sampled_from([-1, None, "noon"])),
)


_drafts = st.lists(OPS, min_size=1, max_size=2)


def _resolved(op: dict[str, Any], earlier: list[bytes]) -> dict[str, Any]:
    """The op with its references as op ids: of ops written earlier, or of one that never came."""

    def ref(back: int) -> bytes:
        return earlier[-back] if 0 < back <= len(earlier) else bytes(17)

    resolved = dict(op)
    if "p" in op:
        resolved["p"] = [ref(back) for back in op["p"]]
    for name in ("claim", "entry", "attempt", "rectify", "supervise"):
        if name in op:
            resolved[name] = ref(op[name])
    return resolved


@st.composite
def histories(draw: st.DrawFn, *, size: int = 14) -> list[Ruled]:
    """Up to `size` sets of three authors and the centre on one incident, some not ruled, some held or rejected."""
    writers = {person: Writer(ChainId(person)) for person in AUTHORS}
    earlier: list[bytes] = []
    history: list[Ruled] = []
    for idx in range(1, draw(st.integers(1, size)) + 1):
        person = draw(st.sampled_from(AUTHORS))
        drafted = [_resolved(op, earlier) for op in draw(_drafts)]
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
        ruling = draw(_rulings(idx, written, person))
        history.append(Ruled(written.raw, ruling))
        if ruling is not None:
            # Rulings of later sets are numbered below a thousand, later rulings on a set above (RL6).
            history += [
                Ruled(written.raw, later) for later in draw(_later(1_000 * idx, ruling, drafted))
            ]
    return history


def _later(idx: int, first: bytes, ops: list[dict[str, Any]]) -> st.SearchStrategy[list[bytes]]:
    """What is ruled on a set afterwards: mostly nothing; a review, a redaction, or the one and then the other."""
    standing = rulings.read_ruling(first)

    def rule(kinds: list[str]) -> list[bytes]:
        made, before = [], standing
        for place, kind in enumerate(kinds):
            by = {"by": PEOPLE[0], "text": ""}
            changed: dict[str, Any] = (
                {"d": "accepted_late", "why": None}
                if kind == rulings.KIND_REVIEW
                else {"ground": "minor", "ops": [skeleton(op) for op in ops]}
            )
            payload = rulings.renewed_payload(before, **by, **changed)
            before = rulings.Ruling(1, idx + place, standing.at_ms + 5_000, kind, payload)
            made.append(rulings.encode_ruling(before))
        return made

    review, redact = [rulings.KIND_REVIEW], [rulings.KIND_REDACT]
    return st.sampled_from([[], [], [], review, redact, review + redact]).map(rule)


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
            facts={},
            number=f"231114-{idx:04d}" if decision == "accepted" else None,
        )
        return rulings.encode_ruling(rulings.Ruling(1, idx, at_ms, "set", payload))

    decisions = st.sampled_from(["accepted", "accepted", "accepted_late", "held", "rejected", None])
    return st.builds(rule, decisions, st.integers(-90_000, 120_000))
