"""One incident in one file that anybody can check: what is done to it or to the database is found and named (XP)."""

import os
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from server import keys
from server.intake.redact import Ground, redact
from server.proof import loss
from server.proof.export import Exporter, UnknownIncidentError, UnsoundError
from server.proof.signer import RefusedError
from sync import canon, changeset, note
from sync.changeset import ChangeSet
from sync.evidence import file
from sync.evidence.check import check
from sync.evidence.compare import compare
from sync.evidence.file import Content
from sync.evidence.report import Report, people_of
from sync.ids import SetId
from tests.server.conftest import House
from tests.server.pen import UNIT, Pen, chance, person_id
from tests.server.signing import Signing

INCIDENT = chance("evidence incident")[:16]
OTHER = chance("another incident")[:16]
ORDER = chance("order")[:16]
SECRET = "证人住在三队"


class Case(Signing):
    """An incident with a phone, a second phone, a desk and a stranger in it, and another one beside it."""

    def __init__(self, house: House) -> None:
        super().__init__(house)
        self.exporter = Exporter(house.db, self.signer, house.clock)
        self.phone = Pen("phone", person_id("officer"))
        self.second = Pen("second", person_id("other"), alg="ES256")
        self.stranger = Pen("stranger", person_id("officer"))

    async def happen(self) -> None:
        intake = self.house.intake
        for pen in (self.phone, self.second):
            await pen.enrol(intake)
        pen = self.phone
        await self.push(pen, pen.open(), pen.create(INCIDENT), pen.note(INCIDENT, SECRET))
        await self.push(pen, pen.create(OTHER), pen.note(OTHER, "别的事"))
        order = {"t": "order.issue", "order": ORDER, "to": ["unit", UNIT], "kind": "dispatch"}
        draft = changeset.Draft(bytes(16), "org", "incident", INCIDENT, [order | {"round": 0}])
        await intake.submit_desk(person_id("dispatcher"), [draft])
        await self.push(pen, pen.claim(INCIDENT, "signed", ORDER), pen.note(INCIDENT, "人已带回"))
        await self.push(self.second, self.second.open(), self.second.note(INCIDENT, "乙所协助"))
        await self.push(pen, self.stranger.open(), self.stranger.note(INCIDENT, "谁也不认识我"))

    async def push(self, pen: Pen, *raws: bytes) -> None:
        results, _have = await self.house.intake.submit(list(raws), pen.device)
        assert all(result.r in {"stored", "held"} for result in results), results

    async def redact(self) -> None:
        """Take the words of the first note away."""
        pen = Pen("phone", person_id("officer"))
        raws = [pen.open(), pen.create(INCIDENT), pen.note(INCIDENT, SECRET)]
        told = changeset.read(raws[2])
        assert isinstance(told, ChangeSet)
        ground = Ground(person_id("dispatcher"), "informant", "证人")
        await self.house.intake.transaction(
            lambda batch: redact(batch, INCIDENT, [told.set_id], ground)
        )

    async def export(self) -> bytes:
        return await self.exporter.incident(INCIDENT)


@pytest.fixture
async def case(house: House) -> Case:
    """The incident as it happened, its log announced."""
    made = Case(house)
    await made.open()
    await made.happen()
    return made


def judged(data: bytes) -> Report:
    return check(data, verify=keys.verify)


def codes(data: bytes) -> set[str]:
    return {finding.code for finding in judged(data).findings}


def content_of(data: bytes) -> Content:
    export = file.read(data)
    assert isinstance(export, file.Export)
    return export.content


async def test_xp1_a_file_holds_everything_about_its_incident_and_nothing_of_another(
    case: Case,
) -> None:
    data = await case.export()
    report = judged(data)
    assert report.findings == []
    decisions = [shown.standing.payload["d"] for shown in report.shown]
    assert decisions == [*["accepted"] * 6, "held"]
    assert [ruling.payload["en"] for ruling in report.about] == list(
        range(1, len(report.about) + 1)
    )
    assert "别的事".encode() not in data
    assert OTHER not in data
    names = people_of(report)
    assert names[person_id("officer")] == "王"
    assert names[person_id("dispatcher")] == "赵"
    assert report.checkpoint is not None
    assert report.checkpoint.size == await case.size()
    assert report.unseen == 0, "the two sets about another matter are linked, without their bodies"


