"""Whatever is sent to a desk's call, by whoever sits there, the answer is a refusal with a code and never our fault.

Example: five thousand opened brackets for `freezeOverdue` are answered 400 with a code.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.server.desks import Centre, centre
from tests.server.test_auth import AT_DESK, DEVICE_CALLS, OPEN_CALLS, calls

BODIES = (
    b"",
    b"null",
    b"[]",
    b"{",
    b'"x"',
    b'{"a": 1}',
    b"\xff\xfe",
    b"[" * 5_000,
    b'{"from_ms": 1e400, "limits": {"sign_within_ms": -1}, "name": "\\u0000", "polygon": [[1e308, 2]], "mode": {}}',
    b'{"note": "' + b"x" * 1_000_000 + b'", "clock": "C2", "result": "met", "why": ""}',
)
QUERIES = (
    "",
    "?as_of_ms=-5&by=x",
    "?as_of_ms=9007199254740993&by=event",
    "?clock=C99&by=zone&period=week&day=9999-99-99",
    "?start=a&end=b&from=2026-13-45&to=x",
    "?from_ms=-1&to_ms=99999999999999999999&format=exe&cursor=%00&limit=-1",
)
LEFT_OUT = OPEN_CALLS | DEVICE_CALLS | {"live", "logOut"}  # no desk's, without an end, or its end


@pytest.fixture
async def house(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Centre]:
    async with centre(tmp_path, migrated_file) as made:
        yield made


async def test_hostile_input_is_refused_with_a_code_and_never_breaks_a_call(house: Centre) -> None:
    seats = [await house.sign_in(login) for login in sorted(AT_DESK)]
    for name, method, path in await calls(house):
        if name in LEFT_OUT:
            continue
        sent = [(query, b"") for query in QUERIES] if method == "GET" else [("", b) for b in BODIES]
        for seat in seats:
            for query, body in sent:
                answer = await seat.raw(method, path + query, body)
                what = (name, query, body[:40], answer.text[:200])
                assert answer.status_code < 500, what
                assert answer.status_code < 400 or answer.json()["code"], what
