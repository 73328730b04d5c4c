"""One rule, two languages: the same bytes, or a refusal for the same reason (CB, HL, CS, SC, CE6, DL4)."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sync import canon, changeset, clock, ids, rulings
from sync.changeset import Draft, Writer
from sync.clock import Stamp
from sync.incident.consistency import remarks
from sync.incident.deadlines import deadlines
from sync.incident.escalation import AT_CENTRE, ON_PHONE, Step, steps
from sync.incident.policy import PolicyBook
from tests.sync.conftest import Peer
from tests.sync.folding import fold
from tests.sync.histories import BASE_MS, ENTITY, STATION, Ruled, histories

_INT = 2**53 - 1
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-_INT, _INT)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
    | st.binary(max_size=300),
    lambda inner: (
        st.lists(inner, max_size=20)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=6), inner, max_size=20
        )
    ),
    max_leaves=40,
)
stamps = st.builds(Stamp, st.integers(0, 2**48 - 1), st.integers(0, 2**16 - 1))
writers = st.builds(
    Writer,
    st.just(ids.ChainId(b"c" * 16)),
    st.integers(1, 2**40),
    st.just(ids.SetId(b"p" * 32)),
    stamps,
)
walls = st.integers(-(2**40), 2**50)
POLICIES: list[tuple[bytes, int, dict[str, Any]]] = [
    (b"policy-of-later!", 2, {"from_ms": BASE_MS + 30_000, "sign_within_ms": 45_000}),
    (b"policy-of-old---", 1, {"from_ms": 0, "sign_within_ms": 20_000, "travel_within_ms": 90_000}),
    (
        b"policy-of-town!!",
        3,
        {"from_ms": 0, "zone": b"zone-of-station!", "final_feedback_within_ms": 5_000},
    ),
]
ZONES: list[tuple[bytes, dict[str, Any]]] = [
    (b"zone-of-station!", {"name": "镇区", "station": STATION, "tier": 3}),
    (
        b"zone-with-border",
        {"name": "口岸", "station": STATION, "tier": 1, "polygon": [[0, 0], [0, 9], [9, 0]]},
    ),
]


def _with_hex(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in row.items()}


offsets = st.none() | st.integers(-(10**12), 10**12)


@given(values)
def test_cb2_cb3_every_value_has_the_same_bytes_in_both_languages(peer: Peer, value: Any) -> None:
    data = canon.encode(value)
    assert peer("canon.decode", hex=data.hex()) == {"hex": data.hex()}


@given(values, st.data())
def test_cb6_cb8_damaged_bytes_are_refused_for_the_same_reason_at_the_same_place(
    peer: Peer, value: Any, data: st.DataObject
) -> None:
    raw = bytearray(canon.encode(value))
    for _ in range(data.draw(st.integers(1, 2))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    raw = raw[: data.draw(st.integers(1, len(raw) + 1))]
    try:
        expected: dict[str, Any] = {"hex": canon.encode(canon.decode(bytes(raw))).hex()}
    except canon.CanonError as error:
        expected = {"code": error.code, "offset": error.offset}
    assert peer("canon.decode", hex=raw.hex()) == expected


@given(stamps, walls, offsets)
def test_hl1_sending_gives_the_same_stamp(
    peer: Peer, last: Stamp, wall: int, offset: int | None
) -> None:
    stamp, was_reset = clock.send(last, wall, offset)
    answer = peer("clock.send", last=last.pack().hex(), wall=wall, offset=offset)
    assert answer == {"stamp": stamp.pack().hex(), "reset": was_reset}


@given(stamps, walls, offsets, st.lists(stamps, max_size=5))
def test_hl2_receiving_believes_the_same_stamps(
    peer: Peer, last: Stamp, wall: int, offset: int | None, remotes: list[Stamp]
) -> None:
    stamp, ahead = clock.receive(last, wall, offset, remotes)
    answer = peer(
        "clock.receive",
        last=last.pack().hex(),
        wall=wall,
        offset=offset,
        remotes=[remote.pack().hex() for remote in remotes],
    )
    assert answer == {"stamp": stamp.pack().hex(), "ahead": ahead}


@given(writers, st.integers(0, 2**45), offsets, st.lists(values, min_size=1, max_size=3))
def test_cs1_the_same_draft_makes_the_same_set(
    peer: Peer, writer: Writer, wall: int, offset: int | None, fields: list[Any]
) -> None:
    ops = [{"t": "entry.add", "v": field} for field in fields]
    try:
        # A value may be one level too deep once it stands in an op.
        ops_hex = canon.encode([[ops]])[2:].hex()
    except canon.CanonError:
        return
    written = changeset.write(
        writer,
        Draft(b"u" * 16, "org", "incident", ENTITY, ops, 1),
        wall_ms=wall,
        offset_ms=offset,
        mono=(b"m" * 8, 7),
        salt=b"s" * 16,
        sign=lambda message: bytes([len(message)]) * 64,
    )
    answer = peer(
        "set.write",
        chain=writer.chain.hex(),
        seq=writer.seq,
        prev=b"p".hex() * 32,
        stamp=writer.stamp.pack().hex(),
        user=b"u".hex() * 16,
        scope="org",
        entity=ENTITY.hex(),
        ops=ops_hex,
        lane=1,
        wall=wall,
        offset=offset,
        session=b"m".hex() * 8,
        mono=7,
        salt=b"s".hex() * 16,
    )
    assert answer == {
        "raw": written.raw.hex(),
        "set": written.set_id.hex(),
        "stamp": written.writer.stamp.pack().hex(),
    }
    assert isinstance(changeset.read(written.raw), changeset.ChangeSet)
    assert peer("set.read", hex=written.raw.hex()) == {"set": written.set_id.hex()}


@given(histories(size=3), st.data())
def test_cs7_a_damaged_set_is_refused_by_both_for_the_same_reason(
    peer: Peer, history: list[Ruled], data: st.DataObject
) -> None:
    raw = bytearray(history[0].raw)
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] = data.draw(st.integers(0, 255))
    read = changeset.read(bytes(raw))
    code = read.code if isinstance(read, changeset.Refusal) else None
    answer = peer("set.read", hex=raw.hex())
    assert answer.get("refused") == code


_PIECES: list[Any] = [
    None,
    True,
    0,
    1,
    2,
    -1,
    2**53 - 1,
    "",
    "x" * 129,
    [],
    {},
    [0],
    [b"8-bytes!", 0],
    [1, 2],
]
strange = st.sampled_from(_PIECES) | st.sampled_from([8, 16, 31, 32]).map(bytes) | values


@given(histories(size=3), st.data())
def test_cs7_a_set_with_a_strange_part_is_read_or_refused_alike(
    peer: Peer, history: list[Ruled], data: st.DataObject
) -> None:
    header_bytes, signature, body_bytes = canon.decode(history[0].raw)
    header, body = canon.decode(header_bytes), canon.decode(body_bytes)
    changed = data.draw(st.sampled_from([header, body, body[3]]))
    at = data.draw(st.integers(0, len(changed) - 1))
    cut = data.draw(st.booleans()) and data.draw(st.booleans())
    changed[at : at + 1] = [] if cut else [data.draw(strange)]
    try:
        body_bytes = canon.encode(body)
        if changed is not header:
            header[14] = ids.body_hash(body_bytes)
        raw = canon.encode([canon.encode(header), signature, body_bytes])
    except canon.CanonError:
        return
    read = changeset.read(raw)
    expected = (
        {"refused": read.code}
        if isinstance(read, changeset.Refusal)
        else {"set": read.set_id.hex()}
    )
    assert peer("set.read", hex=raw.hex()) == expected


@given(histories())
def test_sc2_the_head_of_a_scope_is_the_same(peer: Peer, history: list[Ruled]) -> None:
    head = rulings.SCOPE_HEAD_ZERO
    said = [ruled.ruling for ruled in history if ruled.ruling is not None]
    for ruling in said:
        head = rulings.scope_head(head, rulings.leaf_hash(ruling))
    assert peer("scope.head", rulings=[ruling.hex() for ruling in said]) == {"head": head.hex()}


@given(histories(), st.randoms(use_true_random=False), st.integers(-10_000, 2_000_000))
def test_ce6_dl4_nu1_a_shuffled_history_folds_to_the_same_bytes_countdowns_and_steps(
    peer: Peer, history: list[Ruled], random: Any, after_ms: int
) -> None:
    view = fold(history).view()
    book = PolicyBook(POLICIES, ZONES)
    now_ms = BASE_MS + after_ms
    countdowns = [
        [d.id, d.order.hex() if d.order else None, d.start_ms, d.due_ms, d.done_ms]
        for d in deadlines(view, book)
    ]
    told = []
    for channels in (AT_CENTRE, ON_PHONE):
        due, next_ms = steps(view, book, now_ms, channels)
        told.append([[_told(step) for step in due], next_ms])
    shuffled = [*history, *history[:3]]
    random.shuffle(shuffled)
    answer = peer(
        "fold",
        entity=ENTITY.hex(),
        sets=[[raw.hex(), ruling.hex() if ruling else None] for raw, ruling in shuffled],
        policies=[[at.hex(), idx, _with_hex(row)] for at, idx, row in POLICIES],
        zones=[[at.hex(), _with_hex(row)] for at, row in ZONES],
        now=now_ms,
    )
    assert canon.decode(bytes.fromhex(answer["view"])) == view
    remarked = [
        [r.code, r.order.hex() if r.order else None, [op.hex() for op in r.about], list(r.words)]
        for r in remarks(view, book)
    ]
    assert answer == {
        "view": canon.encode(view).hex(),
        "deadlines": countdowns,
        "remarks": remarked,
        "steps": told,
    }


def _told(step: Step) -> list[Any]:
    order = step.order.hex() if step.order else None
    return [step.clock, order, step.round, step.channel, step.step, step.to, step.at_ms]
