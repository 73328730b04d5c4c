"""P1, the reconnect storm: 200 devices, 50 signed single-op sets each, 50 connections, everything on.

Responsible for the runs and for counting afterwards, in the database itself, that every acknowledged
set is there. Refuses to count a run in which one is not.

The server is a real `ortoo serve` on a copy of one prepared SQLite database, committing with fsync; the
driver is another process whose requests were signed and compressed before the clock started.
`took` of a device is its whole push: one request of fifty sets, from the first byte out to the reply.

Example: `await storms(prepared, work, runs=5)` gives five `Run`s.
"""

import asyncio
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import msgspec

from server.fleet.bench.machine import Process
from server.fleet.bench.prepare import SETS_PER_DEVICE
from server.fleet.bench.storm import Outcome, Work
from server.fleet.centre import listen
from sync import exchange

DEVICES = 200
CONNECTIONS = 50
START_S = 30


class Run(msgspec.Struct, frozen=True):
    """One storm."""

    sets: int
    sets_per_s: float
    cpu_us_per_set: float
    p50_s: float
    p99_s: float
    peak_mib: float


async def storms(prepared: Path, work: list[Work], runs: int) -> list[Run]:
    """So many storms, each on a fresh copy of the prepared data directory."""
    found = []
    with tempfile.TemporaryDirectory(prefix="ortoo-bench-") as temporary:
        work_file = Path(temporary) / "work.bin"
        work_file.write_bytes(msgspec.msgpack.encode(work))
        for number in range(runs):
            data_dir = Path(temporary) / f"run{number}"
            await asyncio.to_thread(shutil.copytree, prepared, data_dir)
            found.append(await _storm(data_dir, work_file))
    return found


async def _storm(data_dir: Path, work_file: Path) -> Run:
    async with served(data_dir) as (port, process):
        before_s = process.cpu_s()
        outcome = await _drive(work_file, port)
        after_s = process.cpu_s()
        peak_mib = process.peak_mib()
    with sqlite3.connect(data_dir / "ortoo.db") as db:
        held = {row[0] for row in db.execute("SELECT set_id FROM sets")}
    return judged(outcome, held, cpu_s=after_s - before_s, peak_mib=peak_mib)


@asynccontextmanager
async def served(data_dir: Path) -> AsyncIterator[tuple[int, Process]]:
    """A real `ortoo serve` on a data directory for the length of the block: its port and its process."""
    with listen("127.0.0.1", 0) as probe:
        port = probe.getsockname()[1]
    ortoo = Path(sys.executable).with_name("ortoo")
    server = await asyncio.create_subprocess_exec(
        str(ortoo),
        "serve",
        "--port",
        str(port),
        env=os.environ
        | {
            "ORTOO_DATA_DIR": str(data_dir),
            "ORTOO_HOST": "127.0.0.1",
            "ORTOO_HASHING": "light",
        },
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _ready(port, server)
        yield port, Process(server.pid)
    finally:
        if server.returncode is None:
            server.send_signal(signal.SIGTERM)
        await server.wait()


async def _ready(port: int, server: asyncio.subprocess.Process) -> None:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        for _ in range(START_S * 20):
            if server.returncode is not None:
                raise RuntimeError(f"the server ended with {server.returncode}")
            try:
                if (await http.get("/api/health")).is_success:
                    return
            except httpx2.TransportError:
                await asyncio.sleep(0.05)
    raise RuntimeError("the server did not answer")


async def _drive(work_file: Path, port: int) -> Outcome:
    driver = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "server.fleet.bench.storm",
        str(work_file),
        "127.0.0.1",
        str(port),
        str(CONNECTIONS),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await driver.communicate()
    if driver.returncode != 0:
        raise RuntimeError("the driver failed")
    return msgspec.msgpack.decode(said, type=Outcome)


def judged(outcome: Outcome, held: set[bytes], *, cpu_s: float, peak_mib: float) -> Run:
    """A storm's figures, given the set ids in the database afterwards.

    Raises RuntimeError when a push was not answered 200, a set not stored, or one is not there.
    """
    acked: set[bytes] = set()
    for status, body in outcome.replies:
        if status != 200:
            raise RuntimeError(f"a push was answered {status}: {body[:200]!r}")
        for result in exchange.decode(exchange.PushReply, body).results:
            if result.r != exchange.STORED or result.id is None:
                raise RuntimeError(f"a set was answered {result.r} ({result.why})")
            acked.add(result.id)
    if missing := len(acked - held):
        raise RuntimeError(f"{missing} acknowledged sets are not in the database")
    if len(acked) != len(outcome.replies) * SETS_PER_DEVICE:
        raise RuntimeError(f"{len(acked)} sets were acknowledged, which is not all of them")
    took_s = sorted(took / 1e9 for took in outcome.took_ns)
    return Run(
        sets=len(acked),
        sets_per_s=len(acked) / (outcome.wall_ns / 1e9),
        cpu_us_per_set=cpu_s * 1e6 / len(acked),
        p50_s=took_s[len(took_s) // 2],
        p99_s=took_s[min(len(took_s) - 1, round(len(took_s) * 0.99))],
        peak_mib=peak_mib,
    )
