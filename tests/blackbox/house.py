"""A server in a network namespace of its own, watched from the desk.

Responsible for starting it there. Refuses to know what else is in that network.

Example: `station = House(wires, town(0), place, PORT, [], settings)`, then `await station.start()`.
"""

from collections.abc import Sequence
from typing import Any

from tests.blackbox.centre import Centre
from tests.blackbox.wires import PORT, Wires


class House(Centre):
    """A server in a house of its own."""

    def __init__(self, wires: Wires, name: str, *made: Any) -> None:
        """Like `Centre`, of which it is one or a station; `name` is the house."""
        super().__init__(*made)
        self._wires = wires
        self.name = name
        self.url = wires.at(name)
        self.environment |= {"ORTOO_HOST": "0.0.0.0", "ORTOO_PORT": str(PORT)}

    def launch(self, prefix: Sequence[str] = ()) -> None:
        """Start the process in its house, and do not wait for it."""
        super().launch([*self._wires.inside(self.name), *prefix])
