"""A new chain in the place of an old one: what has to be true of its first set (SPEC FK5).

Responsible for reading that set and for the record of the new device. Refuses to decide whether the place is still
free: that is known inside the transaction (`Batch.rotate`).

Example: `opening_of(raw, device)` raises `ProblemError("bad_rotation")` for a set that continues somebody else's chain.
"""

from server import keys
from server.intake.verify import Incoming, examine, opening_key
from server.problems import ProblemError
from server.store.devices import Device


def opening_of(raw: bytes, old: Device) -> Incoming:
    """The first set of a chain that continues the device's, its signature checked by the key it names."""
    (found,) = examine([raw], lambda _chain: None)
    key = opening_key(found)
    if not isinstance(found, Incoming) or found.change is None or key is None:
        raise ProblemError("bad_rotation", "this opens no chain")
    header = found.change.header
    if header.continues is None or header.continues[0] != old.chain:
        raise ProblemError("bad_rotation", "it continues another chain")
    if header.user != old.person:
        raise ProblemError("bad_rotation", "it is another person's")
    (checked,) = examine([raw], lambda _chain: key)
    if not keys.is_public_key(*key) or not isinstance(checked, Incoming):
        raise ProblemError("bad_rotation", "its signature does not hold")
    return checked


def successor(opening: Incoming, old: Device, token_hash: bytes, at_ms: int) -> Device:
    """The device of the new chain: the same person's, with its own key and token."""
    key = opening_key(opening)
    assert key is not None
    alg, pub = key
    return Device(
        chain=opening.chain,
        person=old.person,
        alg=alg,
        pub=pub,
        label=old.label,
        app=old.app,
        token_hash=token_hash,
        enrolled_at_ms=at_ms,
        continues=old.chain,
        since_ms=old.oldest_ms,
    )
