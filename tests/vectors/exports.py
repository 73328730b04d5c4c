"""Cases of XP: evidence files, sound ones and ones with something wrong, each sealed with the log's key.

A log of thirteen rulings is made here, two of them about other matters, and files of one incident in it. What is wrong
with a file is made before it is sealed, as only the holder of the key could: the seal alone would find all the others.

Example: `sealed(content())` is the sound file.
"""

from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from tests.vectors import logs
from tests.vectors.packing import pack, tagged
from tests.vectors.sets import (
    INCIDENT,
    KEYS,
    NOTE,
    OPEN,
    STATION,
    USER,
    WALL_MS,
    body_of,
    chain_of,
    envelope,
    header,
    sign,
)

Content = dict[str, Any]
OTHER = bytes([0x99]) * 16
LATER = bytes([7]) * 8
ED, ES = chain_of("Ed25519"), chain_of("ES256")
CREATE = {"t": "incident.create", "source": "self", "station": STATION, "tag": "K-7"}


class _Phone:
    """A chain being written."""

    def __init__(self, alg: str) -> None:
        self.alg, self.chain, self.seq = alg, chain_of(alg), 0
        self.prev: bytes | None = None

    def write(self, ops: list[Any], entity: bytes = INCIDENT, kind: str = "incident") -> bytes:
        body = body_of(ops, kind, entity)
        head = pack(header(body, chain=self.chain, seq=self.seq, prev=self.prev))
        set_id = self.prev = tagged("ortoo/set/1", head)
        self.seq += 1
        return envelope(head, body, sign(self.alg, set_id))


def _parts(raw: bytes) -> tuple[bytes, bytes, bytes]:
    """Header, signature and body of an envelope whose header and body take 256 to 65 535 bytes, or less."""
    found, at = [], 1
    for _ in range(3):
        width = {0xC4: 1, 0xC5: 2}[raw[at]]
        size = int.from_bytes(raw[at + 1 : at + 1 + width], "big")
        found.append(raw[at + 1 + width : at + 1 + width + size])
        at += 1 + width + size
    return found[0], found[1], found[2]


def id_of(raw: bytes) -> bytes:
    return tagged("ortoo/set/1", _parts(raw)[0])


_Log = tuple[list[bytes], list[bytes], list[bytes], dict[str, bytes]]
"""Rulings, rulings on the incident, its sets, and openings and links by name."""


def _log(stray: list[str] | None = None, found: Content | None = None) -> _Log:
    """What happened. With `stray` the last set names one before it that is not here, and its ruling has these flags.
    With `found` a verdict on a clock that the last set ended is a fourteenth entry, and says this besides."""
    ed, es = _Phone("Ed25519"), _Phone("ES256")
    openings = {
        "ed": ed.write([OPEN["Ed25519"]], ED, "chain"),
        "es": es.write([OPEN["ES256"]], ES, "chain"),
    }
    create = ed.write([CREATE])
    elsewhere = ed.write([NOTE], OTHER)
    note, second = ed.write([NOTE]), es.write([NOTE])
    if stray is not None:
        ed.prev = bytes(32)
    last = ed.write([NOTE])
    rulings: list[bytes] = []
    about: list[bytes] = []
    heads: dict[bytes, tuple[int, bytes]] = {}

    def rule(kind: str, payload: Content) -> None:
        entity = payload.get("e")
        n, head = heads.get(entity or b"", (0, bytes(16)))
        if entity is not None:
            payload = payload | {"en": n + 1, "eh": head}
        raw = pack([1, len(rulings) + 1, WALL_MS + len(rulings), kind, payload])
        rulings.append(raw)
        if entity is not None:
            leaf = sha256(b"\x00" + raw).digest()
            heads[entity] = n + 1, tagged("ortoo/entity/1", head, leaf)[:16]
        if entity == INCIDENT:
            about.append(raw)

    def org(what: str, row_id: bytes, row: Content) -> None:
        rule("org", {"what": what, "id": row_id, "row": row})

    def decide(kind: str, raw: bytes, chain: bytes, seq: int, entity: bytes, **more: Any) -> None:
        told = {
            "set": id_of(raw),
            "chain": chain,
            "seq": seq,
            "e": entity,
            "d": "accepted",
            "why": None,
        }
        rule(kind, told | {"eff": bytes(8), "flags": [], "no": None} | more)

    org("logs", logs.SERVER, {"alg": "Ed25519", "pub": logs.PUB, "epoch": logs.EPOCH})
    org("people", USER, {"name": "艾力江", "role": "officer"})
    org("devices", ED, {"alg": "Ed25519", "pub": KEYS["Ed25519"], "label": "a", "person": USER})
    org("devices", ES, {"alg": "ES256", "pub": KEYS["ES256"], "label": "b", "person": USER})
    org("categories", bytes(16), {"code": "x", "zh": "某", "en": "some"})
    decide("set", openings["ed"], ED, 0, ED)
    decide("set", create, ED, 1, INCIDENT, no="251125-0001")
    decide("set", elsewhere, ED, 2, OTHER)
    decide("set", note, ED, 3, INCIDENT)
    decide("set", second, ES, 1, INCIDENT)
    decide(
        "redact",
        note,
        ED,
        3,
        INCIDENT,
        at=WALL_MS,
        by=USER,
        ground="minor",
        text="未成年",
        ops=[{"t": "entry.add", "kind": "note", "text": ""}],
    )
    org("categories", bytes(16), {"code": "x", "zh": "某某", "en": "some"})
    decide("set", last, ED, 4, INCIDENT, flags=stray or [])
    if found is not None:
        start, end = ([id_of(raw)[:16] + b"\0", 0, 50] for raw in (create, last))
        told: Content = {
            "e": INCIDENT,
            "clock": "C6",
            "order": None,
            "round": 0,
            "result": "met",
            "grade": 0,
            "within": 1_800_000,
        }
        told |= {"policy": [None, 0], "lo": 0, "hi": 9_000, "start": start, "end": end, "why": []}
        rule("verdict", told | {"tier": None, "zone": None, "because": None} | found)
    header_bytes, signature, _body = _parts(note)
    sets = [create, pack([header_bytes, signature, None]), second, last]
    openings |= {"elsewhere": elsewhere, "note": note}
    return rulings, about, sets, openings  # fmt: skip


