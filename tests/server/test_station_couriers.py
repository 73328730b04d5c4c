"""Bundles at stations: taken in there, what is owed carried to the centre, its answer believed as far as it is proved
(HB13).
"""

import asyncio
import os
import tracemalloc
from base64 import b64decode
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import Result
from litestar import Litestar

from server import keys
from server.courier.carried import take_in
from server.courier.files import own_key
from server.courier.indices import Indices
from server.intake.redact import Ground, redact
from server.proof.loss import declare
from server.proof.signer import Signer
from server.seal import SealKey, opened, sealed_to
from server.store import upstream
from sync import bundle, changeset, errors, kept
from sync.bundle import BundleWriter, Manifest
from sync.changeset import ChangeSet
from tests.server.couriers import answer_of, backlog, carried_to, owed
from tests.server.desks import Centre, centre
from tests.server.pen import Pen, person_id
from tests.server.stations import Station, beside, push
from tests.server.test_bundles import SPOKEN, carried_by, ortoo
from tests.server.test_station import house
from tests.server.test_station_phones import INCIDENT, Phone, place
from tests.server.township import Township

__all__ = ["house", "place"]

SERVED_MS = 180_000
OF_ITS_OWN = 2
"""What a station's chain adds to what it keeps: its opening, and its word on the others."""


@pytest.fixture
async def station(house: Centre, tmp_path: Path, migrated_file: Path) -> AsyncIterator[Station]:
    async with beside(house, tmp_path / "station", migrated_file) as made:
        yield made


def plain(reader: Litestar | SealKey, sealed: bytes) -> bytes:
    key = reader if isinstance(reader, SealKey) else own_key(reader.state.settings)
    return b"".join(opened([sealed], key))


def set_id(raw: bytes) -> bytes:
    found = changeset.read(raw)
    assert isinstance(found, ChangeSet)
    return found.set_id


def words_in(answer: bytes, row: dict[str, Any]) -> list[bytes]:
    """Of which sets an answer says that this station keeps them, signed by the key of its row."""
    ids = []
    for one in bundle.read([answer], verify=keys.verify):
        assert not one.code
        if one.kind == bundle.SET:
            said = changeset.read(one.value)
            assert isinstance(said, ChangeSet)
            assert said.body is not None
            signed = changeset.signing_bytes(said.set_id)
            assert keys.verify(row["alg"], row["pub"], signed, said.signature)
            ids += [word.set_id for op in said.body.ops for word in kept.words(op)]
    return ids


async def test_hb13_a_township_without_a_line_is_confirmed_by_two_files(place: Township) -> None:
    phone = await Phone(place).enrolled()
    station, there = place.station, place.centre
    assert station is not None
    place.cut()
    phone.note("断网一")
    phone.note("断网二")
    await phone.at(station)
    assert phone.ticks[1] == 2, "both are kept"
    other = await place.phone("commander")
    assert (await place.at_station(other, other.note(INCIDENT, "另一部")))[0].r == "kept"
    before = await owed(station)

    [up] = await backlog(station)
    assert "断网".encode() not in up
    place.clock.advance(60_000)
    brought, _none = await carried_to(there, up)
    assert brought.is_whole
    every = before + OF_ITS_OWN
    assert brought.results.total() == len(brought.ruled) == every
    assert brought.manifest is not None
    assert brought.manifest.chain == place.state.intake.desk.chain
    down = await answer_of(there, brought)
    taken, settled = await carried_to(station, down)
    assert (taken.faults, taken.is_whole, settled, await owed(station)) == ([], True, every, 0)
    again, none = await carried_to(station, down)
    assert (again.is_whole, none) == (True, 0), "the same answer again changes nothing"

    # The phone has only this station, which has no line; it hears that there is something new and asks again.
    place.own_clock.advance(SERVED_MS)
    place.clock.advance(SERVED_MS)
    await phone.at(station)
    await phone.at(station)
    assert phone.ticks[:2] == (0, 0), "the third tick"
    # Later the line is back, and everything that is mirrored agrees.
    place.mend()
    await place.settled()
    await place.same(INCIDENT)


