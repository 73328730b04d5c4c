"""What the server holds after a replay: read through its API and compared with file and vaults.

Responsible for finding what is lost or different. Refuses to trust what the players counted.

Example: `(await read_incidents(desk, {0: "ab…"}))[0]` is call 0 as `GET /api/incidents/{id}` tells it.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

from server.fleet.desk import Desk
from server.fleet.replay.calls import Call
from server.fleet.replay.cast import Player
from server.fleet.replay.stage import MILESTONES

READERS = 4


async def read_incidents(desk: Desk, incidents: Mapping[int, str]) -> dict[int, dict[str, Any]]:
    """Every incident by its call's number."""
    found: dict[int, dict[str, Any]] = {}
    waiting = iter(incidents.items())

    async def reader() -> None:
        for number, incident in waiting:
            found[number] = await desk.get(f"/api/incidents/{incident}")

    await asyncio.gather(*(reader() for _ in range(READERS)))
    return found


def lost(players: list[Player]) -> list[bytes]:
    """Set ids that stand in some vault and in no page that any device pulled back."""
    held: set[bytes] = set()
    for player in players:
        held |= player.device.reading.pulled_sets or set()
    return [id_ for player in players for id_ in player.device.vault.ids() if id_ not in held]


def difference(call: Call, story: Mapping[str, Any], *, is_timed: bool = True) -> str | None:
    """How an incident differs from the recorded call; None when every step is there, at its time if `is_timed`."""
    view = story["view"]

    def when(at_ms: int) -> int:
        return at_ms if is_timed else 0

    recorded = Counter(
        (step.kind, when(step.at_ms))
        for leg in call.legs
        for step in leg.steps
        if step.kind in MILESTONES
    )
    claimed = Counter((claim["kind"], when(claim["at"])) for claim in view["claims"])
    if claimed != recorded:
        return f"steps {sorted((claimed - recorded) + (recorded - claimed))}"
    notes = Counter(
        (step.text, when(step.at_ms))
        for leg in call.legs
        for step in leg.steps
        if step.kind == "note"
    )
    if Counter((entry["text"], when(entry["at"])) for entry in view["entries"]) != notes:
        return "notes"
    sent = Counter(leg.round for leg in call.legs if leg.dispatched_ms is not None)
    if Counter(order["round"] for order in view["orders"]) != sent:
        return "orders"
    for kind, list_name in (("close", "closes"), ("reopen", "reopens")):
        done = Counter(step.round for step in call.desk if step.kind == kind)
        if Counter(one["round"] for one in view[list_name]) != done:
            return list_name
    if bool(view["withdrawn"]) != any(step.kind == "withdraw" for step in call.desk):
        return "withdrawn"
    return None
