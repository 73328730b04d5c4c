"""A township station for one browser story: it joins a centre by a code and serves the built pages.

Responsible for serving until standard input closes. Prints one JSON line when it is ready; people can log in once
it has read the organisation.

Example: `python tests/e2e/station.py DIR PAGES http://127.0.0.1:41873 7KQ2M-9XR4T` prints `{"url": "http://127.0.0.1:41877"}`.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from server.app import build_app
from server.fleet.centre import listen, serving
from server.now import SystemClock
from server.settings import Settings
from server.store.engine import Database
from server.store.migrate import upgrade
from server.upstream.join import join


async def main(data_dir: Path, pages: Path, centre: str, code: str) -> None:
    """Serve until standard input closes."""
    listener = listen("127.0.0.1", 0)
    settings = Settings(
        data_dir=data_dir,
        port=listener.getsockname()[1],
        pwa_dir=pages,
        hashing="light",
        role="station",
        upstream=centre,
    )
    db = Database(settings.url)
    await upgrade(db)
    await join(settings, db, centre, code, os.urandom)
    await db.close()
    app = build_app(settings, clock=SystemClock())
    async with serving(app, listener) as url:
        sys.stdout.write(json.dumps({"url": url}) + "\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]))