async def test_hb13_a_phones_file_is_kept_for_the_centre_at_a_desk_of_the_township(
    house: Centre, station: Station
) -> None:
    pen = await house.phone()
    await station.mirrored()
    raws = [pen.create(INCIDENT), pen.note(INCIDENT, SPOKEN)]
    row = station.intake.directory.row("devices", station.intake.desk.chain)
    assert row is not None
    phone = SealKey(99)
    bare = carried_by(pen, raws, reply=phone.public)
    file = b"".join(sealed_to([bare], [SealKey(9).public, row["seal"]], os.urandom))
    duty, officer = await seat(station, "station"), await seat(house, "dispatcher")
    told = (await duty.upload("/api/bundles", file)).json()
    assert (told["report"]["whole"], told["report"]["results"]) == (True, {"kept": 2})
    assert (told["settled"], await owed(station.app)) == (0, 2 + OF_ITS_OWN)
    assert words_in(plain(phone, b64decode(told["answer"])), row) == [set_id(raw) for raw in raws]
    assert (await officer.upload("/api/bundles", file)).status_code == 403
    others = await seat(house, "admin")
    refused = await others.upload("/api/bundles", file)
    assert refused.json()["code"] == "sealed_to_others"

    made = (await duty.post("/api/bundles/backlog")).json()
    assert (made["sets"], made["left"]) == (2 + OF_ITS_OWN, 0)
    none = await others.post("/api/bundles/backlog")
    assert none.json() == {"file": None, "sets": 0, "left": 0}, "a centre owes nothing"
    answer = (await others.upload("/api/bundles", b64decode(made["file"]))).json()["answer"]
    back = (await duty.upload("/api/bundles", b64decode(answer))).json()
    assert (back["settled"], back["report"]["faults"], await owed(station.app)) == (4, [], 0)
    [known] = await push(station.client, pen, raws[0])
    assert (known.r, known.d) == ("duplicate", "accepted")


async def seat(at: Centre | Station, login: str) -> Any:
    if isinstance(at, Station):
        at = Centre(at.app, at.client, at.centre.clock)
    return await at.sign_in(login)


async def story(house: Centre, station: Station) -> tuple[Pen, list[bytes], bytes]:
    """Three sets that a station owes, and the centre's answer to the file of them."""
    pen = await house.phone()
    await station.mirrored()
    raws = [pen.create(INCIDENT), pen.note(INCIDENT, SPOKEN), pen.note(INCIDENT)]
    results = await push(station.client, pen, *raws)
    assert {one.r for one in results} == {"kept"}
    [up] = await backlog(station.app)
    house.clock.advance(60_000)
    brought, _none = await carried_to(house.app, up)
    return pen, raws, await answer_of(house.app, brought)


def records_at(file: bytes) -> list[int]:
    """Where each record begins, and the length of the whole."""
    return [*(one.offset for one in bundle.read([file], verify=keys.verify)), len(file)]


async def test_hb13_an_answer_cut_or_bent_anywhere_says_only_what_is_proved(
    house: Centre, station: Station
) -> None:
    _pen, _raws, sealed = await story(house, station)
    down = plain(station.app, sealed)
    at = records_at(down)
    assert len(at) == 9, "manifest, checkpoint, five rulings, the end, and where it ends"
    # Bent: each record by itself, so that nothing but its own hash is right.
    for n in range(2, 8):
        payload = bytearray(down[at[n - 1] + bundle.FRAME_BYTES : at[n]])
        payload[60 if n == 2 else -1] ^= 1
        bent = (
            down[: at[n - 1]]
            + len(payload).to_bytes(4)
            + bundle.record_hash(bytes(payload))
            + bytes(payload)
        )
        carried, settled = await carried_to(station.app, bent)
        codes = {fault.code for fault in carried.faults}
        assert codes == {"truncated", "other_log" if n == 2 else "not_in_log"}
        assert settled == (1 if n > 3 else 0), "what came before it stands"
    assert await owed(station.app) == 1
    for cut in (10, at[1] + 3, at[2], at[4] + 40, len(down) - 1, len(sealed) - 1):
        half = sealed[:-1] if cut == len(sealed) - 1 else down[:cut]
        carried, _settled = await carried_to(station.app, half)
        assert not carried.is_whole
        assert [fault.code for fault in carried.faults] == ["truncated"]
    assert await owed(station.app) == 0, "a file that lacks its end alone has said everything"