async def test_xp1_the_same_incident_gives_the_same_file(case: Case) -> None:
    assert await case.export() == await case.export()


async def test_xp1_an_incident_that_nobody_knows_has_no_file(case: Case) -> None:
    with pytest.raises(UnknownIncidentError):
        await case.exporter.incident(bytes(16))


async def test_xp2_every_single_byte_of_the_file_is_covered(case: Case) -> None:
    """All bytes of a small file, every eleventh of a larger one."""
    chance_of = random.Random(7)
    small = await case.exporter.incident(OTHER)
    for data, step in ((small, 1), (await case.export(), 11)):
        for at in range(0, len(data), step):
            bent = bytearray(data)
            bent[at] ^= 1 << chance_of.randrange(8)
            assert judged(bytes(bent)).findings, f"byte {at} of {len(data)} may be changed unseen"


async def test_xp2_cut_grown_and_foreign_files_are_none(case: Case) -> None:
    data = await case.export()
    assert codes(data[:-1]) == {"not_canonical"}
    assert codes(data + b"\x00") == {"not_canonical"}
    assert codes(b"") == {"not_canonical"}
    assert codes(canon.encode(["ortoo/export/2", b"", ""])) == {"not_an_export"}
    assert codes(canon.encode([file.FORMAT, canon.encode({}), ""])) == {"not_an_export"}
    assert codes(canon.encode([file.FORMAT, b"\xc1", ""])) == {"not_canonical"}


# ---- somebody who can seal anew: what the seal alone would not show ------------------------------


def resealed(data: bytes, change: Callable[[Content], Content], case: Case) -> bytes:
    """The file changed and sealed again, as only the holder of the key can: the parts must still tell on each other."""
    content = change(content_of(data))
    key = case.signer.own_key()
    assert key is not None
    name = judged(data).origin
    return file.write(content, name=name, sign=key.sign)


def without(content: Content, at: int, *, of: str) -> Content:
    kept = list(getattr(content, of))
    del kept[at]
    return msgspec.structs.replace(content, **{of: kept})


async def test_xp4_a_set_left_out_is_missed_even_under_a_new_seal(case: Case) -> None:
    data = await case.export()
    for at in range(7):

        def change(content: Content, at: int = at) -> Content:
            return without(content, at, of="sets")

        assert codes(resealed(data, change, case)) >= {"set_missing"}


async def test_xp4_a_set_left_out_with_its_ruling_is_missed_too(case: Case) -> None:
    data = await case.export()
    report = judged(data)
    for at, shown in enumerate(report.shown):

        def change(content: Content, at: int = at, idx: int = shown.first.idx) -> Content:
            entries = [entry for entry in content.entries if _idx_of(entry) != idx]
            return msgspec.structs.replace(without(content, at, of="sets"), entries=entries)

        assert "ruling_missing" in codes(resealed(data, change, case)), f"set {at}"


async def test_xp4_the_count_may_not_be_lowered_unseen(case: Case) -> None:
    """Whoever drops the newest ruling, its set and the count gives a file about less: only its head tells, and an
    earlier or later file (XP6).
    """
    data = await case.export()
    lowered = resealed(data, lambda c: msgspec.structs.replace(c, n=c.n - 1), case)
    assert codes(lowered) == {"ruling_missing"}
    other = resealed(data, lambda c: msgspec.structs.replace(c, head=bytes(16)), case)
    assert codes(other) == {"ruling_changed"}


def _idx_of(entry: file.Entry) -> int:
    idx: int = canon.decode(entry.ruling)[1]
    return idx


async def test_xp4_two_sets_or_rulings_that_changed_places_are_named(case: Case) -> None:
    data = await case.export()

    def swapped(of: str, at: int) -> Callable[[Content], Content]:
        def change(content: Content) -> Content:
            listed = list(getattr(content, of))
            listed[at], listed[at + 1] = listed[at + 1], listed[at]
            return msgspec.structs.replace(content, **{of: listed})

        return change

    assert codes(resealed(data, swapped("sets", 1), case)) == {"out_of_order"}
    assert "out_of_order" in codes(resealed(data, swapped("entries", 3), case))


