"""A centre for one browser story: a fresh database, the made-up organisation, one login per role.

Responsible for serving the built pages until standard input closes. Prints one JSON line when it is ready. Run again on
the same directory and port it goes on where it was, as a centre does after a power cut.

Example: `python tests/e2e/centre.py DIR PORT PAGES` prints `{"url": "http://127.0.0.1:41873", "password": "…"}`.
"""

import asyncio
import json
import sys
from pathlib import Path

from server.app import build_app
from server.fleet import world
from server.fleet.centre import listen, serving
from server.fleet.founding import found
from server.now import SystemClock
from server.settings import PushSettings, Settings
from server.store.engine import Database
from server.store.migrate import upgrade

PASSWORD = "a-story-password"


async def main(data_dir: Path, port: int, pages: Path) -> None:
    """Serve until standard input closes."""
    listener = listen("127.0.0.1", port)
    settings = Settings(
        data_dir=data_dir,
        port=listener.getsockname()[1],
        pwa_dir=pages,
        hashing="light",
        push=PushSettings(services="localhost", loopback=True),  # no story leaves this machine
    )
    db = Database(settings.url)
    await upgrade(db)
    await db.close()
    clock = SystemClock()
    app = build_app(settings, clock=clock)
    logins = [(world.id_of("people", name), role, PASSWORD) for role, name, _ in world.DESK_ROLES]
    async with serving(app, listener) as url:
        await found(app.state.intake, app.state.db, clock, world.rows(), logins)
        sys.stdout.write(json.dumps({"url": url, "password": PASSWORD}) + "\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