async def test_hb13_words_that_were_taken_away_do_not_come_back_with_an_old_answer(
    house: Centre, station: Station
) -> None:
    pen, raws, down = await story(house, station)
    said = changeset.read(raws[1])
    assert isinstance(said, ChangeSet)
    ground = Ground(person_id("commander"), "informant", "线人身份")
    await house.intake.transaction(lambda batch: redact(batch, INCIDENT, [said.set_id], ground))
    await station.mirrored()
    view = await station.intake.transaction(lambda batch: batch.view(INCIDENT))
    house.clock.advance(365 * 86_400_000)  # it lay in a drawer
    carried, _settled = await carried_to(station.app, down)
    assert (carried.faults, await owed(station.app)) == ([], 0)
    assert await station.intake.transaction(lambda batch: batch.view(INCIDENT)) == view
    assert SPOKEN not in str(view)
    old, _none = await carried_to(station.app, carried_by(pen, raws))
    assert dict(old.results) == {"duplicate": 3}


async def test_hb13_nobody_else_answers_for_the_centre(
    house: Centre, station: Station, tmp_path: Path, migrated_file: Path
) -> None:
    _pen, _raws, sealed = await story(house, station)
    down, before = plain(station.app, sealed), await station.db.reading(upstream.read)
    assert before is not None
    # An answer of another centre, to the very same file.
    (tmp_path / "foreign").mkdir()
    async with centre(tmp_path / "foreign", migrated_file) as foreign:
        files = await backlog(station.app)
        with pytest.raises(Exception, match="sealed_to_others"):
            await carried_to(foreign.app, files[0])
        theirs, _none = await carried_to(foreign.app, plain(house.app, files[0]))
        wrong, settled = await carried_to(station.app, await answer_of(foreign.app, theirs))
        assert (wrong.faults[0].code, settled) == ("other_log", 0)
    # What is proved stands, whoever put it together; that the centre was there lately only its own chain says.
    thief, at = Pen("thief", person_id("officer")), records_at(down)
    made = Manifest(
        "x", 1, thief.chain, thief.key.alg, thief.key.public, thief.nonce, beacon=b"\xff" * 16
    )
    writer = BundleWriter()
    forged = writer.begin(made)
    for one in bundle.read([down], verify=keys.verify):
        if one.kind in (bundle.CHECKPOINT, bundle.RULING):
            forged += writer.add(one.kind, msgspec.to_builtins(one.value, builtin_types=(bytes,)))
    carried, settled = await carried_to(station.app, forged + writer.end(thief.key.sign))
    assert (carried.is_whole, settled) == (True, 5)
    known = await station.db.reading(upstream.read)
    assert known is not None
    assert known.beacon == before.beacon
    # A manifest that names the centre's chain, at a file that chain did not sign.
    named = down[len(bundle.MAGIC) : at[1]]
    taken_over = bundle.MAGIC + named + forged[len(bundle.MAGIC) + len(named) :]
    carried, _settled = await carried_to(station.app, taken_over)
    assert not carried.is_whole
    known = await station.db.reading(upstream.read)
    assert known is not None
    assert known.beacon == before.beacon
    await carried_to(station.app, down)
    known = await station.db.reading(upstream.read)
    assert known is not None
    assert known.beacon is not None
    assert known.beacon > (before.beacon or b"")


