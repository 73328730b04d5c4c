"""Words that must vanish are gone from every row and byte, and the proof of what was there still holds (RD)."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from server import keys
from server.intake.rebuild import rebuild
from server.intake.redact import Ground, NotRedactableError, redact
from server.store import scopes, sets, tables
from sync import changeset, rulings
from sync.changeset import ChangeSet, signature_holds
from tests.server.conftest import House
from tests.server.desks import Centre, Seat, centre
from tests.server.pen import OTHER_STATION, Pen, chance, person_id

SECRET = "线人巴图住在三队"
SPOKEN = SECRET.encode()
INCIDENT = chance("redacted incident")[:16]
GROUND = Ground(person_id("commander"), "informant", "线人身份")


async def told(house: House) -> tuple[Pen, list[bytes]]:
    """An incident in which an officer says too much in every way there is; gives the sets that do."""
    pen = Pen("talker", person_id("officer"))
    await pen.enrol(house.intake)
    raws = [
        pen.open(),
        pen.create(INCIDENT),
        pen.note(INCIDENT, SECRET),
        pen.set(INCIDENT, {"t": "fact.set", "f": "place", "v": SECRET, "p": []}),
        pen.set(INCIDENT, {"t": "set.add", "f": "tags", "v": SECRET}),
        pen.set(INCIDENT, {"t": "drone.launch", "why": SECRET}),
        pen.note(INCIDENT, "一切正常"),
    ]
    results, _have = await house.intake.submit(raws, pen.device)
    assert {result.r for result in results} == {"stored"}
    return pen, raws


def ids_of(raws: list[bytes]) -> list[bytes]:
    found = [changeset.read(raw) for raw in raws]
    return [one.set_id for one in found if isinstance(one, ChangeSet)]


def everything(connection: Connection) -> bytes:
    """Every value of every table."""
    parts: list[bytes] = []
    for table in tables.metadata.tables.values():
        for row in connection.execute(select(table)):
            parts += [
                bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
                for value in row
            ]
    return b"\n".join(parts)


async def test_rd3_no_table_keeps_the_words_and_no_push_brings_them_back(house: House) -> None:
    pen, raws = await told(house)
    assert SPOKEN in await house.db.reading(everything)
    secret = ids_of(raws)[2:6]
    await house.intake.transaction(lambda batch: redact(batch, INCIDENT, secret, GROUND))
    assert SPOKEN not in await house.db.reading(everything)

    results, have = await house.intake.submit(raws, pen.device)
    assert {result.r for result in results} == {"duplicate"}
    assert have == len(raws) - 1
    assert SPOKEN not in await house.db.reading(everything)
    assert await rebuild(house.settings.url, check=True) == (1, 0)


async def test_rd1_id_chain_and_signature_hold_as_before(house: House) -> None:
    pen, raws = await told(house)
    secret = ids_of(raws)[2:6]
    await house.intake.transaction(lambda batch: redact(batch, INCIDENT, secret, GROUND))

    def check(connection: Connection) -> None:
        previous = None
        for stored in sets.evidence(connection, INCIDENT):
            change = changeset.read(stored.envelope)
            assert isinstance(change, ChangeSet)
            assert signature_holds(change, pen.key.alg, pen.key.public, keys.verify)
            assert previous is None or change.header.prev == previous
            previous = change.set_id
            ruling = rulings.read_ruling(stored.ruling)
            assert ruling.payload["d"] == "accepted"
            assert (change.body is None) is (change.set_id in secret)

    await house.db.reading(check)


async def test_what_is_remembered_and_what_is_folded_anew_agree(house: House) -> None:
    pen, raws = await told(house)
    secret = ids_of(raws)[2:6]
    await house.intake.transaction(lambda batch: redact(batch, INCIDENT, secret, GROUND))
    live = await house.intake.transaction(lambda batch: batch.view(INCIDENT))
    again = house.new_intake()
    await house.intake.stop()
    await again.start()
    assert await again.transaction(lambda batch: batch.view(INCIDENT)) == live
    assert live["fields"]["place"] == []
    assert live["sets"]["tags"] == []
    assert sorted(entry["text"] for entry in live["entries"]) == ["", "一切正常"]
    assert [one["ground"] for one in live["redacted"]] == ["informant"] * 4
    # And the chain goes on as if nothing had happened.
    results, _have = await again.submit([pen.note(INCIDENT, "后来")], pen.device)
    assert results[0].r == "stored"
    await again.stop()


async def test_all_named_sets_lose_their_words_or_none(house: House) -> None:
    _pen, raws = await told(house)
    secret = ids_of(raws)[2:4]
    stranger = [*secret, bytes(32)]
    with pytest.raises(NotRedactableError, match="unknown_set"):
        await house.intake.transaction(lambda batch: redact(batch, INCIDENT, stranger, GROUND))
    assert SPOKEN in await house.db.reading(everything)
    await house.intake.transaction(lambda batch: redact(batch, INCIDENT, secret, GROUND))
    with pytest.raises(NotRedactableError, match="already_redacted"):
        await house.intake.transaction(lambda batch: redact(batch, INCIDENT, secret, GROUND))


async def test_a_set_that_comes_without_its_body_is_not_taken_in(house: House) -> None:
    pen = Pen("stripped", person_id("officer"))
    await pen.enrol(house.intake)
    raws = [pen.open(), pen.create(INCIDENT)]
    change = changeset.read(raws[1])
    assert isinstance(change, ChangeSet)
    results, have = await house.intake.submit([raws[0], changeset.without_body(change)], pen.device)
    assert [(result.r, result.why) for result in results] == [
        ("stored", None),
        ("malformed", "no_body"),
    ]
    assert have == 0
    results, have = await house.intake.submit(raws[1:], pen.device)
    assert (results[0].r, have) == ("stored", 1)


async def test_the_words_reach_nobody_who_is_told_of_the_set_later(house: House) -> None:
    """An incident that goes to another station after a redaction is listed there without the words."""
    _pen, raws = await told(house)
    secret = ids_of(raws)[2:6]
    await house.intake.transaction(lambda batch: redact(batch, INCIDENT, secret, GROUND))
    dispatcher = person_id("dispatcher")
    draft = changeset.Draft(
        dispatcher,
        "org",
        "incident",
        INCIDENT,
        [{"t": "incident.transfer", "station": OTHER_STATION, "why": "跨界"}],
    )
    results = await house.intake.submit_desk(dispatcher, [draft])
    assert results[0].r == "stored"
    listed = await house.db.reading(_listed_at, f"station:{OTHER_STATION.hex()}:2026-11")
    assert SPOKEN not in b"".join(raw or b"" for _ruling, raw in listed)
    kinds = [rulings.read_ruling(ruling).kind for ruling, _raw in listed]
    assert kinds.count("redact") == 4


def _listed_at(connection: Connection, name: str) -> list[tuple[bytes, bytes | None]]:
    scope = scopes.by_name(connection, [name])[name]
    return [(one.ruling, one.envelope) for one in scopes.page(connection, scope.id, 0, 10**6)]


# ---- over HTTP, down to the bytes of the disk ----------------------------------------------------


async def _secret_sets(house: Centre, seat: Seat) -> tuple[str, list[str]]:
    pen = await house.phone()
    await house.push(
        pen,
        pen.create(INCIDENT),
        pen.note(INCIDENT, SECRET),
        pen.set(INCIDENT, {"t": "fact.set", "f": "title", "v": SECRET, "p": []}),
    )
    detail = await seat.ask(f"/api/incidents/{INCIDENT.hex()}")
    said = [e["set"] for e in detail["timeline"] if SECRET in (e["text"], e["value"])]
    assert len(said) == 2
    return INCIDENT.hex(), said


async def test_a_commander_takes_words_away_and_no_file_of_the_centre_has_them(
    tmp_path: Path, migrated_file: Path
) -> None:
    async with centre(tmp_path, migrated_file) as house:
        seat = await house.sign_in("commander")
        incident, said = await _secret_sets(house, seat)
        body = {"sets": said, "ground": "informant", "text": "线人身份"}
        answer = await seat.post(f"/api/incidents/{incident}/redactions", body)
        assert answer.status_code == 201, answer.text
        detail = await seat.ask(f"/api/incidents/{incident}")
        assert SECRET not in str(detail)
        gone = [entry for entry in detail["timeline"] if entry["redacted"]]
        assert {entry["set"] for entry in gone} == set(said)
        assert gone[0]["redacted"] | {"at": 0} == {
            "by": person_id("commander").hex(),
            "by_name": "commander 甲",
            "ground": "informant",
            "at": 0,
        }
        assert SECRET not in (await seat.get("/api/wall")).text
        assert SECRET not in (await seat.get(f"/api/incidents?q={SECRET}")).text
        assert await _cleaned(tmp_path), "bytes of the words are left on the disk"
    assert _files_with(tmp_path) == []


async def _cleaned(folder: Path) -> bool:
    """Wait for the effect that follows the commit."""
    until = time.monotonic() + 20
    while _files_with(folder) and time.monotonic() < until:  # noqa: ASYNC110  a disk tells nobody
        await asyncio.sleep(0.05)
    return not _files_with(folder)


def _files_with(folder: Path) -> list[str]:
    return [
        path.name for path in folder.rglob("*") if path.is_file() and SPOKEN in path.read_bytes()
    ]


async def test_only_those_who_may_redact_do_and_they_say_why(
    tmp_path: Path, migrated_file: Path
) -> None:
    async with centre(tmp_path, migrated_file) as house:
        commander = await house.sign_in("commander")
        incident, said = await _secret_sets(house, commander)
        path = f"/api/incidents/{incident}/redactions"
        body: dict[str, Any] = {"sets": said, "ground": "informant", "text": "线人身份"}
        for login in ("dispatcher", "station", "callback", "reviewer", "admin"):
            refused = await (await house.sign_in(login)).post(path, body)
            assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed"), login
        wrong: dict[str, Any]
        for wrong in ({"ground": "because"}, {"text": ""}, {"sets": []}, {"sets": ["00"]}):
            refused = await commander.post(path, body | wrong)
            assert (refused.status_code, refused.json()["code"]) == (400, "bad_request"), wrong
        refused = await commander.post(path, body | {"sets": ["00" * 32]})
        assert (refused.status_code, refused.json()["code"]) == (409, "not_redactable")
        assert (await commander.post(path, body)).status_code == 201
        refused = await commander.post(path, body)
        assert (refused.status_code, refused.json()["code"]) == (409, "not_redactable")


async def test_an_import_does_not_bring_back_what_was_taken_away(
    tmp_path: Path, migrated_file: Path
) -> None:
    async with centre(tmp_path, migrated_file) as house:
        commander = await house.sign_in("commander")
        first = {"source_no": "7", "station": "甲派出所", "title": "草场纠纷", "narrative": SECRET}

        async def bring(line: dict[str, str]) -> dict[str, Any]:
            data = (json.dumps(line, ensure_ascii=False) + "\n").encode()
            answer = await commander.upload("/api/imports/orders?source=city&format=jsonl", data)
            assert answer.status_code in (200, 201), answer.text
            result: dict[str, Any] = answer.json()
            return result

        await bring(first)
        [incident] = (await commander.ask("/api/incidents"))["incidents"]
        at = incident["id"]
        timeline = (await commander.ask(f"/api/incidents/{at}"))["timeline"]
        said = {entry["set"] for entry in timeline if entry["value"] == SECRET}
        body = {"sets": sorted(said), "ground": "informant", "text": "线人身份"}
        answer = await commander.post(f"/api/incidents/{at}/redactions", body)
        assert answer.status_code == 201, answer.text
        await bring(first)
        assert SECRET not in str(await commander.ask(f"/api/incidents/{at}"))
        await bring(first | {"place": "昂素镇"})
        detail = await commander.ask(f"/api/incidents/{at}")
        assert SECRET not in str(detail)
        assert detail["view"]["fields"]["place"][0]["v"] == "昂素镇"
        assert await _cleaned(tmp_path)
