"""Which months a phone is told to follow: old incidents and those of a wrong clock reach whoever is ordered there."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sync import rulings
from tests.server.desks import Centre, centre
from tests.server.pen import EPOCH_MS, STATION, Pen, chance, person_id

DAY_MS = 86_400_000
OLD, NEW, EVEN_OLDER = (chance("months", at)[:16] for at in range(3))


@pytest.fixture
async def served(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Centre]:
    async with centre(tmp_path, migrated_file) as made:
        yield made


async def asked(served: Centre, pen: Pen, call: str, message: dict[str, object]) -> dict[str, Any]:
    answer = await served.client.post(
        f"/sync/v1/{call}",
        content=msgspec.msgpack.encode(message),
        headers={"authorization": f"Bearer {pen.token}", "content-type": "application/msgpack"},
    )
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = msgspec.msgpack.decode(answer.content)
    return said


async def months(served: Centre, pen: Pen) -> list[str]:
    """Months of the own station that hello names."""
    rest = {"oldest_ms": None, "wall_ms": 5, "mono": [bytes(8), 5], "request_id": bytes(16)}
    hello = {"v": 1, "app": "t", "chain": pen.chain, "head": pen.writer.seq - 1, "pending": 0}
    welcome = await asked(served, pen, "hello", hello | rest)
    names = [name for name, _epoch, _n in welcome["scopes"] if name.startswith("station:")]
    assert all(name.startswith(f"station:{STATION.hex()}:") for name in names)
    return [name.rpartition(":")[2] for name in names]


async def test_an_order_on_an_incident_of_long_ago_reaches_its_officer(served: Centre) -> None:
    pen = await served.phone()
    await served.push(pen, pen.create(OLD))
    served.clock.advance(100 * DAY_MS)
    pen.now_ms = served.clock.now_ms()
    desk = await served.sign_in("dispatcher")
    assert await months(served, pen) == ["2027-03", "2027-02"]
    await desk.did(OLD.hex(), "issue_order", to=["person", person_id("officer").hex()])
    served.clock.advance(60_000)  # what was found before is believed for a minute
    assert await months(served, pen) == ["2027-03", "2027-02", "2026-11"]
    scope = f"station:{STATION.hex()}:2026-11"
    pulled = await asked(served, pen, "pull", {"cursors": [(scope, 1, 0)], "budget": 99_999})
    (page,) = pulled["scopes"]
    kinds = [rulings.read_ruling(ruling).payload["e"] for _n, ruling, _envelope in page["entries"]]
    assert kinds == [OLD, OLD]
    # Nothing moved there for long: it need not be followed any more.
    served.clock.advance(41 * DAY_MS)
    assert "2026-11" not in await months(served, pen)


async def test_what_a_phone_with_a_wrong_clock_reports_is_followed_at_once(served: Centre) -> None:
    pen = await served.phone()
    assert len(await months(served, pen)) == 2
    for now_ms, incident in ((0, OLD), (EPOCH_MS - 800 * DAY_MS, EVEN_OLDER)):
        wrong = Pen(f"clock {now_ms}", person_id("officer"))
        await wrong.enrol(served.intake)
        wrong.now_ms = now_ms
        await served.push(wrong, wrong.open(), wrong.create(incident))
    assert (await months(served, pen))[2:] == ["2024-09", "1970-01"]


async def test_whoever_opens_incidents_in_many_months_makes_no_list_endless(served: Centre) -> None:
    pen = await served.phone()
    wrong = Pen("many months", person_id("officer"))
    await wrong.enrol(served.intake)
    wrong.now_ms = 0
    await served.push(wrong, wrong.open())
    for back in range(30):
        wrong.now_ms = EPOCH_MS - (60 - back) * 31 * DAY_MS
        await served.push(wrong, wrong.create(chance("many", back)[:16]))
    named = await months(served, pen)
    assert len(named) == 24
    assert named[2:] == sorted(named[2:], reverse=True)