async def test_hb13_a_centre_that_was_put_back_or_whose_log_did_not_only_grow_is_not_believed(
    house: Centre, station: Station
) -> None:
    pen, _raws, down = await story(house, station)
    await carried_to(station.app, down)
    await push(station.client, pen, pen.note(INCIDENT, "之后"))
    [up] = await backlog(station.app)
    brought, _none = await carried_to(house.app, up)
    assert brought.manifest is not None
    assert brought.manifest.signed is not None, (
        "it says what it has checked, so that the next proves more"
    )
    grown = await answer_of(house.app, brought)
    known = await station.db.reading(upstream.read)
    assert known is not None
    assert known.held is not None

    # As if the centre had shown another log of that length before.
    def other_root(connection: Any) -> None:
        assert known.held is not None
        lines = known.held.split("\n")
        lines[2] = lines[2][1:2] + lines[2][0:1] + lines[2][2:]
        upstream.save(connection, msgspec.structs.replace(known, held="\n".join(lines)))

    await station.db.writing(other_root)
    carried, settled = await carried_to(station.app, grown)
    assert {fault.code for fault in carried.faults} == {"inconsistent", "not_in_log"}
    assert (settled, await owed(station.app)) == (0, 2)
    await station.db.writing(upstream.save, known)
    carried, settled = await carried_to(station.app, grown)
    assert (carried.faults, settled) == ([], 2)

    # Another epoch: first it is not known here, then the line was there.
    await push(station.client, pen, pen.note(INCIDENT, "再后"))
    [up] = await backlog(station.app)
    state = house.app.state
    signer = Signer(state.settings, os.urandom)
    await declare(state.intake, signer, os.urandom, why="test", put_back=1 << 40)
    later, _none = await carried_to(house.app, up)
    answer = await answer_of(house.app, later)
    carried, settled = await carried_to(station.app, answer)
    assert (carried.faults[0].code, settled, await owed(station.app)) == ("other_log", 0, 2)
    assert all(errors.lookup(fault.code).cure for fault in carried.faults)
    await station.mirrored()
    carried, settled = await carried_to(station.app, answer)
    assert (carried.faults, await owed(station.app)) == ([], 0)


async def test_bu3_a_manifest_in_a_stations_name_gives_nothing_to_whoever_wrote_it(
    house: Centre, station: Station
) -> None:
    pen, thief, desk = await house.phone(), Pen("thief", person_id("officer")), station.intake.desk
    raws = [pen.create(INCIDENT), thief.open(), desk_like(thief, desk.chain)]
    made = Manifest(
        "x", 1, desk.chain, desk.key.alg, desk.key.public, desk.nonce,
        to=bytes(16), counts={"set": 9}, signed=("ortoo/else/where", 1 << 40),
    )  # fmt: skip
    writer = BundleWriter()
    file = writer.begin(made) + b"".join(writer.add(bundle.SET, raw) for raw in raws)
    brought, _none = await carried_to(house.app, file + writer.end(thief.key.sign))
    assert [fault.code for fault in brought.faults] == ["bad_end"]
    told = {"stored": 1, "held": 1, "bad_signature": 1}
    assert dict(brought.results) == told, (
        "each set for itself: a stranger's, and one that is forged"
    )
    answer = await answer_of(house.app, brought)
    [checkpoint] = [
        one.value
        for one in bundle.read([answer], verify=keys.verify)
        if one.kind == bundle.CHECKPOINT
    ]
    assert (checkpoint.after, checkpoint.proof) == (0, [])


def desk_like(pen: Pen, chain: bytes) -> bytes:
    """A set that says to be of this chain, by another key."""
    own, pen.writer = pen.writer, msgspec.structs.replace(pen.writer, chain=chain)
    raw = pen.note(INCIDENT, "假的")
    pen.writer = own
    return raw


