"""Simulated phones between a township's station and the centre: the second tick is no third one (HB)."""

import random
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest
from litestar import Litestar

from server.auth.devices import find
from server.auth.enrol import Whose
from server.fleet.chain import seeded_entropy
from server.fleet.device import Device
from server.fleet.pages import BrokenScopeError
from server.fleet.timebase import VirtualTime
from server.fleet.vault import AGAIN_MS, Cursor, Head, Offered, Vault
from server.wire import ServerRefusalError
from sync import changeset, exchange, rulings
from sync.changeset import KIND_INCIDENT
from sync.rulings import Ruling
from tests.server.pen import OTHER_STATION, STATION, chance, person_id
from tests.server.township import Township, township, until

INCIDENT = chance("incident of the phones")[:16]
CHAIN = b"chain-----------"


@pytest.fixture
async def place(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Township]:
    async with township(tmp_path, migrated_file) as made:
        phone = await made.phone("other")
        await made.at_centre(phone, phone.create(INCIDENT))
        await made.linked()
        yield made


class Phone:
    """A simulated phone that says what it was shown."""

    def __init__(self, place: Township, name: str = "roaming") -> None:
        self.shown: list[tuple[str, Ruling]] = []
        self.place = place
        self.time = VirtualTime(place.clock)
        self.device = Device(
            Vault(),
            reaching(place.centre),
            self.time,
            entropy=seeded_entropy(name),
            chance=random.Random(7),
            follow=lambda scope, ruling, _raw: self.shown.append((scope, ruling)),
            records_centre=True,
        )

    async def enrolled(self) -> "Phone":
        await self.let_in()
        await self.known()
        await self.place.settled()
        return self

    async def let_in(self) -> None:
        """Let in by the centre; the station hears of it later."""
        issued = await self.place.centre.state.enrolment.issue(
            Whose(person=person_id("officer")), person_id("admin")
        )
        await self.device.enrol(issued[0], "phone")
        await self.device.attempt(pull=True)

    async def known(self) -> None:
        """Until the station was told of it."""
        identity = self.device.vault.identity()
        assert identity is not None

        async def known() -> bool:
            return await find(self.place.state.db, identity.token) is not None

        await until(known)

    def note(self, text: str) -> bytes:
        op = {"t": "entry.add", "kind": "note", "text": text}
        return self.device.write(KIND_INCIDENT, INCIDENT, [op], scope="org")

    async def at(self, app: Litestar | None) -> None:
        """One round at this server."""
        self.device.meet(reaching(app))
        self.device.kick(pull=True)
        await self.time.run()

    @property
    def ticks(self) -> tuple[int, int, int]:
        """Sets on the phone alone, at a station, at the centre."""
        tally = self.device.vault.tally()
        assert tally.refused == 0
        return tally.made - tally.acked - tally.kept, tally.kept, tally.acked


def reaching(app: Litestar | None) -> httpx2.AsyncClient:
    assert app is not None
    transport = httpx2.ASGITransport(app=app)  # type: ignore[arg-type]
    return httpx2.AsyncClient(transport=transport, base_url="http://here")


async def test_hb4_what_a_station_keeps_is_owed_until_the_centre_has_ruled(place: Township) -> None:
    phone = await Phone(place).enrolled()
    place.cut()
    noted = phone.note("断网时")
    await phone.at(place.station)
    here, there, _acked = phone.ticks
    assert (here, there) == (0, 1)
    await phone.at(place.station)
    assert phone.device.duplicates == 0
    [thought] = [one for scope, one in phone.shown if scope.startswith("hub:")]
    assert thought.payload["set"] == noted
    assert rulings.is_provisional(thought.idx)
    assert phone.device.vault.pending()[0] == 1, "nobody has answered"

    place.mend()
    await place.settled()
    await phone.at(place.station)
    assert phone.ticks[:2] == (0, 0), "the centre's ruling was pulled here"
    assert [one.idx for _scope, one in phone.shown if one.payload.get("set") == noted][
        -1
    ] < rulings.PROVISIONAL_FROM
    assert phone.device.duplicates == 0
    await place.same(INCIDENT)