async def test_xp4_a_set_of_another_hand_is_named(case: Case) -> None:
    data = await case.export()
    forger = Pen("forger", person_id("officer"))
    forger.writer = msgspec.structs.replace(
        forger.writer, chain=case.phone.chain, seq=3, prev=SetId(bytes(32))
    )

    def forged(content: Content) -> Content:
        sets = list(content.sets)
        header, _signature, body = canon.decode(sets[1])
        sets[1] = canon.encode([header, bytes(64), body])
        return msgspec.structs.replace(content, sets=sets)

    assert codes(resealed(data, forged, case)) == {"forged"}

    def more(content: Content) -> Content:
        return msgspec.structs.replace(
            content, sets=[*content.sets, forger.note(INCIDENT, "从来没有过")]
        )

    assert "unruled" in codes(resealed(data, more, case))

    def doubled(content: Content) -> Content:
        return msgspec.structs.replace(content, sets=[*content.sets, content.sets[-1]])

    assert codes(resealed(data, doubled, case)) == {"twice"}

    def bare(content: Content) -> Content:
        header, signature, _body = canon.decode(content.sets[1])
        sets = [content.sets[0], canon.encode([header, signature, None]), *content.sets[2:]]
        return msgspec.structs.replace(content, sets=sets)

    assert codes(resealed(data, bare, case)) == {"words_missing"}

    def other_words(content: Content) -> Content:
        header, signature, body = canon.decode(content.sets[1])
        bent = body.replace("证人".encode(), "好人".encode())
        assert bent != body
        sets = [content.sets[0], canon.encode([header, signature, bent]), *content.sets[2:]]
        return msgspec.structs.replace(content, sets=sets)

    assert codes(resealed(data, other_words, case)) == {"bad_set", "set_missing"}


async def test_xp3_keys_and_proofs_are_those_of_the_log(case: Case) -> None:
    data = await case.export()

    def unproved(content: Content) -> Content:
        first, *rest = content.entries
        bent = file.Entry(first.ruling, [bytes(32), *first.proof[1:]])
        return msgspec.structs.replace(content, entries=[bent, *rest])

    assert codes(resealed(data, unproved, case)) == {"not_in_log"}

    def unannounced(content: Content) -> Content:
        kept = [entry for entry in content.entries if b"\xa4logs" not in entry.ruling]
        return msgspec.structs.replace(content, entries=kept)

    assert codes(resealed(data, unannounced, case)) == {"key_not_announced"}

    def strangers(content: Content) -> Content:
        kept = [entry for entry in content.entries if b"\xa7devices" not in entry.ruling]
        return msgspec.structs.replace(content, entries=kept)

    assert codes(resealed(data, strangers, case)) == {"not_enrolled"}

    def keyless(content: Content) -> Content:
        return msgspec.structs.replace(strangers(content), chains=[])

    assert codes(resealed(data, keyless, case)) == {"key_missing"}

    other = keys.SigningKey(keys.ED25519, bytes(32))
    content = msgspec.structs.replace(content_of(data), pub=other.public)
    stolen = file.write(content, name=judged(data).origin, sign=other.sign)
    assert codes(stolen) >= {"bad_checkpoint", "key_not_announced"}
    pinned = case.signer.own_key()
    assert pinned is not None
    found = check(stolen, verify=keys.verify, key=pinned.public).findings
    assert "other_key" in {finding.code for finding in found}


async def test_xp4_links_between_sets_hold(case: Case) -> None:
    data = await case.export()
    (chain,) = [one for one in content_of(data).chains if one.links]
    assert len(chain.links) == 2

    def unlinked(content: Content) -> Content:
        chains = [
            file.Chain(one.opening, [(h, bytes(64)) for h, _s in one.links])
            for one in content.chains
        ]
        return msgspec.structs.replace(content, chains=chains)

    assert codes(resealed(data, unlinked, case)) == {"forged"}