LOG = RULINGS, _ABOUT, SETS, BESIDE = _log()
KEPT = (1, 2, 3, 4, 7, 9, 10, 11, 13, 14)
"""Rulings a file of the incident holds, as far as they are made by then."""


def checkpoint(leaves: list[bytes], origin: str = logs.ORIGIN) -> str:
    text = logs.text_of(len(leaves), logs.mth(leaves), origin)
    return f"{text}\n{logs.line(text, origin)}"


def content(size: int = 13, log: _Log = LOG) -> Content:
    """What the file says when the log has so many entries."""
    rulings, ruled, sets, _beside = log
    listed = rulings[:size]
    leaves = [sha256(b"\x00" + raw).digest() for raw in listed]
    about = [raw for raw in ruled if raw in listed]
    head = bytes(16)
    for raw in about:
        head = tagged("ortoo/entity/1", head, sha256(b"\x00" + raw).digest())[:16]
    link = list(_parts(BESIDE["elsewhere"])[:2])
    return {
        "at_ms": WALL_MS + 1_000_000,
        "by": "forge",
        "entity": INCIDENT,
        "server": logs.SERVER,
        "epoch": logs.EPOCH,
        "pub": logs.PUB,
        "checkpoint": checkpoint(leaves),
        "n": len(about),
        "head": head,
        "entries": [[listed[idx - 1], logs.path(idx - 1, leaves)] for idx in KEPT if idx <= size],
        "sets": sets[: len(about) - 1],
        "chains": [[BESIDE["ed"], [link]], [BESIDE["es"], []]],
    }


def sealed(said: Content, origin: str = logs.ORIGIN) -> bytes:
    """The file, sealed by the key of the log."""
    inside = pack(said)
    digest = b64encode(sha256(inside).digest()).decode()
    text = f"ortoo/export/1\n{said['entity'].hex()}\n{digest}\n"
    return pack(["ortoo/export/1", inside, f"{text}\n{logs.line(text, origin)}"])


def _without(name: str, *gone: int) -> Content:
    said = content()
    return said | {name: [one for at, one in enumerate(said[name]) if at not in gone]}


def _swapped(name: str, at: int) -> Content:
    said = content()
    listed = list(said[name])
    listed[at], listed[at + 1] = listed[at + 1], listed[at]
    return said | {name: listed}


def _with_set(at: int, change: Callable[[bytes, bytes, bytes | None], list[Any]]) -> Content:
    said = content()
    head, signature, body = _parts(BESIDE["note"] if at == 1 else said["sets"][at])
    sets = list(said["sets"])
    sets[at] = pack(change(head, signature, body))
    return said | {"sets": sets}


def _reworded(head: bytes, signature: bytes, body: bytes | None) -> list[Any]:
    return [head, signature, (body or b"").replace(b"K-7", b"K-8")]


