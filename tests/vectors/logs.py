"""Cases of TL: trees of RFC 6962 and their proofs, tiles, signed notes, checkpoints, and what a witness says to them.

The trees are hashed here by the definitions of RFC 6962 section 2.1, word for word and without any cleverness. The
first eight leaves are those that Certificate Transparency logs test with, so that their roots are known elsewhere.

Example: `mth(LEAVES[:3])` is the root that the case of three entries names.
"""

from base64 import b64encode
from hashlib import sha256
from typing import Any

from tests.vectors.packing import tagged
from tests.vectors.sets import ED_KEY, KEYS

INPUTS = [bytes.fromhex(each) for each in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    *(f"{n:04x}" for n in range(8, 13)),
)]  # fmt: skip
LEAVES = [sha256(b"\x00" + each).digest() for each in INPUTS]
PUB = KEYS["Ed25519"]
SERVER, EPOCH, LATER = bytes(range(16)), bytes(range(8)), bytes(range(8, 16))
ORIGIN = f"ortoo/{SERVER.hex()}/{EPOCH.hex()}"
NEXT_ORIGIN = f"ortoo/{SERVER.hex()}/{LATER.hex()}"


def mth(leaves: list[bytes]) -> bytes:
    """The Merkle tree hash of a list of leaf hashes. Source: RFC 6962 section 2.1."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = _k(len(leaves))
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """The audit path of leaf m. Source: RFC 6962 section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = _k(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def proof(m: int, leaves: list[bytes], whole: bool = True) -> list[bytes]:
    """The consistency proof from the first m leaves. Source: RFC 6962 section 2.1.2."""
    if m == 0:
        return []
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = _k(len(leaves))
    if m <= k:
        return [*proof(m, leaves[:k], whole), mth(leaves[k:])]
    return [*proof(m - k, leaves[k:], False), mth(leaves[:k])]


def _k(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def key_id(name: str, pub: bytes = PUB) -> bytes:
    return sha256(name.encode() + b"\n\x01" + pub).digest()[:4]


def line(text: str, name: str) -> str:
    """A signature line over the text."""
    return f"— {name} {b64encode(key_id(name) + ED_KEY.sign(text.encode())).decode()}\n"


def text_of(size: int, root: bytes, origin: str = ORIGIN) -> str:
    return f"{origin}\n{size}\n{b64encode(root).decode()}\ntime 1764000000000\n"


def signed(size: int, root: bytes | None = None, origin: str = ORIGIN) -> str:
    """A checkpoint of the first leaves, signed."""
    text = text_of(size, mth(LEAVES[:size]) if root is None else root, origin)
    return f"{text}\n{line(text, origin)}"


def _hexes(hashes: list[bytes]) -> list[str]:
    return [each.hex() for each in hashes]


def _trees() -> list[dict[str, Any]]:
    return [
        {"story": f"TL1: {size} entries", "leaves": _hexes(LEAVES[:size]), "root": mth(LEAVES[:size]).hex()}
        for size in range(len(LEAVES) + 1)
    ]  # fmt: skip


def _inclusion() -> list[dict[str, Any]]:
    return [
        {
            "story": f"TL2: entry {index} of {size}",
            "index": index,
            "size": size,
            "leaf": LEAVES[index].hex(),
            "proof": _hexes(path(index, LEAVES[:size])),
            "root": mth(LEAVES[:size]).hex(),
            "before": mth(LEAVES[: index + 1]).hex(),
        }
        for size in (1, 2, 3, 5, 7, 8, 13)
        for index in range(size)
    ]


def _inclusion_refused() -> list[dict[str, Any]]:
    good = path(4, LEAVES[:7])
    cases = [
        ("a sibling too few", 4, 7, good[:-1]),
        ("a sibling too many", 4, 7, [*good, LEAVES[0]]),
        ("siblings swapped", 4, 7, [good[1], good[0], *good[2:]]),
        ("another index", 5, 7, good),
        ("another size", 4, 6, good),
        ("beyond the end", 7, 7, good),
        ("nothing in an empty log", 0, 0, []),
        ("a sibling in a log of one", 0, 1, [LEAVES[1]]),
    ]
    return [
        {
            "story": f"TL2: {story}",
            "index": index,
            "size": size,
            "leaf": LEAVES[4].hex(),
            "proof": _hexes(siblings),
            "root": mth(LEAVES[:7]).hex(),
        }
        for story, index, size, siblings in cases
    ]


def _consistency() -> list[dict[str, Any]]:
    def case(
        story: str, first: int, size: int, hashes: list[bytes], holds: bool, **other: bytes
    ) -> dict[str, Any]:
        return {
            "story": f"TL3: {story}",
            "first": first,
            "first_root": other.get("first_root", mth(LEAVES[:first])).hex(),
            "size": size,
            "root": other.get("root", mth(LEAVES[:size])).hex(),
            "proof": _hexes(hashes),
            "holds": holds,
        }

    good = proof(3, LEAVES[:7])
    forked = [*LEAVES[:2], LEAVES[9], *LEAVES[3:7]]
    return [
        *(
            case(f"from {first} to {size}", first, size, proof(first, LEAVES[:size]), True)
            for size in (0, 1, 2, 3, 4, 6, 7, 8, 13)
            for first in range(size + 1)
        ),
        case("one hash too few", 3, 7, good[:-1], False),
        case("one hash too many", 3, 7, [*good, LEAVES[0]], False),
        case("hashes swapped", 3, 7, [good[1], good[0], *good[2:]], False),
        case("no proof", 3, 7, [], False),
        case("smaller than before", 7, 3, [], False),
        case("one size, two roots", 7, 7, [], False, root=mth(forked)),
        case("a proof where none is needed", 7, 7, good, False),
        case("another past", 3, 7, proof(3, forked), False, root=mth(forked)),
        case("another future under an old proof", 3, 7, good, False, root=mth(forked)),
        case("a past that was never empty", 0, 7, [], False, first_root=LEAVES[0]),
        case("an empty log with a root", 0, 0, [], False, root=LEAVES[0]),
        case("a power of two, another past", 4, 7, proof(4, LEAVES[:7]), False, first_root=LEAVES[0]),
    ]  # fmt: skip


def _tiles() -> dict[str, Any]:
    good = [(0, 0, 256, "0/000"), (0, 5, 8, "0/005.p/8"), (0, 1_234_067, 256, "0/x001/x234/067"),
            (1, 999, 255, "1/999.p/255"), (2, 1000, 1, "2/x001/000.p/1"), (63, 7, 256, "63/007")]  # fmt: skip
    bad = ["", "0", "0/0", "0/1000", "0/x000/001", "0/001/002", "0/x001", "00/001", "64/001", "0/001.p/0",
           "0/001.p/256", "0/001.p/08", "0/001/", "/0/001", "0/-01", "0/001\n", "0/٠٠١"]  # fmt: skip
    return {
        "tiles": [
            {"story": f"TL4: {name}", "level": level, "n": n, "width": width, "path": name}
            for level, n, width, name in good
        ],
        "tiles_refused": [{"story": f"TL4: {name!r}", "path": name} for name in bad],
    }


def _notes() -> dict[str, Any]:
    text = "an order went out\n"
    own = line(text, "log/1")
    elsewhere = line(text, "witness/2")
    torn = own.replace("— log/1 ", "").strip()
    broken = f"— log/1 {b64encode(key_id('log/1') + bytes(64)).decode()}\n"
    foreign = f"— log/1 {b64encode(bytes(4) + bytes(64)).decode()}\n"
    notes = [
        ("its one signature holds", text + "\n" + own, True),
        ("beside one of a name that nobody here knows", text + "\n" + elsewhere + own, True),
        ("beside one of another key of the same name", text + "\n" + foreign + own, True),
        ("twice", text + "\n" + own + own, True),
        ("only somebody else signed", text + "\n" + elsewhere, False),
        ("a signature that does not hold", text + "\n" + broken, False),
        ("one that holds and one that does not", text + "\n" + own + broken, False),
        ("the text was changed", "no " + text + "\n" + own, False),
        ("an empty line in the text", "a\n\nb\n\n" + line("a\n\nb\n", "log/1"), True),
        ("text in Chinese", "已签收\n\n" + line("已签收\n", "log/1"), True),
    ]
    refused = [
        ("nothing", ""),
        ("no signature", text),
        ("no signature after the empty line", text + "\n"),
        ("no empty line", text + own),
        ("no text", "\n" + own),
        ("no newline at the end", (text + "\n" + own)[:-1]),
        ("an empty line at the end", text + "\n" + own + "\n"),
        ("a plain hyphen", text + "\n" + own.replace("—", "-")),
        ("no name", text + "\n— " + torn + "\n"),
        ("a plus in the name", text + "\n" + own.replace("log/1", "log+1")),
        ("two spaces", text + "\n" + own.replace("log/1 ", "log/1  ")),
        ("base64 with a space", text + "\n" + own[:-5] + " " + own[-5:]),
        ("base64 that is not padded", text + "\n" + own.rstrip("=\n") + "\n"),
        ("base64 with bits that say nothing", text + "\n— log/1 AAAAAAB=\n"),
        ("base64 for the web", text + "\n— log/1 AAAA_AAA\n"),
        ("a key id and nothing more", text + "\n— log/1 AAAAAA==\n"),
        ("a tab", "a\tb\n\n" + line("a\tb\n", "log/1")),
        ("a carriage return", text + "\r\n" + own),
        ("17 signatures", text + "\n" + own * 17),
        ("text without end", "a" * 8_192 + "\n\n" + line("a\n", "log/1")),
    ]
    root = mth(LEAVES[:7])
    checkpoints = [
        ("seven entries", 7, root),
        ("none yet", 0, mth([])),
        ("very many", 2**53 - 1, root),
    ]
    bad = [
        ("no root", f"{ORIGIN}\n7\n"),
        ("no newline", text_of(7, root)[:-1]),
        ("no origin", f"\n7\n{b64encode(root).decode()}\n"),
        ("a size with a zero before it", text_of(7, root).replace("\n7\n", "\n07\n")),
        ("a size below nothing", text_of(7, root).replace("\n7\n", "\n-7\n")),
        ("a size in hex", text_of(7, root).replace("\n7\n", "\n0x7\n")),
        ("a size past every number", text_of(7, root).replace("\n7\n", "\n9007199254740992\n")),
        ("a root too short", text_of(7, root[:31])),
        ("a root too long", text_of(7, root + b"\x00")),
        ("a root that is not base64", f"{ORIGIN}\n7\nroot\n"),
        ("an empty further line", text_of(7, root) + "\n"),
    ]  # fmt: skip
    return {
        "keys": [
            {
                "story": f"TL5: {name}",
                "name": name,
                "pub": PUB.hex(),
                "id": key_id(name).hex(),
                "key": f"{name}+{key_id(name).hex()}+{b64encode(bytes([1]) + PUB).decode()}",
                "fingerprint": " ".join(sha256(PUB).hexdigest()[at : at + 4] for at in range(0, 32, 4)),
            }
            for name in ("log/1", ORIGIN)
        ],
        "notes": [
            {"story": f"TL5: {story}", "note": note, "name": "log/1", "pub": PUB.hex(), "holds": holds}
            for story, note, holds in notes
        ],
        "notes_refused": [{"story": f"TL5: {story}", "note": note} for story, note in refused],
        "checkpoints": [
            {
                "story": f"TL6: {story}",
                "text": text_of(size, hashed),
                "origin": ORIGIN,
                "size": size,
                "root": hashed.hex(),
                "extensions": ["time 1764000000000"],
            }
            for story, size, hashed in checkpoints
        ],
        "checkpoints_refused": [{"story": f"TL6: {story}", "text": text} for story, text in bad],
    }  # fmt: skip


def _witness() -> list[dict[str, Any]]:
    row = {"pub": PUB.hex(), "epoch": EPOCH.hex(), "lost": []}
    later = {"pub": PUB.hex(), "epoch": LATER.hex(), "lost": [EPOCH.hex()]}
    other = {"pub": bytes(32).hex(), "epoch": EPOCH.hex(), "lost": []}
    forked = [*LEAVES[:2], LEAVES[9], *LEAVES[3:7]]
    unsigned = signed(7).replace(" ", "  ")
    told = signed(7).replace("\n7\n", "\n8\n")
    # story, held size (None: nothing), note, proof, row, what comes of it
    cases: list[tuple[str, int | None, str, list[bytes], dict[str, Any], int | str]] = [
        ("the first one is believed", None, signed(3), [], row, 3),
        ("it has grown", 3, signed(7), proof(3, LEAVES[:7]), row, 7),
        ("nothing new", 7, signed(7), [], row, 7),
        ("it has grown from nothing", 0, signed(7), [], row, 7),
        ("fewer entries than before", 7, signed(3), [], row, "smaller"),
        ("one size, two roots", 7, signed(7, mth(forked)), [], row, "split"),
        ("grown out of another past", 3, signed(7, mth(forked)), proof(3, forked), row, "inconsistent"),
        ("grown, without a proof", 3, signed(7), [], row, "inconsistent"),
        ("no note", 3, "hello", [], row, "bad_note"),
        ("a note that is not written as one", 3, unsigned, [], row, "bad_note"),
        ("a note about something else", 3, "hello\n\n" + line("hello\n", ORIGIN), [], row, "bad_checkpoint"),
        ("another number under the signature", 3, told, [], row, "bad_signature"),
        ("signed with another key than the organisation names", None, signed(3), [], other, "bad_signature"),
        ("the organisation names another key than before", 3, signed(3), [], other, "other_key"),
        ("the checkpoint of another log", 3, signed(7, origin=NEXT_ORIGIN), [], row, "other_log"),
        ("a new epoch after a declared loss", 7, signed(3, origin=NEXT_ORIGIN), [], later, 3),
        ("a new epoch and no word about the old one", 7, signed(3, origin=NEXT_ORIGIN), [],
         later | {"lost": []}, "undeclared_epoch"),
    ]  # fmt: skip
    return [
        {
            "story": f"TL8, TL9: {story}",
            "server": SERVER.hex(),
            "held": None if held is None else signed(held),
            "note": note,
            "proof": _hexes(hashes),
            "row": named,
            "result": result,
        }
        for story, held, note, hashes, named, result in cases
    ]


def _entities() -> list[dict[str, Any]]:
    head, cases = bytes(16), []
    for n, leaf in enumerate(LEAVES[:4], 1):
        cases.append({"story": f"TL10: ruling {n}", "en": n, "eh": head.hex(), "leaf": leaf.hex()})
        head = tagged("ortoo/entity/1", head, leaf)[:16]
    return cases


def cases() -> dict[str, Any]:
    """Every section of `log.json`."""
    return {
        "trees": _trees(),
        "inclusion": _inclusion(),
        "inclusion_refused": _inclusion_refused(),
        "consistency": _consistency(),
        **_tiles(),
        **_notes(),
        "witness": _witness(),
        "entities": _entities(),
    }
