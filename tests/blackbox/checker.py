"""Does a data directory keep what was promised? The one checker behind every test that kills, cuts or starves a centre.

Responsible for comparing a journal of promises (`journal.py`) with the database of a stopped centre, and for naming
each broken promise by its kind (`KINDS`). It shares no code with the product: hashes, layouts and signatures are
spelled out here from `sync/SPEC.md`, so that a mistake there is not repeated here.

    python -m tests.blackbox.checker JOURNAL DATA_DIR       # exit 0, or 1 with one line per violation

Example: a set that was acked and is not stored gives `lost: 3f2a…, acked at 812`.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tests.blackbox import journal
from tests.blackbox.evidence import Database, Stored, UnreadableError, read_stopped

KINDS = {
    "lost": "a set that was acked is not stored",
    "altered": "a set is stored with other bytes than were sent",
    "misnamed": "a stored set stands under an id, chain or seq that is not in its header",
    "duplicate": "one set is stored twice",
    "out_of_order": "sets of one chain and lane arrived in another order than they were written",
    "broken_chain": "a stored set does not follow the one stored before it",
    "gap": "a chain that was sent whole has a hole",
    "unsigned": "a stored set is not signed by its chain's key",
    "unruled": "a stored set has no ruling of its own",
    "ruled_twice": "a set has two rulings at its arrival",
    "ruling_changed": "the ruling is not the one that was told with the ack",
    "answer_changed": "the same set was answered in two ways",
    "untimely": "a set was called safe at the centre before it was",
    "index_gap": "the rulings are not numbered 1, 2, 3 … up to the head of the log",
    "arrival_gap": "the sets are not numbered 1, 2, 3 … up to the head of the log",
    "scope_gap": "the entries of a scope are not numbered 1, 2, 3 … up to its head",
    "scope_head": "a head of a scope does not follow from its rulings",
    "scope_rolled_back": "a scope no longer leads to a head that was told",
    "unlisted": "a ruling stands in no scope",
    "log_rolled_back": "the log is another, or shorter than was told",
    "chain_head": "the summary of a chain does not match its sets",
    "not_enrolled": "a device that was enrolled is not known",
    "number": "an incident number that was given out is gone or given twice",
    "stalled": "a set was never acked or ruled although the faults had ended",
    "corrupt": "the database is damaged",
}


class Violation(NamedTuple):
    """One broken promise: its kind, and what is known of it."""

    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}"


Found = Iterator[Violation]


def check(journal_file: Path, data_dir: Path) -> list[Violation]:
    """Every broken promise; empty when all were kept. The centre must not be running."""
    promises: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in journal.read(journal_file):
        promises[line["e"]].append(line)
    try:
        database = read_stopped(data_dir)
    except UnreadableError as error:
        return [Violation("corrupt", str(error))]
    return [
        *(Violation("corrupt", what) for what in database.damage),
        *_sets_are_whole(database),
        *_chains_hold(database),
        *_rulings_hold(database),
        *_scopes_hold(database),
        *_acks_were_kept(database, promises),
        *_ticks_were_true(database, promises),
        *_what_was_written_arrived(database, promises),
        *_what_was_told_still_stands(database, promises),
    ]


# ---- what must hold of any database ---------------------------------------------------------------


def _sets_are_whole(db: Database) -> Found:
    for one in db.sets:
        if one.named != (one.id, one.chain, one.seq):
            yield Violation("misnamed", f"arrival {one.arrival_no}, {_name(one)}")
        key = db.keys.get(one.chain)
        if key is not None and not _signed(one.named[0], one.signature, *key):
            yield Violation("unsigned", _name(one))
    for stored in db.by_id.values():
        if len(stored) > 1:
            yield Violation("duplicate", f"{len(stored)} times {_name(stored[0])}")


@cache  # a run checks after every fault, and what it found signed it need not verify again
def _signed(set_id: bytes, signature: bytes, alg: str, pub: bytes) -> bool:
    message = b"ortoo/sig/1\x00" + set_id
    try:
        if alg == "Ed25519":
            ed25519.Ed25519PublicKey.from_public_bytes(pub).verify(signature, message)
        else:
            r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
            point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), pub)
            point.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def _chains_hold(db: Database) -> Found:
    for chain, stored in db.by_chain.items():
        at: dict[int, list[Stored]] = defaultdict(list)
        lanes: dict[int, list[Stored]] = defaultdict(list)
        for one in stored:
            at[one.seq].append(one)
            lanes[one.lane].append(one)
        for one in stored:
            before = at.get(one.seq - 1, [])
            if before and all(other.id != one.prev for other in before):
                yield Violation("broken_chain", _name(one))
        for arrived in lanes.values():
            for earlier, later in pairwise(arrived):
                if later.seq < earlier.seq:
                    yield Violation("out_of_order", f"{_name(later)} after seq {earlier.seq}")
        have = -1
        while have + 1 in at:
            have += 1
        if (summary := db.chain_heads.get(chain)) != (have, max(at), len(stored)):
            yield Violation("chain_head", f"chain {chain.hex()} says {summary}, holds to {have}")


def _rulings_hold(db: Database) -> Found:
    idx, arrival_no, _origin, _epoch = db.head
    yield from _dense("index_gap", "ruling", sorted(db.rulings), idx)
    yield from _dense("arrival_gap", "set", [one.arrival_no for one in db.sets], arrival_no)
    ruled: dict[bytes, list[int]] = defaultdict(list)
    for at, ruling in db.said.items():
        if ruling[1] != at:
            yield Violation("index_gap", f"ruling {at} says it is {ruling[1]}")
        if ruling[3] == "set":
            ruled[ruling[4]["set"]].append(at)
    for one in db.sets:
        found = db.said.get(one.idx)
        if found is None or found[3] != "set" or found[4]["set"] != one.id:
            yield Violation("unruled", _name(one))
    for set_id, indices in ruled.items():
        if len(indices) > 1:
            yield Violation("ruled_twice", f"{set_id.hex()} at {indices}")


def _scopes_hold(db: Database) -> Found:
    listed: set[int] = set()
    for scope, name, _epoch, newest, newest_head in db.scopes:
        entries = db.entries.get(scope, [])
        yield from _dense("scope_gap", f"{name}: entry", [n for n, _idx, _head in entries], newest)
        head = bytes(16)
        for n, idx, stored in entries:
            listed.add(idx)
            leaf = sha256(b"\x00" + db.rulings.get(idx, b"")).digest()
            head = sha256(b"ortoo/scope/1\x00" + head + leaf).digest()[:16]
            if head != stored:
                yield Violation("scope_head", f"{name} at {n}")
                head = stored
        if head != newest_head:
            yield Violation("scope_head", f"{name} at its end, {newest}")
    for idx in db.rulings.keys() - listed:
        yield Violation("unlisted", f"ruling {idx}")


def _dense(kind: str, what: str, numbers: list[int], newest: int) -> Found:
    if numbers != list(range(1, newest + 1)):
        missing = sorted(set(range(1, newest + 1)) - set(numbers))[:5]
        beyond = [number for number in numbers if not 1 <= number <= newest][:5]
        yield Violation(kind, f"{what} missing {missing}, beyond the head at {newest} {beyond}")


# ---- what was promised ----------------------------------------------------------------------------


def _acks_were_kept(db: Database, promises: dict[str, list[dict[str, Any]]]) -> Found:
    first: dict[str, dict[str, Any]] = {}
    for ack in promises["acked"] + promises["ruled"]:
        set_id = bytes.fromhex(ack["id"])
        told = [ack[name] for name in ("idx", "at_ms", "d", "why", "no")]
        earlier = first.setdefault(ack["id"], ack)
        before = [earlier[name] for name in ("idx", "at_ms", "d", "why", "no")]
        if told != before:
            yield Violation("answer_changed", f"{ack['id']}: {before}, then {told}")
        stored = db.by_id.get(set_id)
        if not stored:
            yield Violation("lost", f"{ack['id']}, {ack['e']} at {ack['idx']}")
        elif "bytes" in ack:
            yield from _unaltered(db, stored[0], ack)
        ruling = db.said.get(ack["idx"])
        if ruling is not None:
            said = ruling[4]
            ruled = [ruling[2], said.get("set"), said.get("d"), said.get("why"), said.get("no")]
            if ruled != [ack["at_ms"], set_id, ack["d"], ack["why"], ack["no"]]:
                yield Violation("ruling_changed", f"{ack['id']} at {ack['idx']}: {ruled}")


def _ticks_were_true(db: Database, promises: dict[str, list[dict[str, Any]]]) -> Found:
    for event in ("acked", "ruled", "settled"):
        for tick in promises[event]:
            stored = db.by_id.get(bytes.fromhex(tick["id"]))
            if not stored and event == "settled":
                yield Violation("lost", f"{tick['id']}, taken for safe at {tick['t_ms']}")
            elif stored and (ruling := db.said.get(stored[0].idx)) is not None:
                early_ms = ruling[2] - tick["t_ms"]
                if early_ms > 0:
                    yield Violation("untimely", f"{tick['id']}, {event} {early_ms} ms before")


def _what_was_written_arrived(db: Database, promises: dict[str, list[dict[str, Any]]]) -> Found:
    answered = {line["id"] for line in promises["acked"] + promises["ruled"]}
    for made in promises["made"]:
        stored = db.by_id.get(bytes.fromhex(made["id"]))
        if stored:
            yield from _unaltered(db, stored[0], made)
        if promises["healed"] and made["id"] not in answered:
            yield Violation("stalled", f"{made['id']} of chain {made['chain']} seq {made['seq']}")
    if promises["healed"]:
        for chain in {made["chain"] for made in promises["made"]}:
            have, top, _stored = db.chain_heads.get(bytes.fromhex(chain), (-1, -1, 0))
            if have != top:
                yield Violation("gap", f"chain {chain} after {have}, although {top} is here")


def _unaltered(db: Database, stored: Stored, promise: dict[str, Any]) -> Found:
    lawfully = stored.body is None and stored.id in db.redacted
    if sha256(stored.raw).hexdigest() != promise["bytes"] and not lawfully:
        yield Violation("altered", _name(stored))


def _what_was_told_still_stands(db: Database, promises: dict[str, list[dict[str, Any]]]) -> Found:
    idx, _arrival_no, origin, epoch = db.head
    for log in promises["log"]:
        if (log["origin"], log["epoch"]) != (origin, epoch.hex()) or log["size"] > idx:
            yield Violation("log_rolled_back", f"{log['size']} were told, there are {idx}")
    ids = {(name, scope_epoch): scope for scope, name, scope_epoch, _n, _head in db.scopes}
    for told in promises["told"]:
        entries = db.entries.get(ids.get((told["scope"], told["epoch"]), -1), [])
        at = entries[told["n"] - 1][2] if len(entries) >= told["n"] else None
        if at is None or at.hex() != told["head"]:
            yield Violation("scope_rolled_back", f"{told['scope']} at {told['n']}")
    for promise in promises["have"]:
        have = db.chain_heads.get(bytes.fromhex(promise["chain"]), (-1, -1, 0))[0]
        if have < promise["have"]:
            yield Violation("lost", f"chain {promise['chain']} to {promise['have']}, now {have}")
    for enrolled in promises["enrolled"]:
        key = db.keys.get(bytes.fromhex(enrolled["chain"]))
        if key is None or key[1].hex() != enrolled["pub"]:
            yield Violation("not_enrolled", f"chain {enrolled['chain']}")
    yield from _numbers_stand(db, promises["desk"])


def _numbers_stand(db: Database, desk: list[dict[str, Any]]) -> Found:
    given: dict[str, list[bytes]] = defaultdict(list)
    for ruling in db.said.values():
        if ruling[3] == "set" and (number := ruling[4].get("no")) is not None:
            given[number].append(ruling[4]["e"])
    for number, incidents in given.items():
        if len(incidents) > 1:
            yield Violation("number", f"{number} was given to {len(incidents)} incidents")
    for promise in desk:
        if bytes.fromhex(promise["incident"]) not in given.get(promise["number"], []):
            yield Violation("number", f"{promise['number']} of incident {promise['incident']}")


def _name(one: Stored) -> str:
    return f"{one.id.hex()} of chain {one.chain.hex()} seq {one.seq}"


def main(arguments: list[str]) -> int:
    """Check the journal and the data directory named on the command line."""
    if len(arguments) != 2:
        sys.stderr.write("usage: python -m tests.blackbox.checker JOURNAL DATA_DIR\n")
        return 2
    found = check(Path(arguments[0]), Path(arguments[1]))
    for violation in found:
        print(violation)
    print(f"{len(found)} violations" if found else "every promise was kept")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
