"""A wire that breaks: a TCP proxy that cuts each connection after a given number of bytes, up or down.

Responsible for passing on exactly so many bytes and then ending both sides, politely (FIN) or not (RST). Refuses to
know what the bytes mean.

Example: `async with Proxy.before(port) as proxy: proxy.cut = Cut("up", 100, hard=True)` lets 100 bytes of each request
through.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Literal, NamedTuple

CHUNK_BYTES = 65_536
RESET = struct.pack("ii", 1, 0)  # linger for no time: closing sends RST


class Cut(NamedTuple):
    """Where a connection ends: after so many bytes of this direction; `hard` resets it."""

    way: Literal["up", "down"]
    after_bytes: int
    hard: bool = False


class Proxy:
    """Stands before one port."""

    def __init__(self, upstream_port: int) -> None:
        """Use `before`."""
        self.cut: Cut | None = None
        self.cuts = 0  # connections that were cut
        self.port = 0
        self._upstream_port = upstream_port
        self._ends: set[asyncio.StreamWriter] = set()

    @classmethod
    @asynccontextmanager
    async def before(cls, upstream_port: int) -> AsyncIterator["Proxy"]:
        """A proxy on a port of its own."""
        proxy = cls(upstream_port)
        server = await asyncio.start_server(proxy._connected, "127.0.0.1", 0)
        proxy.port = server.sockets[0].getsockname()[1]
        try:
            yield proxy
        finally:
            server.close()

    def drop(self) -> None:
        """End every connection there is, in the middle of whatever it is."""
        for end in self._ends:
            end.transport.abort()

    @contextmanager
    def elsewhere(self, port: int) -> Iterator[None]:
        """Lead to another port for the length of the block; connections end before and after."""
        self._upstream_port, own = port, self._upstream_port
        self.drop()
        try:
            yield
        finally:
            self._upstream_port = own
            self.drop()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        cut = self.cut
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        except OSError:
            writer.close()
            return
        self._ends |= {writer, far_writer}
        ways = (
            self._pass("up", cut, reader, far_writer),
            self._pass("down", cut, far_reader, writer),
        )
        tasks = [asyncio.create_task(way) for way in ways]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        was_cut = any(task.result() for task in done)
        self.cuts += was_cut
        for task in tasks:
            task.cancel()
        self._ends -= {writer, far_writer}
        for end in (writer, far_writer):
            if was_cut and cut is not None and cut.hard:
                end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            end.close()

    async def _pass(
        self,
        way: str,
        cut: Cut | None,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        """Pass bytes on until one side ends or the cut is reached; whether it was the cut."""
        left = cut.after_bytes if cut is not None and cut.way == way else None
        try:
            while chunk := await reader.read(CHUNK_BYTES):
                writer.write(chunk if left is None else chunk[:left])
                await writer.drain()
                if left is not None:
                    if len(chunk) > left:
                        return True
                    left -= len(chunk)
        except OSError:
            pass
        return False
