"""A centre inside this process, on a loopback port: for replays, demos, benches and their tests.

Responsible for serving an application that somebody else built, until told to stop. Refuses to know
how it was built and what it does; everyone talks to it over HTTP, as to any other.

Example: `async with serving(app, listen("127.0.0.1", 0)) as url: ...`.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Generator
from typing import Any

import uvicorn

START_S = 30
GRACE_S = 5


class _Embedded(uvicorn.Server):
    """A server that leaves the process's signals to whoever embeds it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Capture none."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one. Raises OSError when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named so that asyncio knows it for TCP and sends replies without delay.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


@contextlib.asynccontextmanager
async def serving(app: Any, listener: socket.socket) -> AsyncIterator[str]:
    """Serve `app` on the socket while the block runs; gives the address as a URL."""
    config = uvicorn.Config(
        app,
        http="httptools",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = _Embedded(config)
    task = asyncio.create_task(server.serve(sockets=[listener]), name="centre")
    try:
        async with asyncio.timeout(START_S):
            while not server.started:
                if task.done():
                    await task
                    raise RuntimeError("the centre did not start")
                await asyncio.sleep(0.005)
        host, port = listener.getsockname()[:2]
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        await task
