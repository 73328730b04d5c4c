"""The demo as a newcomer meets it: one command, a centre with a past, everyone's login, a clean end.

Example: after Ctrl-C and a second start the incidents of the first are still there.
"""

import asyncio
import re
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import pytest

from server.fleet import world
from server.fleet.demo import lost
from server.fleet.demo.cases import Case, Cases
from server.fleet.demo.run import InUseError, alone_in
from server.intake.replay import replay
from sync import rulings
from sync.changeset import KIND_INCIDENT, Draft, Writer, write
from sync.ids import ChainId, SetId

START_S = 120


class Demo:
    """`ortoo demo` as a process of its own."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.said: list[str] = []

    async def start(self) -> str:
        """Until the phone's code is printed; gives the address."""
        command = [str(Path(sys.executable).with_name("ortoo")), "demo", "--port", "0"]
        self.process = await asyncio.create_subprocess_exec(
            *command,
            "--data",
            str(self.data_dir),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert self.process.stdout is not None
        async with asyncio.timeout(START_S):
            while line := (await self.process.stdout.readline()).decode():
                self.said.append(line)
                if "/enrol#" in line:
                    [address] = set(re.findall(r"http://localhost:\d+", "".join(self.said)))
                    return str(address)
        raise AssertionError("the demo ended:\n" + "".join(self.said))

    async def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(30):
            out, _ = await self.process.communicate()
        self.said.append(out.decode())
        assert self.process.returncode is not None
        return self.process.returncode


async def ask(http: httpx2.AsyncClient, login: str, path: str) -> Any:
    reply = await http.post("/api/session", json={"login": login, "password": world.PASSWORD})
    assert reply.status_code in (200, 201), reply.text
    return (await http.get(path)).json()


async def test_a_first_start_has_a_past_and_a_second_keeps_it(tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    address = await demo.start()
    async with httpx2.AsyncClient(base_url=address) as http:
        listed = (await ask(http, "dispatcher", "/api/incidents?limit=200"))["incidents"]
        assert len(listed) > 5
        statuses = Counter(one["status"] for one in listed)
        assert statuses["closed"] > 5
        for one in listed:
            assert one["created_at"] < time.time() * 1000 + 5_000, "the past ends before now"
        org = await ask(http, "station", "/api/org")
        assert Counter(one["role"] for one in org["people"])["officer"] == 41
        assert len(org["stations"]) == 4
        devices = await ask(http, "admin", "/api/devices")
        assert len(devices) == 43
        [suspended] = [one for one in devices if one["revoked_at"] is not None]
        assert (suspended["name"], suspended["revoked_why"]) == (world.HUMAN_OFFICER, lost.WHY)
        doubts = (await ask(http, "dispatcher", "/api/rulings/queue?kind=held"))["sets"]
        assert [(one["why"], one["author"]["device"]) for one in doubts] == [
            ("revoked_straddle", suspended["chain"])
        ], "somebody has something to decide"
        assert "order.issue" in [op["t"] for op in doubts[0]["ops"]]
        assert doubts[0]["ops"][0]["at"] < suspended["revoked_at"] < doubts[0]["received_at"]
        assert lost.TITLE not in {one["title"] for one in listed}, "nothing of it counts yet"
        assert len((await ask(http, "callback", "/api/callback/today"))["list"]) > 0
        for role, _name, _town in world.DESK_ROLES:
            assert (await ask(http, role, "/api/session"))["person"]["role"] == role
        [code] = re.findall(r"/enrol#([0-9A-Z]{5}-[0-9A-Z]{5})", "".join(demo.said))
        assert code
    assert await demo.stop() == 0
    assert "Traceback" not in "".join(demo.said)

    again = Demo(tmp_path)
    address = await again.start()
    assert "First start" not in "".join(again.said)
    async with httpx2.AsyncClient(base_url=address) as http:
        kept = (await ask(http, "dispatcher", "/api/incidents?limit=200"))["incidents"]
    assert {one["id"] for one in listed} <= {one["id"] for one in kept}
    assert await again.stop() == 0
    assert "Traceback" not in "".join(again.said)

    # Everything the centre decided in these days it would decide again, from the rulings alone (RL7).
    decided = await replay(f"sqlite+aiosqlite:///{tmp_path / 'ortoo.db'}")
    assert decided.again > 300
    assert decided.wrong == []


def test_two_demos_cannot_share_a_directory(tmp_path: Path) -> None:
    with alone_in(tmp_path), pytest.raises(InUseError), alone_in(tmp_path):
        raise AssertionError("a second demo got in")
    with alone_in(tmp_path):
        pass


def test_the_banner_is_whole_and_names_nobody_twice() -> None:
    rows = list(world.rows())
    ids = {what: {row_id for kind, row_id, _ in rows if kind == what} for what, _, _ in rows}
    assert len({(what, row_id) for what, row_id, _ in rows}) == len(rows)
    for _what, _row_id, row in rows:
        assert row.get("station") is None or row["station"] in ids["stations"]
        assert row.get("unit") is None or row["unit"] in ids["units"]
    roles = Counter(one.role for one in world.officers())
    assert roles == {"officer": 40, "guard": 2}
    codes = {code for code, _zh, _en in world.CATEGORIES}
    results = {code for code, _zh, _en in world.RESULTS}
    for trouble in world.TROUBLES + world.SELF_TROUBLES:
        assert trouble.category in codes
        assert trouble.result in results


ME, COLLEAGUE = bytes([1]) * 16, bytes([2]) * 16
UNIT, INCIDENT, ORDER = bytes([3]) * 16, bytes([4]) * 16, bytes([5]) * 16


def said(user: bytes, *ops: dict[str, Any], decision: str = "accepted") -> Any:
    """An entry as a pull brings it."""
    written = write(
        Writer(ChainId(bytes(16)), 1, SetId(bytes(32))),
        Draft(user, "org", KIND_INCIDENT, INCIDENT, ops),
        wall_ms=1_000,
        offset_ms=None,
        mono=(bytes(8), 0),
        salt=bytes(16),
        sign=lambda _message: bytes(64),
    )
    payload = rulings.set_payload(
        set_id=written.set_id,
        chain=bytes(16),
        seq=1,
        entity=INCIDENT,
        decision=decision,
        why=None,
        eff=bytes(8),
        flags=[],
        facts={},
    )
    return "org", rulings.Ruling(1, 1, 9_000, "set", payload), written.raw


def issue(to: bytes = UNIT) -> dict[str, Any]:
    to_whom = ["unit", to]
    return {
        "t": "order.issue",
        "order": ORDER,
        "to": to_whom,
        "kind": "dispatch",
        "round": 0,
    }


def claim(kind: str, **more: Any) -> dict[str, Any]:
    op = {"t": "milestone.claim", "kind": kind, "round": 0, "order": ORDER, "via": "self"}
    return op | more


def test_an_officer_hears_an_order_once_and_sees_who_signed_it() -> None:
    heard: list[Case] = []
    cases = Cases(frozenset({("unit", UNIT)}), heard.append, lambda _case, _at_ms: None)
    cases.follow(*said(ME, {"t": "fact.set", "f": "title", "v": "草垛冒烟", "p": []}))
    cases.follow(*said(ME, issue(to=bytes(16))))
    cases.follow(*said(ME, issue(), decision="rejected"))
    assert heard == []
    cases.follow(*said(ME, issue()))
    cases.follow(*said(ME, issue()))
    [case] = heard
    assert (case.title, case.issued_ms, case.done) == ("草垛冒烟", 9_000, {})
    cases.follow(*said(COLLEAGUE, claim("signed")))
    cases.follow(*said(ME, claim("signed")))
    assert case.done == {"signed": COLLEAGUE}
    cases.follow(*said(ME, {"t": "incident.close", "round": 0}))
    assert case.over


def test_returned_feedback_reaches_whoever_has_the_case() -> None:
    returned: list[tuple[Case, int]] = []
    cases = Cases(
        frozenset({("unit", UNIT)}), lambda _case: None, lambda *told: returned.append(told)
    )
    cases.follow(*said(ME, issue()))
    cases.follow(*said(ME, claim("feedback", data={"final": True})))
    review = {"t": "feedback.review", "claim": bytes(17), "faults": ["result_missing"]}
    cases.follow(*said(COLLEAGUE, review | {"verdict": "pass"}))
    assert returned == []
    cases.follow(*said(COLLEAGUE, review | {"verdict": "return"}))
    [(case, at_ms)] = returned
    assert (case.done["feedback"], at_ms) == (ME, 9_000)


def test_an_order_of_long_ago_is_known_to_be_old() -> None:
    heard: list[Case] = []
    cases = Cases(frozenset({("unit", UNIT)}), heard.append, lambda _case, _at_ms: None)
    cases.follow(*said(ME, issue() | {"at": 17}))
    assert heard[0].issued_ms == 17  # and not when the centre heard of it


def test_a_radio_message_counts_for_whoever_said_it() -> None:
    heard: list[Case] = []
    cases = Cases(frozenset({("unit", UNIT)}), heard.append, lambda _case, _at_ms: None)
    cases.follow(*said(ME, issue()))
    cases.follow(*said(COLLEAGUE, claim("signed", via="radio", by=ME)))
    assert heard[0].done == {"signed": ME}
