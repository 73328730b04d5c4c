"""Which key signs a chain, out of what is stored.

Responsible for the two places a key is known from: the device enrolled for the chain, and the
chain's first set, whose key its id follows from (CS5). Refuses to verify anything with it.

Example: `stored_keys(connection, [chain])` gives `{chain: ("Ed25519", key)}`, or `{}` for a chain
of which nobody has brought the first set.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from server.intake.verify import Key, opening_key, read_one
from server.store import devices, sets


def stored_keys(connection: Connection, chains: Sequence[bytes]) -> dict[bytes, Key]:
    """The keys of these chains, as far as they are known."""
    found: dict[bytes, Key] = {}
    for chain, raw in sets.openings(connection, chains).items():
        if (key := opening_key(read_one(raw))) is not None:
            found[chain] = key
    for chain, device in devices.by_chains(connection, chains).items():
        found[chain] = (device.alg, device.pub)
    return found
