"""Cases of FK: sync tokens shown in a row, proofs of forks, and what is left of damaged sets.

Example: a hello that repeats the name of the last one is answered the same; one that shows an older token is a copy's.
"""

from typing import Any

from tests.vectors import sets
from tests.vectors.packing import pack, tagged, value_json

Case = dict[str, Any]


def token(number: int, chance: int) -> bytes:
    """A sync token: a number of 8 bytes and 8 bytes of chance (FK3)."""
    return number.to_bytes(8, "big") + bytes([chance]) * 8


# story, hellos in a row: (token shown, name, chance of the answer, token given or None, why to rotate or None)
_HELLOS: list[tuple[str, list[tuple[bytes | None, int, int, bytes | None, str | None]]]] = [
    ("FK3: token after token, each one more than the last", [
        (None, 1, 0xA1, token(1, 0xA1), None),
        (token(1, 0xA1), 2, 0xA2, token(2, 0xA2), None),
        (token(2, 0xA2), 3, 0xA3, token(3, 0xA3), None),
    ]),
    ("FK3: an answer that was lost is given again under the same name", [
        (None, 1, 0xA1, token(1, 0xA1), None),
        (None, 1, 0xA2, token(1, 0xA1), None),
        (token(1, 0xA1), 2, 0xA3, token(2, 0xA3), None),
        (token(1, 0xA1), 2, 0xA4, token(2, 0xA3), None),
        (token(2, 0xA3), 3, 0xA5, token(3, 0xA5), None),
    ]),
    ("FK3: the same token under another name is a copy's, and changes nothing for the other", [
        (None, 1, 0xA1, token(1, 0xA1), None),
        (token(1, 0xA1), 2, 0xA2, token(2, 0xA2), None),
        (token(1, 0xA1), 9, 0xA3, None, "copied"),
        (None, 10, 0xA4, None, "copied"),
        (token(2, 0xA2), 3, 0xA5, token(3, 0xA5), None),
    ]),
    ("FK3: a token nobody here gave, of no greater number, is a copy's too", [
        (None, 1, 0xA1, token(1, 0xA1), None),
        (token(1, 0xBB), 2, 0xA2, None, "copied"),
        (token(0, 0xA1), 3, 0xA3, None, "copied"),
    ]),
    ("FK3: a centre restored from a backup believes the tokens it has forgotten", [
        (None, 1, 0xA1, token(1, 0xA1), None),
        (token(7, 0xC7), 8, 0xA2, token(8, 0xA2), None),
        (token(8, 0xA2), 9, 0xA3, token(9, 0xA3), None),
    ]),
    ("FK3: a centre that forgot everything begins where the device stands", [
        (token(4, 0xC4), 5, 0xA1, token(5, 0xA1), None),
    ]),
]  # fmt: skip


def greetings() -> list[Case]:
    """Hellos of one chain in a row, and what each is answered."""
    return [
        {
            "story": story,
            "hellos": [
                {
                    "shown": shown.hex() if shown else None,
                    "request": bytes([name]).hex() * 16,
                    "chance": bytes([chance]).hex() * 8,
                    "token": given.hex() if given else None,
                    "rotate": why,
                }
                for shown, name, chance, given, why in hellos
            ],
        }
        for story, hellos in _HELLOS
    ]


def _signed(text: str, seq: int = 1, alg: str = "Ed25519") -> tuple[bytes, bytes, bytes]:
    """Header, signature and body of a note at a place of the chain."""
    body = sets.body_of([sets.NOTE | {"text": text}])
    head = pack(sets.header(body, seq=seq))
    return head, sets.sign(alg, tagged("ortoo/set/1", head)), body


def proofs() -> list[Case]:
    """Fork proofs and what only looks like one (FK1)."""
    (a, a_signed, _), (b, b_signed, _) = _signed("甲"), _signed("乙")
    later, later_signed, _ = _signed("丙", seq=2)
    chain = sets.chain_of("Ed25519")
    good = {"chain": chain, "seq": 1, "a": [a, a_signed], "b": [b, b_signed]}
    cases = [
        ("FK1: two signed sets at one place", good, True),
        ("FK1: one set twice", good | {"b": [a, a_signed]}, False),
        ("FK1: two sets in a row", good | {"b": [later, later_signed]}, False),
        ("FK1: at another place than they say", good | {"seq": 2}, False),
        ("FK1: of another chain", good | {"chain": bytes(16)}, False),
        ("FK1: the second signature is the first's", good | {"b": [b, a_signed]}, False),
        ("FK1: a header that is none", good | {"a": [b"\xc0", a_signed]}, False),
    ]
    pub = sets.KEYS["Ed25519"]
    return [
        {
            "story": story,
            "alg": "Ed25519",
            "pub": pub.hex(),
            "proof": value_json(proof),
            "holds": holds,
        }
        for story, proof, holds in cases
    ]