async def test_hb4_whoever_meets_the_centre_first_hands_in_there_what_the_station_keeps(
    place: Township,
) -> None:
    phone = await Phone(place).enrolled()
    place.cut()
    phone.note("先到所里")
    await phone.at(place.station)
    await phone.at(place.centre)
    assert phone.ticks[:2] == (0, 0)
    cursors = phone.device.vault.cursors()
    await phone.at(
        place.station
    )  # which has not heard of it: it leaves out what lies beyond it (HB2)
    assert (
        phone.device.vault.cursors().items()
        >= {scope: at for scope, at in cursors.items() if not scope.startswith("hub:")}.items()
    )
    place.mend()
    await place.settled()
    await phone.at(place.station)
    view = (await place.same(INCIDENT)).decode("utf-8", "replace")
    assert view.count("先到所里") == 1


async def test_hb5_a_station_gives_no_token_and_no_place_and_is_asked_for_no_checkpoint(
    place: Township,
) -> None:
    phone = await Phone(place).enrolled()
    device = phone.device
    token, request = device.vault.greeting(bytes(16))
    old = device.chain
    seen, beacon = device._chain.seen, device._chain.beacon
    await place.at_centre(other := await place.phone("other"), other.note(INCIDENT, "后来"))
    place.cut()
    await phone.at(place.station)
    assert device.vault.greeting(request) == (token, request)
    assert device.reading.watch.alarm is None
    assert device._chain.seen is not None
    assert seen is not None
    assert device._chain.seen[0] >= seen[0]
    assert (device._chain.beacon or b"") >= (beacon or b"")

    device._chain.turn("copied")
    phone.note("换了链")
    await phone.at(place.station)
    identity = device.vault.identity()
    assert identity is not None
    assert identity.instead_of == old, "it waits for a place"
    assert phone.ticks[0] > 0, "what stands on a chain without a place stays here"
    await phone.at(place.centre)
    assert phone.ticks[:2] == (0, 0)
    identity = device.vault.identity()
    assert identity is not None
    assert identity.instead_of is None


async def test_hb5_a_phone_that_a_station_was_not_told_of_is_refused_for_the_moment(
    place: Township,
) -> None:
    place.cut()
    issued = await place.centre.state.enrolment.issue(
        Whose(person=person_id("officer")), person_id("admin")
    )
    phone = Phone(place)
    await phone.device.enrol(issued[0], "phone")
    phone.device.meet(reaching(place.station))
    with pytest.raises(ServerRefusalError, match="unknown_here") as refused:
        await phone.device.attempt(pull=True)
    assert refused.value.may_pass
    place.mend()
    await phone.known()
    await phone.at(place.station)
    assert phone.ticks[0] == 0


async def test_hb4_an_officer_who_is_told_nothing_of_another_township_is_answered_all_the_same(
    place: Township,
) -> None:
    phone = await Phone(place).enrolled()
    other = await place.phone("other")
    elsewhere = chance("incident elsewhere")[:16]
    await place.at_centre(other, other.create(elsewhere, chance("another station")[:16]))
    op = {"t": "entry.add", "kind": "note", "text": "路过邻所"}
    phone.device.write(KIND_INCIDENT, elsewhere, [op], scope="org")
    await phone.at(place.station)
    place.clock.advance(AGAIN_MS)
    place.own_clock.advance(AGAIN_MS)
    await place.at_centre(other, other.note(INCIDENT))
    await place.settled()
    await phone.at(place.station)
    assert phone.ticks[:2] == (0, 0)


def test_hb4_the_vault_offers_to_each_station_what_that_one_does_not_keep() -> None:
    vault, one, two = Vault(), b"station 1", b"station 2"
    ids = [bytes([seq]) * 32 for seq in range(3)]
    for seq, id_ in enumerate(ids):
        vault.append(CHAIN, Head(seq, id_, bytes(8)), 0, 1_000, b"x")
    vault.kept(one, [(ids[0], 5), (ids[1], 6)], 1_000)
    vault.kept(two, [(ids[1], 7)], 1_000)

    def offered(at: bytes, now_ms: int = 2_000, heard_ms: int = 0) -> list[bytes]:
        return [one.id for one in vault.waiting(9, 99, at=Offered(at, now_ms, heard_ms))]

    assert [offered(at) for at in (one, two, b"")] == [ids[2:], [ids[0], ids[2]], ids]
    assert offered(one, AGAIN_MS) == ids[2:]
    assert offered(one, AGAIN_MS + 1_000) == ids[2:], "it has heard nothing new"
    assert offered(one, AGAIN_MS + 1_000, heard_ms=6) == [ids[0], ids[2]]
    assert vault.pending()[0] == 3
    assert [kept.seq for kept in vault.unsure(CHAIN) if not kept.is_sent] == [2], "FK7"
    vault.ruled([(ids[1], None), (b"\xff" * 32, None)])
    tally = vault.tally()
    assert (tally.made, tally.acked, tally.refused, tally.kept) == (3, 1, 0, 1)
    vault.owe_everything()  # another log: stations are offered again what was safe in the old one (TL11)
    assert offered(one) == ids[1:]


