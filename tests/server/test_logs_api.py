"""The signed log over HTTP: who may read it, what is handed out, and that it checks out (TL)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from server import keys
from server.proof.keeper import Keeper
from server.store import log, proofs
from sync import exchange, merkle, note, rulings, witness
from tests.server.desks import Centre, centre
from tests.server.pen import Pen

LOG = "/sync/v1/log/"


@pytest.fixture
async def house(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Centre]:
    """A centre whose log was signed, and which then grew a little."""
    async with centre(tmp_path, migrated_file) as made:
        keeper: Keeper = made.app.state.keeper
        await keeper.sign()
        yield made


def bearer(pen: Pen) -> dict[str, str]:
    return {"authorization": f"Bearer {pen.token}"}


async def read(house: Centre, pen: Pen, path: str) -> httpx.Response:
    return await house.client.get(LOG + path, headers=bearer(pen))


async def hashes(house: Centre, pen: Pen, path: str) -> list[bytes]:
    answer = await read(house, pen, path)
    assert answer.status_code == 200, answer.text
    found: list[bytes] = msgspec.msgpack.decode(answer.content)["hashes"]
    return found


async def named(house: Centre) -> witness.Log:
    head = await house.app.state.db.reading(log.read)
    found = witness.log_of(head.server_id, house.intake.directory.row("logs", head.server_id))
    assert found is not None
    return found


async def test_an_enrolled_phone_can_check_the_whole_log_by_itself(house: Centre) -> None:
    pen = await house.phone()
    await house.app.state.keeper.sign()
    answer = await read(house, pen, "checkpoint")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    known = await named(house)
    held = witness.judge(None, answer.text, [], log=known, verify=keys.verify)
    assert isinstance(held, witness.Held)
    tile = await read(house, pen, f"tile/0/000.p/{held.size}")
    assert tile.headers["content-type"] == "application/octet-stream"
    assert "immutable" in tile.headers["cache-control"]
    assert "private" in tile.headers["cache-control"]
    leaves = [tile.content[at : at + 32] for at in range(0, len(tile.content), 32)]
    assert len(leaves) == held.size
    assert merkle.Levels(leaves).root() == held.root

    def stored(connection: Any) -> list[bytes]:
        return [
            rulings.leaf_hash(raw) for _idx, raw in proofs.rulings_between(connection, 0, held.size)
        ]

    assert await house.app.state.db.reading(stored) == leaves
    for index in (0, held.size - 1):
        proof = await hashes(house, pen, f"proof/inclusion?index={index}&size={held.size}")
        assert merkle.root_from_inclusion(index, held.size, leaves[index], proof) == held.root
    proof = await hashes(house, pen, f"proof/consistency?from=3&to={held.size}")
    first = merkle.Levels(leaves[:3]).root()
    assert merkle.is_consistent(3, first, held.size, held.root, proof)


async def test_only_an_enrolled_device_or_somebody_at_a_desk_may_read(house: Centre) -> None:
    pen = await house.phone()
    for path in ("checkpoint", "tile/0/000.p/1", "proof/consistency?from=0&to=1"):
        assert (await house.client.get(LOG + path)).status_code == 401
        stranger = await house.client.get(LOG + path, headers={"authorization": "Bearer nobody"})
        assert stranger.status_code == 401
        assert (await read(house, pen, path)).status_code == 200
        desk = await house.sign_in("reviewer")
        assert (await desk.get(LOG + path)).status_code == 200
    await house.intake.transaction(lambda batch: batch.devices.revoke(pen.chain, "lost"))
    assert (await read(house, pen, "checkpoint")).json()["code"] == "device_revoked"


@pytest.mark.parametrize(
    "path",
    ["", "entries/000", "tile", "tile/0/0", "tile/0/999", "tile/0/000.p/200", "tile/9/000",
     "proof/other?index=0&size=1", "proof/inclusion?index=5&size=5",
     "proof/inclusion?index=0&size=99999", "proof/consistency?from=2&to=1"],
)  # fmt: skip
async def test_what_is_not_there_or_not_signed_yet_is_not_given(house: Centre, path: str) -> None:
    answer = await read(house, await house.phone(), path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["inclusion", "inclusion?index=-1&size=2", "consistency?from=a&to=2",
                                  "consistency?from=0&to=99999999999999999999"])  # fmt: skip
async def test_a_question_that_is_none_is_told_so(house: Centre, path: str) -> None:
    answer = await read(house, await house.phone(), f"proof/{path}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


async def test_the_log_is_only_read(house: Centre) -> None:
    answer = await house.client.post(LOG + "checkpoint", headers=bearer(await house.phone()))
    assert answer.status_code in {404, 405}


async def test_tl9_a_pull_brings_the_newest_checkpoint_with_its_proof_when_it_is_asked_for(
    house: Centre,
) -> None:
    pen = await house.phone()
    keeper: Keeper = house.app.state.keeper

    async def pull(**more: Any) -> exchange.PullReply:
        body = msgspec.msgpack.encode({"cursors": [], "budget": 1000, **more})
        answer = await house.client.post("/sync/v1/pull", content=body, headers=bearer(pen))
        return exchange.decode(exchange.PullReply, answer.content)

    assert (await pull()).checkpoint is None
    first = (await pull(signed=0)).checkpoint
    assert first is not None
    known = await named(house)
    held = witness.judge(None, first.note, first.proof, log=known, verify=keys.verify)
    assert isinstance(held, witness.Held)
    await house.push(pen, pen.create(bytes(16)))
    await keeper.sign()
    second = (await pull(signed=held.size)).checkpoint
    assert second is not None
    grown = witness.judge(held, second.note, second.proof, log=known, verify=keys.verify)
    assert isinstance(grown, witness.Held)
    assert grown.size > held.size
    # A phone that has seen more than there is gets the note all the same: it is the one to judge.
    ahead = (await pull(signed=grown.size + 5)).checkpoint
    assert ahead is not None
    assert ahead.proof == []
    assert note.read_checkpoint(note.read_note(ahead.note).text).size == grown.size


async def test_health_says_how_far_the_log_is_signed_and_what_is_wrong_with_it(
    house: Centre, tmp_path: Path
) -> None:
    told = (await house.client.get("/api/health")).json()["log"]
    assert told["signed_size"] > 0
    assert told["code"] is None
    (tmp_path / "log.signed").unlink()
    await house.phone()
    await house.app.state.keeper.sign()
    told = (await house.client.get("/api/health")).json()["log"]
    assert told["code"] == "log_memory_missing"
    assert told["cause"]
    assert "declare-loss" in told["cure"]
