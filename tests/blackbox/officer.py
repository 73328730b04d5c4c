"""One phone as a process of its own, for where the network it is in decides what it can do.

Responsible for working without pause, for writing down what was promised to it and when it believed that (`settled`,
`kept`), and, once told to rest, for going on until nothing is owed to the centre. Refuses to know where it is: it finds
the one server of whatever network it is in. Its journal and vault lie in the place that it is given.

    echo '{"place": "/tmp/x", "number": 0, "seed": "7", "officer": {…}, "code": "7KQ2M-9XR4T"}' |
        python -m tests.blackbox.officer       # says `ready`; a further line tells it to rest; ends when it is done
"""

import asyncio
import random
import sqlite3
import sys
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Final

import httpx2
import msgspec

from server.fleet.chain import seeded_entropy
from server.fleet.device import Device
from server.fleet.replay.cast import Officer
from server.fleet.vault import Vault
from server.now import SystemClock
from server.wire import ServerRefusalError
from tests.blackbox.crew import Hurried, Phone
from tests.blackbox.journal import Journal
from tests.blackbox.wires import SERVER
from tests.blackbox.witness import Witness

READY: Final = "ready\n"
LOOK_S: Final = 0.05
BETWEEN_S: Final = (0.6, 1.8)


class Told(msgspec.Struct, frozen=True):
    """What a phone is given at its start."""

    place: str
    number: int
    seed: str
    officer: Officer
    code: str


class Diary:
    """What a phone believes of its sets, as its vault says."""

    def __init__(self, vault_file: Path, journal: Journal) -> None:
        """Nothing was seen yet."""
        self._file = vault_file
        self._journal = journal
        self._seen: set[tuple[bytes, str]] = set()

    async def keep(self) -> None:
        """Note every tick when it comes."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        """Note the ticks that came."""
        with closing(sqlite3.connect(self._file)) as db:
            settled = db.execute("SELECT id, result FROM sets WHERE result IS NOT NULL").fetchall()
        at_ms = SystemClock().now_ms()
        for set_id, result in settled:
            if (set_id, result) not in self._seen:
                self._seen.add((set_id, result))
                self._journal.note("settled", id=set_id, r=result, t_ms=at_ms)


async def main(told: Told) -> None:
    """Enrol, work, rest. Raises what made the phone give up."""
    place = Path(told.place)
    journal = Journal(place / f"phone{told.number}.jsonl")
    vault_file = place / f"phone{told.number}.db"
    seed, time = f"{told.seed}/{told.number}", Hurried()
    http = httpx2.AsyncClient(
        base_url=SERVER, transport=Witness(httpx2.AsyncHTTPTransport(), journal)
    )
    device = Device(
        Vault(vault_file),
        http,
        time,
        entropy=seeded_entropy("wires", seed, str(time.now_ms())),
        chance=random.Random(f"{seed}/retries"),
        records_centre=True,
    )
    await device.enrol(told.code, "a phone")
    phone = Phone(told.officer, device, http, vault_file, seed)
    diary = Diary(vault_file, journal)
    time.spawn(diary.keep())
    phone.write()
    await device.attempt(pull=True)
    sys.stdout.write(READY)
    sys.stdout.flush()
    resting = asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    chance = random.Random(f"{seed}/work")
    while not resting.done():
        phone.act()
        device.kick(pull=True)
        await asyncio.wait([resting], timeout=chance.uniform(*BETWEEN_S))
    await time.stop()
    for seq, set_id, raw in phone.made():
        digest = sha256(raw).digest()
        journal.note("made", chain=phone.chain, seq=seq, id=set_id, bytes=digest)
    while device.vault.pending()[0]:
        try:
            await device.attempt(pull=True)
        except (httpx2.TransportError, ServerRefusalError) as error:
            sys.stderr.write(f"not yet: {error!r}\n")
        await asyncio.sleep(LOOK_S * 10)
    diary.look()
    journal.note("healed")
    if time.failures:
        raise time.failures[0]


if __name__ == "__main__":
    asyncio.run(main(msgspec.json.decode(sys.stdin.readline(), type=Told)))
