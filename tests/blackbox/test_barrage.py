"""Hostile bodies on the wire of a real centre that may take only so much memory more: it refuses them and lives (EX6).

Nothing is measured: the kernel refuses the process every byte beyond its bound, so a centre that made room for what is
promised would fail here.
"""

import asyncio
import gzip
import resource
import zlib
from collections.abc import Awaitable
from pathlib import Path

import httpx2

from tests.blackbox.centre import Centre
from tests.blackbox.crew import Crew, Phone
from tests.blackbox.journal import Journal
from tests.blackbox.kills import judged

MEMORY_BYTES = (
    192 * 1024 * 1024
)  # for all of it together; one bomb read as it asks takes thrice that
AT_ONCE = 24
ITEMS = 8_000_000


def bound(centre: Centre) -> None:
    """From now on the process has its present address space and so much more."""
    pages = int(Path(f"/proc/{centre.pid}/statm").read_text(encoding="ascii").split()[0])
    space = pages * resource.getpagesize() + MEMORY_BYTES
    resource.prlimit(centre.pid, resource.RLIMIT_AS, (space, space))


def packed(plain: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(plain) + packer.flush()


def listed(key: bytes, item: bytes) -> bytes:
    """A compressed map with one key and a list of as many items as its head promises."""
    count = ITEMS // len(item)
    return packed(b"\x81" + key + b"\xdd" + count.to_bytes(4, "big") + item * count)


BOMBS: dict[str, tuple[str, bytes, tuple[int, str]]] = {
    "sets of one byte": ("push", listed(b"\xa4sets", b"\xc0"), (413, "request_too_large")),
    "cursors": ("pull", listed(b"\xa7cursors", b"\x93\xa3org\x01\x00"), (413, "request_too_large")),
    "items under an unknown key": ("push", listed(b"\xa1x", b"\xc0"), (400, "bad_message")),
    "more than fits": ("push", packed(bytes(64_000_000)), (413, "request_too_large")),
    "a nest": ("hello", packed(b"\x91" * ITEMS), (400, "bad_message")),
    "a bomb in a parcel": ("push", packed(packed(bytes(8_000_000))), (400, "bad_message")),
    "half a stream": ("push", gzip.compress(bytes(100_000))[:-9], (400, "bad_compression")),
}


async def told(answer: Awaitable[httpx2.Response]) -> tuple[int, str]:
    """Status and code of a refusal, which is a problem with its cause and cure."""
    reply = await answer
    problem = reply.json()
    assert reply.headers["content-type"] == "application/problem+json"
    assert problem["cause"]
    assert problem["cure"]
    return reply.status_code, problem["code"]


async def announced(port: int, token: str) -> bytes:
    """The status line for a body of five gigabytes of which not one byte is sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /sync/v1/push HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-length: 5368709120\r\n"
    writer.write(head.encode() + b"\r\n")
    line = await reader.readline()
    writer.close()
    return line


async def barrage(centre: Centre, phone: Phone) -> None:
    token = phone.token
    headers = {"authorization": f"Bearer {token}", "content-encoding": "gzip"}
    async with httpx2.AsyncClient(base_url=centre.url, timeout=None) as http:
        for story, (call, body, expected) in BOMBS.items():
            requests = [
                told(http.post(f"/sync/v1/{call}", content=body, headers=headers))
                for _ in range(AT_ONCE)
            ]
            assert set(await asyncio.gather(*requests)) == {expected}, story
    lines = await asyncio.gather(*(announced(centre.port, token) for _ in range(AT_ONCE * 4)))
    assert {line.split()[1] for line in lines} == {b"413"}


async def test_a_barrage_is_refused_within_bounds_and_the_next_push_is_taken(
    tmp_path: Path,
) -> None:
    centre = await Centre.founded(tmp_path / "centre", 1)
    journal = Journal(tmp_path / "journal.jsonl")
    try:
        await centre.start()
        async with Crew.enrolled(centre, journal, tmp_path, "barrage") as crew:
            [phone] = crew.phones
            phone.write()
            await phone.device.attempt(pull=True)
            bound(centre)
            await barrage(centre, phone)
            phone.write()
            await crew.drained()
        centre.kill()
        await judged(centre, journal, "after the barrage")
    finally:
        centre.stop()
        journal.close()