def _unsound() -> list[tuple[str, Content, list[str]]]:
    said = content()
    forged = b"".join([b"\x95\x01\x07", said["entries"][4][0][3:]]).replace(
        b"251125-0001", b"251125-0002"
    )
    proof = [bytes(32), *said["entries"][4][1][1:]]

    def entry(at: int, one: list[Any]) -> Content:
        return said | {"entries": [*said["entries"][:at], one, *said["entries"][at + 1 :]]}

    return [
        ("XP4: a set is left out", _without("sets", 2), ["set_missing"]),
        ("XP4: a set is left out with its ruling", _without("sets", 2) | {
            "entries": _without("entries", 6)["entries"]}, ["ruling_missing"]),
        ("XP4: the newest set is left out with its ruling", _without("sets", 3) | {
            "entries": _without("entries", 8)["entries"]}, ["ruling_missing"]),
        ("XP4: the head is another", said | {"head": bytes(16)}, ["ruling_changed"]),
        ("XP4: two sets changed places", _swapped("sets", 2), ["out_of_order"]),
        ("XP4: two rulings changed places", _swapped("entries", 6), ["out_of_order"]),
        ("XP3: a ruling says something else", entry(4, [forged, said["entries"][4][1]]),
         ["not_in_log", "ruling_changed"]),
        ("XP3: a proof leads elsewhere", entry(4, [said["entries"][4][0], proof]), ["not_in_log"]),
        ("XP3: a ruling that is none", entry(1, [b"\xc0", []]), ["bad_ruling"]),
        ("XP3: nobody announced the key", _without("entries", 0), ["key_not_announced"]),
        ("XP4: a signature of zeros", _with_set(0, lambda h, _s, b: [h, bytes(64), b]), ["forged"]),
        ("XP4: other words under the same header", _with_set(0, _reworded),
         ["bad_set", "set_missing"]),
        ("XP4: words are gone that nobody took away", _with_set(0, lambda h, s, _b: [h, s, None]), ["words_missing"]),
        ("XP4: redacted words are back", _with_set(1, lambda h, s, b: [h, s, b]), ["words_kept"]),
        ("XP4: a set twice", said | {"sets": [*SETS, SETS[3]]}, ["twice"]),
        ("XP4: a set that nobody ruled", said | {"sets": [*SETS, BESIDE["elsewhere"]]}, ["unruled"]),
        ("XP4: nobody enrolled a chain whose first set is not here", _without("entries", 3) | {
            "chains": said["chains"][:1]}, ["key_missing"]),
        ("XP4: no signature under the key of the enrolment", _with_set(2, lambda h, _s, b: [h, bytes(64), b]) | {
            "chains": said["chains"][:1]}, ["forged"]),
        ("XP4: nobody enrolled the key", _without("entries", 3), ["not_enrolled"]),
        ("XP4: the first set of a chain is no first set", said | {"chains": [[SETS[0], []], said["chains"][1]]},
         ["bad_chain"]),
        ("XP4: a link that does not lead back", said | {"chains": [
            [BESIDE["ed"], [list(_parts(BESIDE["es"])[:2])]], said["chains"][1]]}, ["bad_chain"]),
        ("XP4: a set that does not follow, and came as if it did", content(log=_log([])), ["chain_broken"]),
        ("XP7: met beyond its limit", content(14, _log(found={"hi": 1_800_001})), ["unfounded"]),
        ("XP7: missed within its limit", content(14, _log(found={"result": "missed", "lo": 1_800_000})), ["unfounded"]),
        ("XP7: a verdict that rests on nothing", content(14, _log(found={"end": [bytes(17), 0, 50]})), ["unfounded"]),
        ("XP7: a verdict on no clock", content(14, _log(found={"clock": 6})), ["bad_ruling", "ruling_missing"]),
        ("XP1: a ruling about something else", said | {"entries": sorted(
            [*said["entries"], [RULINGS[7], logs.path(7, [sha256(b"\x00" + r).digest() for r in RULINGS])]],
            key=lambda one: RULINGS.index(one[0]))}, ["foreign"]),
        ("XP3: a checkpoint of fewer entries", said | {"checkpoint": content(12)["checkpoint"]}, ["not_in_log"]),
        ("XP3: a checkpoint that is none", said | {"checkpoint": "hello"},
         ["bad_checkpoint", "key_not_announced", "ruling_missing", "unruled"]),
    ]  # fmt: skip