async def test_hb6_who_went_to_another_station_lets_go_of_the_old_one_there_too(
    place: Township,
) -> None:
    phone = await Phone(place).enrolled()
    await phone.at(place.station)
    intake = place.centre.state.intake
    row = intake.directory.row("people", phone.device.person)

    def followed() -> set[bytes]:
        names = [scope.split(":") for scope in phone.device.vault.cursors()]
        return {bytes.fromhex(name[-2]) for name in names if "station" in name}

    assert followed() == {STATION}
    await intake.org("people", phone.device.person, row | {"station": OTHER_STATION})
    await place.settled()
    await phone.at(place.station)
    await phone.at(place.station)
    assert followed() == {OTHER_STATION}
    said = changeset.read(
        phone.device.vault.raw(phone.device.chain, phone.device.vault.tally().made - 1)
    )
    assert isinstance(said, changeset.ChangeSet)
    assert said.body is not None
    assert {op["t"] for op in said.body.ops} == {"scope.purged"}


async def test_hb5_a_station_that_speaks_of_a_log_which_has_ended_confirms_nothing(
    place: Township,
) -> None:
    phone = await Phone(place).enrolled()
    vault = phone.device.vault
    met = vault.watched("met")
    assert met is not None
    noted = phone.note("一")
    await phone.at(place.centre)
    await place.settled()
    place.cut()
    # The phone has heard since that this log ended and another goes on, to which it owes everything again.
    origin, _, epoch = met.decode().rpartition("/")
    vault.watch("met", f"{origin}/{'ff' * 8}".encode())
    vault.watch("ended", exchange.encode([bytes.fromhex(epoch)]))
    vault.owe_everything()
    acked = phone.ticks[2]
    assert acked == 0
    await phone.at(place.station)
    assert phone.ticks[0] == phone.ticks[2] == 0
    assert noted in {one.id for one in vault.waiting(99, 1 << 20)}
    assert vault.watched("met") == f"{origin}/{'ff' * 8}".encode()


async def test_hb15_what_only_a_station_says_to_be_safe_is_kept_and_offered_to_the_centre(
    place: Township,
) -> None:
    phone = await Phone(place).enrolled()
    noted = phone.note("所里说中心已收")
    await phone.at(place.station)
    await place.settled()
    await phone.at(place.station)
    assert phone.ticks[:2] == (0, 0)
    phone.device.vault.retire(2**52)
    assert noted in set(phone.device.vault.ids()), "a station's word ends nothing"
    told = phone.device.duplicates
    await phone.at(place.centre)
    assert phone.device.duplicates > told, "the centre says it itself"
    phone.device.vault.retire(2**52)
    head = phone.device.vault.head(phone.device.chain)
    assert list(phone.device.vault.ids()) == [head.id if head is not None else b""]


async def test_hb2_a_cursor_that_no_station_can_have_given_begins_its_own_scope_anew(
    place: Township,
) -> None:
    phone = await Phone(place).enrolled()
    place.cut()
    noted = phone.note("断网时")
    await phone.at(place.station)
    [name] = [scope for scope, one in phone.shown if one.payload.get("set") == noted]
    true = phone.device.vault.cursors()[name]
    for wrong in (Cursor(true.epoch + 1, 0, bytes(16)), Cursor(true.epoch, 9, bytes(16))):
        phone.device.reading.move(name, wrong)
        for _ in range(2):  # the first notices
            with suppress(BrokenScopeError):
                await phone.at(place.station)
        assert phone.device.vault.cursors()[name] == true
