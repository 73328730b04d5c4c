"""The simulated people who follow a caller that was not satisfied: one who answers for stations, one who inspects.

Responsible for keeping the ladder moving, so that the desk shows every step of it. Refuses to touch an incident without
the simulation's mark, and leaves the newest rectification for a human.

Example: of what is rectified the first caller is still not satisfied, and the inspectorate lists it.
"""

from typing import Any

from server.fleet.desk import Desk
from server.fleet.timebase import Timebase

ANSWER_AFTER_MS = 50 * 60_000
CALL_AFTER_MS = 20 * 60_000
LIST_AFTER_MS = 15 * 60_000


class Follower:
    """Takes one step of each complaint that has waited long enough."""

    def __init__(self, station: Desk, caller: Desk, inspector: Desk, time: Timebase) -> None:
        """`station` may answer for every station."""
        self._station = station
        self._caller = caller
        self._inspector = inspector
        self._time = time

    async def look(self) -> None:
        """Look over the ladder once."""
        rows = (await self._caller.get("/api/callback/ladder"))["complaints"]
        has_listed = any(row["listed"] is not None or row["again"] for row in rows)
        asked = [row for row in rows if row["step"] == "rectifying"]
        newest = max(asked, key=lambda row: row["said_at"], default=None)
        for row in rows:
            if row["step"] == "rectifying":
                if row is not newest:
                    await self._answer(row)
            elif row["step"] == "to_call_again" and self._waited(
                row["rectified_at"], CALL_AFTER_MS
            ):
                await self._call(row, is_satisfied=has_listed)
                has_listed = True
            elif row["step"] == "to_supervise" and self._waited(row["said_at"], LIST_AFTER_MS):
                text = "挂牌督办：五日内见面答复报警人，结果报督察。"
                await self._inspector.move(
                    row["incident"], "supervise", attempt=row["attempt"], text=text
                )

    def _waited(self, since_ms: int, after_ms: int) -> bool:
        return self._time.now_ms() - since_ms > after_ms

    async def _answer(self, row: dict[str, Any]) -> None:
        order = row["rectification"]["ordered"]
        if self._waited(order["at"], ANSWER_AFTER_MS):
            text = "所长带队上门说明情况，当面道歉。"
            await self._station.move(row["incident"], "rectified", rectify=order["op"], text=text)

    async def _call(self, row: dict[str, Any], *, is_satisfied: bool) -> None:
        said: dict[str, Any] = {"score": 1}
        if not is_satisfied:
            said = {"score": 3, "reason": "unresolved", "text": "人来过了，事情还是没解决"}
        order = row["rectification"]["ordered"]["op"]
        await self._caller.move(
            row["incident"], "callback", outcome="reached", rectify=order, **said
        )
