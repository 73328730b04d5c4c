"""A witness written from SPEC alone: it makes the vector files and shares no code with `sync/` or `pwa/src/sync/`.

Every byte of its files follows from the cases in this folder and from the few lines of `packing.py`. What is good is
packed; what is bad is spelled out byte by byte. `README.md` tells how to read the files.

Example: `python -m tests.vectors.forge` writes all files anew; `git diff` then shows what a change of rules changed.
"""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.vectors import (
    bad_sets,
    bundles,
    byte_cases,
    clocks,
    damage,
    exports,
    frames,
    logs,
    messages,
    records,
    sets,
    signatures,
    snapshots,
)
from tests.vectors.packing import pack, squeezed, tagged, value_json

HERE = Path(__file__).parent


def canon() -> dict[str, Any]:
    """Values and their bytes; bytes that stand for nothing; values that have no bytes (CB)."""
    return {
        "values": [
            {"story": story, "rule": rule, "value": value_json(value), "hex": pack(value).hex()}
            for story, rule, value in byte_cases.VALUES
        ],
        "accepted": [
            {"story": story, "rule": rule, "hex": written}
            for story, rule, written in byte_cases.ACCEPTED
        ],
        "refused": [
            {"story": story, "rule": rule, "hex": written, "code": code, "offset": offset}
            for story, rule, written, code, offset in byte_cases.REFUSED
        ],
        "unwritable": [
            {"story": story, "rule": rule, "value": value, "code": code}
            for story, rule, value, code in byte_cases.UNWRITABLE
        ],
    }


def ids() -> dict[str, Any]:
    """Names computed from bytes, and their text form (ID)."""
    short, long, nonce = bytes(range(32)), b"\x04" + bytes(range(64)), bytes(range(16, 32))
    return {
        "hashes": [
            {
                "story": f"{tag} over {len(parts)} parts",
                "tag": tag,
                "parts": [part.hex() for part in parts],
                "hash": tagged(tag, *parts).hex(),
            }
            for tag, *parts in (
                ("ortoo/set/1", b"header"),
                ("ortoo/body/1", b""),
                ("ortoo/chain/1", short, nonce),
                ("ortoo/scope/1", bytes(16), bytes(32)),
            )
        ],
        "sets": [
            {
                "story": "a header's hash",
                "header": "9301",
                "set": tagged("ortoo/set/1", b"\x93\x01").hex(),
            }
        ],
        "bodies": [
            {"story": "a body's hash", "body": "c0", "hash": tagged("ortoo/body/1", b"\xc0").hex()}
        ],
        "chains": [
            {
                "story": story,
                "pub": pub.hex(),
                "nonce": nonce.hex(),
                "chain": tagged("ortoo/chain/1", pub, nonce)[:16].hex(),
            }
            for story, pub in (("an Ed25519 key", short), ("a P-256 point", long))
        ],
        "ops": [
            {
                "story": f"op {index}",
                "set": bytes(range(32)).hex(),
                "index": index,
                "op": f"{bytes(range(16)).hex()}{index:02x}",
            }
            for index in (0, 1, 19)
        ],
        "text": [{"story": "lower-case hex", "text": "00ff" * 8}],
        "refused_text": [
            {"story": "upper case", "text": "00FF" * 8},
            {"story": "too short", "text": "00ff" * 7},
            {"story": "too long", "text": "00ff" * 9},
            {"story": "spaces between", "text": "00 ff " * 5 + "00"},
            {"story": "no hex digit", "text": "0g" * 16},
            {"story": "nothing", "text": ""},
        ],
    }


def rulings() -> dict[str, Any]:
    """Rulings, their leaves, and the heads of a scope that lists them (RL, SC2)."""
    head, cases = bytes(16), []
    for story, idx, at_ms, kind, payload in records.RULINGS:
        data = pack([1, idx, at_ms, kind, payload])
        leaf = sha256(b"\x00" + data).digest()
        head = tagged("ortoo/scope/1", head, leaf)[:16]
        cases.append(
            {
                "story": story,
                "idx": idx,
                "at_ms": at_ms,
                "kind": kind,
                "payload": value_json(payload),
                "ruling": data.hex(),
                "leaf": leaf.hex(),
                "head": head.hex(),
            }
        )
    return {
        "rulings": cases,
        "refused": [
            {"story": story, "ruling": data.hex(), "code": code}
            for story, data, code in records.REFUSED
        ],
        "standing": [
            {"story": story, "idx": idx, "other": other, "stands": stands}
            for story, idx, other, stands in records.STANDING
        ],
        "leaving": [
            {
                "story": story,
                "kind": kind,
                "payload": value_json(payload),
                "scope": scope,
                "leaves": leaves,
            }
            for story, kind, payload, scope, leaves in records.LEAVING
        ],
    }


def exchange() -> dict[str, Any]:
    """One example of every message (EX); a reply may hold its keys in any order."""
    return {
        "messages": [
            {"story": story, "message": name, "value": value_json(value), "hex": pack(value).hex()}
            for story, name, value in messages.MESSAGES
        ],
        "refused": [
            {"story": story, "message": name, "hex": squeezed(data)}
            for story, name, data in messages.REFUSED
        ],
    }


FILES = {
    "canon": canon,
    "ids": ids,
    "clock": clocks.cases,
    "changeset": lambda: (
        sets.cases()
        | {
            "refused": bad_sets.refused(),
            "signatures": signatures.signatures(),
            "keys": signatures.public_keys(),
        }
    ),
    "rulings": rulings,
    "exchange": exchange,
    "log": logs.cases,
    "evidence": exports.cases,
    "snapshot": snapshots.cases,
    "forks": damage.cases,
    "bundle": bundles.cases,
    "frames": frames.cases,
}


def text_of(name: str) -> str:
    """The text of one vector file."""
    return json.dumps(FILES[name](), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    for each in FILES:
        (HERE / f"{each}.json").write_text(text_of(each), encoding="utf-8")