async def test_xp4_a_file_with_redacted_words_holds_and_has_none_of_them(case: Case) -> None:
    before = await case.export()
    assert SECRET.encode() in before
    await case.redact()
    after = await case.export()
    assert SECRET.encode() not in after
    report = judged(after)
    assert report.findings == []
    assert [shown.is_redacted for shown in report.shown].count(True) == 1
    assert compare(report, judged(before)) == []
    # Whoever still has the words may not put them back.
    old = next(raw for raw in content_of(before).sets if SECRET.encode() in raw)

    def restored(content: Content) -> Content:
        sets = [old if raw[:60] == old[:60] else raw for raw in content.sets]
        assert old in sets
        return msgspec.structs.replace(content, sets=sets)

    assert codes(resealed(after, restored, case)) == {"words_kept"}


def test_xp5_any_bytes_are_judged_without_an_error() -> None:
    chance_of = random.Random(11)
    for _ in range(300):
        assert judged(chance_of.randbytes(chance_of.randrange(80))).findings


async def test_xp5_rulings_of_any_shape_are_judged_without_an_error(case: Case) -> None:
    """Whoever holds the key may seal nonsense; the judge names it and does not stumble."""
    data = await case.export()
    chance_of = random.Random(13)
    for _ in range(150):

        def nonsense(content: Content) -> Content:
            at = chance_of.randrange(len(content.entries))
            form, idx, at_ms, kind, payload = canon.decode(content.entries[at].ruling)
            name = chance_of.choice(sorted(payload))
            if chance_of.random() < 0.3:
                del payload[name]
            else:
                payload[name] = chance_of.choice([None, 0, -1, "", b"", [], {}, [0], {"epoch": 1}])
            raw = canon.encode([form, idx, at_ms, kind, payload])
            entries = list(content.entries)
            entries[at] = file.Entry(raw, entries[at].proof)
            return msgspec.structs.replace(content, entries=entries)

        told = resealed(data, nonsense, case)
        assert told == data or codes(told) & {"not_in_log", "bad_ruling"}


# ---- beside an earlier file ----------------------------------------------------------------------


async def test_xp6_a_log_that_grew_is_the_same_log(case: Case) -> None:
    before = await case.export()
    await case.push(case.phone, case.phone.note(INCIDENT, "后来的事"))
    await case.grow(300)
    after = await case.export()
    assert compare(judged(after), judged(before)) == []
    assert {f.code for f in compare(judged(before), judged(after))} == {"rolled_back"}
    other = await case.exporter.incident(OTHER)
    assert {f.code for f in compare(judged(other), judged(after))} == {"not_comparable"}
    assert {f.code for f in compare(judged(b""), judged(after))} == {"not_comparable"}


# ---- somebody who can write into the database ----------------------------------------------------


@pytest.fixture
def backend() -> str:
    """What is altered here behind the centre's back is a SQLite file."""
    return "sqlite"


def file_of(house: House) -> Path:
    assert house.db.path is not None
    return house.db.path


def copied(source: Path, target: Path) -> None:
    with sqlite3.connect(source) as a, sqlite3.connect(target) as b:
        a.backup(b)


def altered(house: House, sql: str, *values: Any) -> None:
    database = sqlite3.connect(file_of(house), isolation_level=None)
    assert database.execute(sql, values).rowcount, "the alteration hit nothing"
    database.close()


async def test_a_changed_word_in_the_database_is_named_and_no_file_is_made(case: Case) -> None:
    altered(
        case.house,
        "UPDATE sets SET envelope = CAST(replace(CAST(envelope AS TEXT), ?, ?) AS BLOB)"
        " WHERE instr(envelope, CAST(? AS BLOB))",
        "人已带回", "人未带回", "人已带回",
    )  # fmt: skip
    with pytest.raises(UnsoundError) as caught:
        await case.export()
    assert "set_missing" in {finding.code for finding in caught.value.findings}


async def test_a_set_deleted_from_the_database_is_named(case: Case) -> None:
    altered(
        case.house, "DELETE FROM sets WHERE entity = ? AND arrival_no = "
        "(SELECT MAX(arrival_no) FROM sets WHERE entity = ?)", INCIDENT, INCIDENT,
    )  # fmt: skip
    with pytest.raises(UnsoundError) as caught:
        await case.export()
    (finding,) = caught.value.findings
    assert finding.code == "set_missing"
    assert finding.where.startswith("the set of entry ")