def _bare() -> list[tuple[str, bytes, list[str]]]:
    """Files whose seal, frame or size is wrong."""
    good = sealed(content())
    seal = good[good.index(b"ortoo/export/1\n") :].decode()
    head = good[: -len(pack(seal))]
    other = seal.replace("— ", "— x/").encode()
    doubled = (seal + seal[seal.index("— ") :]).encode()
    flipped = bytearray(good)
    flipped[good.index("艾力江".encode()) + 2] ^= 1
    return [
        ("XP2: a byte of a name is another", bytes(flipped), ["content_changed", "not_in_log"]),
        ("XP2: sealed in another name", head + pack(other.decode()), ["bad_seal"]),
        ("XP2: sealed twice", head + pack(doubled.decode()), ["bad_seal"]),
        ("XP2: no seal", head + pack("hello"), ["bad_seal"]),
        ("XP5: cut off", good[:-1], ["not_canonical"]),
        ("XP5: something behind it", good + b"\xc0", ["not_canonical"]),
        ("XP5: no file", b"", ["not_canonical"]),
        ("XP5: a file of another kind", pack(["ortoo/export/2", b"", ""]), ["not_an_export"]),
        ("XP5: content of another shape", pack(["ortoo/export/1", pack({"v": 1}), ""]), ["not_an_export"]),
        ("XP5: bytes told as a text", sealed(content() | {"epoch": b64encode(logs.EPOCH).decode()}), ["not_an_export"]),
        ("XP5: content that is not canonical", pack(["ortoo/export/1", b"\xcc\x05", ""]), ["not_canonical"]),
    ]  # fmt: skip


def _beside() -> list[tuple[str, bytes, bytes, list[str]]]:
    later, earlier = sealed(content()), sealed(content(12))
    past = [RULINGS[4], *RULINGS[1:4], RULINGS[0], *RULINGS[5:]]
    rewritten = content(13, (past, *LOG[1:]))
    rewritten["entries"] = [one for one in rewritten["entries"] if one[0] in RULINGS]
    gone = _without("sets", 3) | {"entries": _without("entries", 8)["entries"]}
    lost = {
        "epoch": logs.EPOCH,
        "size": 13,
        "root": bytes(32),
        "kept": 12,
        "why": "旧盘",
        "at_ms": 0,
    }
    row = {"alg": "Ed25519", "pub": logs.PUB, "epoch": LATER, "lost": [lost]}
    anew = [
        *RULINGS[:12],
        pack([1, 13, WALL_MS + 99, "org", {"what": "logs", "id": logs.SERVER, "row": row}]),
    ]
    origin = f"ortoo/{logs.SERVER.hex()}/{LATER.hex()}"
    leaves = [sha256(b"\x00" + raw).digest() for raw in anew]
    begun = content(12) | {
        "epoch": LATER,
        "checkpoint": checkpoint(leaves, origin),
        "entries": [[anew[at - 1], logs.path(at - 1, leaves)] for at in (*KEPT[:-2], 13)],
    }
    silent = begun | {"entries": begun["entries"][:-1]}
    return [
        ("XP6: the log grew", later, earlier, []),
        ("XP6: the same file", later, later, []),
        ("XP6: the log is shorter than it was", earlier, later, ["rolled_back"]),
        ("XP6: what lies before is another", sealed(rewritten), earlier, ["history_differs"]),
        ("XP6: a ruling is gone", sealed(gone), later, ["entry_gone"]),
        ("XP6: the loss is declared, and took one of them", sealed(begun, origin), later, ["declared_lost"]),
        ("XP6: the loss is declared, and took none of them", sealed(begun, origin), earlier, []),
        ("XP6: a new epoch without a word", sealed(silent, origin), later, ["undeclared_epoch"]),
        ("XP6: another incident", later, sealed(content() | {"entity": OTHER}), ["not_comparable"]),
        ("XP6: no file", later, b"", ["not_comparable"]),
    ]  # fmt: skip


def _sound(story: str, said: Content) -> dict[str, Any]:
    size = int(said["checkpoint"].split("\n")[1])
    told = {"size": size, "rulings": said["n"], "sets": len(said["sets"])}
    return {"story": story, "file": sealed(said).hex()} | told | {"people": {USER.hex(): "艾力江"}}


def cases() -> dict[str, Any]:
    """Every section of `evidence.json`."""
    return {
        "key": logs.PUB.hex(),
        "sound": [
            _sound("XP1: a log of 12 entries", content(12)),
            _sound("XP1: a log of 13 entries", content(13)),
            _sound("XP4: a set of another writer, and the ruling says that the one before it was not here",
                   content(log=_log(["gap"]))),
            _sound("XP7: a verdict that its bounds give", content(14, _log(found={}))),
            _sound("XP7: nobody can tell, and why", content(14, _log(found={
                "result": "undetermined", "grade": None, "hi": None, "why": ["no_sample_after"]}))),
            _sound("XP4: a chain whose first set is under way", content() | {"chains": content()["chains"][:1]}),
        ],
        "unsound": [
            {"story": story, "file": data.hex(), "codes": codes}
            for story, data, codes in (
                *((story, sealed(said), codes) for story, said, codes in _unsound()), *_bare(),
            )
        ],
        "beside": [
            {"story": story, "later": later.hex(), "earlier": earlier.hex(), "codes": codes}
            for story, later, earlier, codes in _beside()
        ],
    }  # fmt: skip
