"""Which stations an incident concerns: those that something said of it reaches, and those it stays with (SC3, SC6).

Responsible for the station that one op reaches, and for the stations that keep an incident when it is transferred:
whose it is, who is under way to it, who still has to put something right. Refuses to know scopes and what they list.

Example: after a transfer to B `staying(derived, directory)` is `{B}`, or `{A, B}` while a patrol of A is on its way.
"""

from typing import Any, Final

from server.store.people import Directory
from sync.incident.status import Derived

TRANSFER: Final = "incident.transfer"
REACHING: Final = frozenset(
    {"incident.create", TRANSFER, "order.issue", "order.reassign", "rectify.order"}
)
"""Ops that change which stations an incident concerns."""


def station_reached(op: dict[str, Any], directory: Directory) -> bytes | None:
    """The station a create, a transfer, a rectification or an order reaches (SC3), None when it reaches none."""
    if op["t"] in {"incident.create", TRANSFER, "rectify.order"}:
        station: bytes = op["station"]
        return station
    return directory.station_of(*op["to"])


def staying(derived: Derived, directory: Directory) -> set[bytes | None]:
    """The stations that an incident stays with when it is transferred (SC6)."""
    under_way = {
        directory.station_of(*order["to"])
        for order in derived.orders
        if order["open"] and "cleared" not in order["milestones"]
    }
    rectifying = {one["station"] for one in derived.rectifications if one["done"] is None}
    return {derived.station} | under_way | rectifying
