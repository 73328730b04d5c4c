"""Known ways to get stations wrong, each as an edit of the TypeScript source that puts the fault back.

Responsible for the faults, for worlds in which they are likely to matter, and for which invariant should say so.
Refuses to run anything. `traps` has those that need no station.

Example: `TOWN_TRAPS["a station that edits is believed"].edits` makes a phone take in sets that were changed on the way.
"""

from typing import Any

import msgspec

from tests.sim.node import Edit
from tests.sim.town_faults import AS_FOUND


class TownTrap(msgspec.Struct, frozen=True):
    """One fault. `faults` and `town`: what a world must know for it to matter; `first`: the first of forty worlds."""

    caught_by: frozenset[int]
    edits: tuple[Edit, ...]
    faults: dict[str, float] = {}
    town: dict[str, Any] = {}
    first: int = 0


_HONEST = AS_FOUND | {"evil": ()}
_LIES = AS_FOUND | {"lying": 0.9}

TOWN_TRAPS: dict[str, TownTrap] = {
    "a station's kept is taken for custody": TownTrap(
        frozenset({8, 21}),
        (
            Edit("sync/exchange.ts", '"rejected", "opaque"]);', '"rejected", "opaque", "kept"]);'),
            Edit(
                "device/outbox.ts",
                "if (result.r === KEPT && !another) {",
                "if (KEPT === another) {",
            ),
        ),
        town=_HONEST,
        first=2,
    ),
    "a provisional ruling outlives the centre's": TownTrap(
        frozenset({3}),
        (Edit("sync/rulings.ts", ": isProvisional(other);", ": isProvisional(idx);"),),
        town=_HONEST,
        first=1,
    ),
    "a station that edits is believed": TownTrap(
        frozenset({3}),
        (
            Edit(
                "device/pulled.ts",
                "(toHex(await setId(envelope[0])) !== entry.set || !isWhole(found))",
                "(await setId(envelope[0])).length < 32 && isWhole(found)",
            ),
        ),
        town=_LIES | {"evil": ("edits",)},
    ),
    "what only a station called safe is not offered again": TownTrap(
        frozenset({1, 8, 21}),
        (
            Edit(
                "device/outbox.ts",
                "if (!(await this.#vault.meta(HEARSAY))) return;",
                "if (HEARSAY) return;",
            ),
        ),
        town=_LIES | {"evil": ("claims", "drops")},
        first=5,
    ),
}