async def test_hb13_a_long_backlog_is_cut_into_whole_files(house: Centre, station: Station) -> None:
    pen = await house.phone()
    await station.mirrored()
    raws = [pen.create(INCIDENT), *(pen.note(INCIDENT, "记" * 300) for _ in range(40))]
    await push(station.client, pen, *raws)
    files = await backlog(station.app, file_bytes=8_000)
    assert len(files) > 5
    assert all(len(file) <= 8_000 for file in files), "as large as may be brought to a desk"
    assert await owed(station.app) == 41 + OF_ITS_OWN, "carried is not confirmed"
    for file in files[1:] + files[:1]:  # in any order
        brought, _none = await carried_to(house.app, file)
        assert brought.is_whole
        assert brought.manifest is not None
        assert brought.results.total() == brought.manifest.counts["set"]
        await carried_to(station.app, await answer_of(house.app, brought))
    assert await owed(station.app) == 0


async def test_bu1_a_file_is_taken_in_without_being_held(house: Centre) -> None:
    """What is counted of a file does not grow with it; a set that cannot be read costs the least to refuse."""
    writer = BundleWriter()
    begun = carried_by(Pen("x", person_id("officer")), [])
    record = writer.add(bundle.SET, bytes(3_000))

    async def peak(count: int) -> int:
        def pieces() -> Iterator[bytes]:
            yield begun[: records_at(begun)[1]]
            for _ in range(count):
                yield record

        tracemalloc.start()
        carried = await take_in(house.intake, bundle.read(pieces(), verify=keys.verify))
        _now, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert carried.results.total() == count
        return most

    few, many = await peak(1_000), await peak(6_000)
    assert many < few + 1_000_000, "15 MB more of it"
    meant = Indices(range(0, 80_000_000, 1_000))
    assert (len(meant), list(meant)[-1]) == (80_000, 79_999_000)


# ---- from the command line -----------------------------------------------------------------


def test_the_round_from_a_station_to_the_centre_and_back(
    tmp_path: Path, migrated_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "centre").mkdir()

    async def live() -> None:
        async with (
            centre(tmp_path / "centre", migrated_file) as house,
            beside(house, tmp_path / "station", migrated_file) as station,
        ):
            pen = await house.phone()
            await station.mirrored()
            await push(station.client, pen, pen.create(INCIDENT), pen.note(INCIDENT, SPOKEN))

    asyncio.run(live())
    at_centre, at_station = ("--data", tmp_path / "centre"), ("--data", tmp_path / "station")
    up, down = tmp_path / "up.bundle", tmp_path / "up.answer.bundle"

    def as_station(*words: object) -> Result:
        monkeypatch.setenv("ORTOO_ROLE", "station")
        result = ortoo(*words, *at_station)
        monkeypatch.delenv("ORTOO_ROLE")
        return result

    export = ("bundle", "export", "--out", up)
    assert "only a station owes anything" in ortoo(*export, "--unsent", *at_centre).output
    assert "a station's" in ortoo("bundle", "import", migrated_file, *at_station).output
    refused = as_station(*export, "--chain", bytes(16).hex())
    assert "only the centre can prove its rulings" in refused.output
    full = as_station("bundle", "export", "--unsent", "--out", "/dev/full")
    assert (full.exit_code, "No space left on device" in full.output) == (1, True), "a stick is"
    made = as_station(*export, "--unsent")
    assert made.exit_code == 0, made.output
    assert f"{up}: 4 sets, which the centre alone can read" in made.output
    assert errors.lookup("sealed_to_others").cure in as_station("bundle", "import", up).output
    taken = ortoo("bundle", "import", up, *at_centre)
    assert (taken.exit_code, "taken in 4 new" in taken.output) == (0, True), taken.output
    back = as_station("bundle", "import", down)
    assert back.exit_code == 0, back.output
    assert "answered 4 that were owed to the centre; 0 are owed" in back.output
    again = as_station(*export, "--unsent")
    assert "nothing is owed to the centre" in again.output
