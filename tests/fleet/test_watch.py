"""Simulated phones watch the log of a real centre (TL9)."""

import json
from pathlib import Path
from typing import Any

from server.fleet.vault import Vault
from server.fleet.watch import ASK_EVERY_MS, LogWatch
from sync import exchange
from tests.fleet.conftest import House

VECTORS = Path(__file__).parents[1] / "vectors" / "log.json"


def told() -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads(VECTORS.read_text(encoding="utf-8"))["witness"]
    return cases


def given(case: dict[str, Any]) -> exchange.GivenCheckpoint:
    return exchange.GivenCheckpoint(case["note"], [bytes.fromhex(one) for one in case["proof"]])


def named(case: dict[str, Any]) -> tuple[str, bytes, dict[str, Any]]:
    row = {"pub": bytes.fromhex(case["row"]["pub"]), "epoch": bytes.fromhex(case["row"]["epoch"])}
    return "logs", bytes.fromhex(case["server"]), row


def size_of(watch: LogWatch) -> int | None:
    return None if watch.held is None else watch.held.size


def alarm_of(watch: LogWatch) -> str | None:
    return watch.alarm


def test_tl9_an_alarm_is_kept_in_the_vault_until_the_log_adds_up_again(tmp_path: Path) -> None:
    by_story = {case["story"].removeprefix("TL8, TL9: "): case for case in told()}
    watch = LogWatch(Vault(tmp_path / "vault.db"))
    first, grown = by_story["the first one is believed"], by_story["it has grown"]
    watch.heard(given(first))
    assert size_of(watch) is None, "nobody has named the log yet"
    watch.learn(*named(first))
    watch.heard(given(first))
    assert (size_of(watch), alarm_of(watch)) == (3, None)
    watch.heard(given(by_story["grown out of another past"]))
    assert alarm_of(watch) == "inconsistent"
    again = LogWatch(Vault(tmp_path / "vault.db"))
    assert alarm_of(again) == "inconsistent"
    assert size_of(again) == 3
    again.heard(given(grown))
    assert (size_of(again), alarm_of(again)) == (7, None)
    again.heard(None)
    assert size_of(again) == 7


def test_tl9_it_is_asked_for_about_once_a_minute() -> None:
    watch = LogWatch(Vault())
    assert watch.due(1_000) == 0
    assert watch.due(1_000 + ASK_EVERY_MS - 1) is None
    assert watch.due(1_000 + ASK_EVERY_MS) == 0
    assert watch.due(5) == 0, "a clock that was set back does not silence it"


async def test_tl9_a_phone_holds_what_a_real_centre_has_signed(house: House) -> None:
    device, _transport = await house.phone(0)
    await house.signed()
    device.kick(pull=True)
    await house.time.run()
    held = device.reading.watch.held
    assert held is not None
    assert device.reading.watch.alarm is None
    await house.incident()
    house.clock.advance(ASK_EVERY_MS)
    await house.signed()
    device.kick(pull=True)
    await house.time.run()
    after = device.reading.watch.held
    assert after is not None
    assert after.size > held.size
    assert device.reading.watch.alarm is None