async def test_two_sets_that_changed_places_in_the_database_are_named(case: Case) -> None:
    database = sqlite3.connect(file_of(case.house), isolation_level=None)
    (a, first), (b, second) = database.execute(
        "SELECT arrival_no, envelope FROM sets WHERE entity = ? ORDER BY arrival_no LIMIT 2",
        (INCIDENT,),
    ).fetchall()
    database.execute("UPDATE sets SET envelope = ? WHERE arrival_no = ?", (second, a))
    database.execute("UPDATE sets SET envelope = ? WHERE arrival_no = ?", (first, b))
    database.close()
    with pytest.raises(UnsoundError) as caught:
        await case.export()
    assert {finding.code for finding in caught.value.findings} & {"out_of_order", "unruled"}


async def test_a_set_deleted_with_its_ruling_is_named(case: Case) -> None:
    before = await case.export()
    idx = judged(before).shown[3].first.idx
    altered(case.house, "DELETE FROM sets WHERE idx = ?", idx)
    altered(case.house, "DELETE FROM rulings WHERE idx = ?", idx)
    with pytest.raises(RefusedError, match=f"entry {idx}: it is not there"):
        await case.export()


async def test_a_ruling_written_anew_is_named(case: Case) -> None:
    before = await case.export()
    idx = judged(before).about[2].idx
    altered(
        case.house,
        "UPDATE rulings SET bytes = CAST(replace(CAST(bytes AS TEXT), 'accepted', 'rejected') AS BLOB)"
        " WHERE idx = ?",
        idx,
    )
    with pytest.raises(RefusedError, match="log_changed"):
        await case.export()


async def test_a_restored_older_database_gives_no_file_and_a_forged_one_is_found(
    case: Case, tmp_path: Path
) -> None:
    older = tmp_path / "older.db"
    copied(file_of(case.house), older)
    await case.push(case.phone, case.phone.note(INCIDENT, "后来的事"))
    before = await case.export()
    await case.house.intake.stop()
    copied(older, file_of(case.house))
    intake = case.house.new_intake()
    await intake.start()
    case.house.intake = intake
    with pytest.raises(RefusedError, match="log_rolled_back"):
        await case.export()
    # Whoever takes the memory away too makes a file that is sound by itself; the earlier one tells.
    case.signer.path.unlink()
    after = await case.export()
    assert judged(after).findings == []
    assert "rolled_back" in {f.code for f in compare(judged(after), judged(before))}
    await case.grow(50)
    grown = await case.export()
    assert judged(grown).findings == []
    found = {f.code for f in compare(judged(grown), judged(before))}
    assert "entry_gone" in found


async def test_xp6_a_declared_loss_is_told_by_the_file(case: Case, tmp_path: Path) -> None:
    older = tmp_path / "older.db"
    copied(file_of(case.house), older)
    first = await case.export()
    await case.push(case.phone, case.phone.note(INCIDENT, "后来的事"))
    before = await case.export()
    await case.house.intake.stop()
    copied(older, file_of(case.house))
    intake = case.house.new_intake()
    await intake.start()
    case.house.intake = intake
    await loss.declare(intake, case.signer, os.urandom, why="旧盘")
    after = await case.export()
    assert judged(after).findings == []
    (lost,) = compare(judged(after), judged(before))
    assert (lost.code, lost.detail) == ("declared_lost", "旧盘")
    assert compare(judged(after), judged(first)) == []

    def silent(content: Content) -> Content:
        kept = [entry for entry in content.entries if "旧盘".encode() not in entry.ruling]
        return msgspec.structs.replace(content, entries=kept)

    hidden = judged(resealed(after, silent, case))
    assert "undeclared_epoch" in {f.code for f in compare(hidden, judged(before))}


async def test_the_seal_speaks_in_the_name_of_the_log(case: Case) -> None:
    data = await case.export()
    export = file.read(data)
    assert isinstance(export, file.Export)
    seal = note.read_note(export.seal)
    assert seal.text.splitlines()[:2] == [file.FORMAT, INCIDENT.hex()]
    assert [line.name for line in seal.signatures] == [judged(data).origin]
