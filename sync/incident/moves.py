"""What a screen offers to the receiver of an order (SPEC IN7).

Moves say what to offer; nothing here forbids a write.

>>> moves_of_order({"open": True, "status": "signed", "return_request": None})
['depart', 'arrive', 'return_request']
"""

from __future__ import annotations

from typing import Any, Final

BY_STATUS: Final[dict[str, tuple[str, ...]]] = {
    "issued": ("sign", "return_request"),
    "delivered": ("sign", "return_request"),
    "signed": ("depart", "arrive", "return_request"),
    "departed": ("arrive",),
    "arrived": ("clear", "feedback"),
    "cleared": ("feedback",),
}


def moves_of_order(order: dict[str, Any]) -> list[str]:
    """The open moves of an order of a view, in the order a screen shows them; none when it is not open."""
    if not order["open"]:
        return []
    asked = order["return_request"] is not None
    return [move for move in BY_STATUS[order["status"]] if not (asked and move == "return_request")]