def legible() -> list[Case]:
    """Stored sets of which bytes were changed, and what of them may be signed anew (FK7)."""
    head, signature, body = _signed("到达现场")
    said = {
        "kind": "incident",
        "entity": value_json(sets.INCIDENT),
        "ops": value_json([sets.NOTE | {"text": "到达现场"}]),
        "scope": f"station:{sets.STATION.hex()}:2025-11",
        "hlc": None,
    }
    stamp = value_json(sets.header(body)[4])
    said["scope"] = sets.header(body)[10]
    whole = said | {"hlc": stamp}
    headless = said | {"scope": None}

    def flipped(data: bytes, at: int) -> bytes:
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

    def cut(data: bytes) -> bytes:
        return data[:-1]

    words = body.index("到达".encode())
    cases: list[tuple[str, bytes, Case | None]] = [
        ("FK7: a changed signature leaves every word certain", pack([head, flipped(signature, 9), body]), whole),
        ("FK7: a lost signature too", pack([head, b"", body]), whole),
        ("FK7: a header that does not decode, in which the hash of the body still stands",
         pack([flipped(head, 0), signature, body]), headless),
        ("FK7: a changed word is not signed anew", pack([head, signature, flipped(body, words + 2)]), None),
        ("FK7: a changed hash makes every word uncertain", pack([flipped(head, len(head) - 3), signature, body]), None),
        ("FK7: a set cut off", cut(pack([head, signature, body])), None),
        ("FK7: a body that was removed by order has no words", pack([head, signature, None]), None),
        ("FK7: something else altogether", b"\xc0", None),
        ("FK7: nothing", b"", None),
    ]  # fmt: skip
    return [{"story": story, "raw": raw.hex(), "left": left} for story, raw, left in cases]


def again() -> list[Case]:
    """Ops written once more on another chain (FK7)."""
    chain, was = sets.chain_of("Ed25519"), bytes([0xDD]) * 32
    old, new = bytes([0xD1]) * 16 + b"\x00", bytes([0xE1]) * 16 + b"\x03"
    other = bytes([0xD2]) * 16 + b"\x00"
    hlc = bytes.fromhex("019ab697e8000007")
    orig = {"chain": chain, "seq": 4, "set": was, "hlc": hlc}
    happened_ms = 1_764_000_000_500

    def case(story: str, ops: list[Any], expect: list[Any], **more: Any) -> Case:
        return {
            "story": f"FK7: {story}",
            "ops": value_json(ops),
            "orig": value_json(more.get("orig", orig)),
            "happened_ms": happened_ms,
            "renamed": {old.hex(): new.hex()},
            "expect": value_json(expect),
        }

    at = {"at": happened_ms, "orig": orig}
    bare = {key: value for key, value in orig.items() if key != "hlc"}
    first = {"at": 5, "orig": orig | {"seq": 1}}
    return [
        case("when it happened and what it was stand beside the words", [sets.NOTE], [sets.NOTE | at]),
        case("a time of its own stands", [sets.NOTE | {"at": 7}], [sets.NOTE | {"at": 7, "orig": orig}]),
        case(
            "what was written again before it is named by its new id, anything else by its own",
            [
                {"t": "entry.correct", "entry": old, "text": "更正"},
                {"t": "fact.set", "f": "place", "v": "东街", "p": [old, other]},
                {"t": "entry.add", "kind": "note", "text": "附", "data": {"about": {"op": old}}},
            ],
            [
                {"t": "entry.correct", "entry": new, "text": "更正"} | at,
                {"t": "fact.set", "f": "place", "v": "东街", "p": [new, other]} | at,
                {"t": "entry.add", "kind": "note", "text": "附", "data": {"about": {"op": new}}} | at,
            ],
        ),
        case("of a set whose header is lost the stamp is left out", [sets.NOTE],
             [sets.NOTE | {"at": happened_ms, "orig": bare}], orig=bare),
        case("written again twice, it names its first writing", [sets.NOTE | first], [sets.NOTE | first]),
        case("the opening of a chain is not written again", [sets.OPEN["Ed25519"], sets.NOTE], [sets.NOTE | at]),
    ]  # fmt: skip


def cases() -> dict[str, Any]:
    """The whole file."""
    return {"greetings": greetings(), "proofs": proofs(), "legible": legible(), "again": again()}
