"""A reconnect storm, driven cheaply: requests made beforehand, raw HTTP/1.1 over kept connections.

Run as its own process so that its work is not the server's. Responsible for sending each device's
request once, at most so many at a time, and for the time each took. Refuses to know what a request
means; it keeps the replies for its caller to judge.

The work file is msgpack `[body, …]` with one `[token, path, body]` per device; the result, on standard
output, is msgpack `{"wall_ns": int, "took_ns": [int, …], "replies": [[status, body], …]}`.

Example: `python -m server.fleet.bench.storm work.bin 127.0.0.1 8123 50`.
"""

import asyncio
import gzip
import sys
import time
from pathlib import Path

import msgspec


class Work(msgspec.Struct, array_like=True):
    """One device's request. `body` is msgpack, not yet compressed."""

    token: str
    path: str
    body: bytes


class Outcome(msgspec.Struct):
    """What happened, in the order of the work. Times are nanoseconds."""

    wall_ns: int
    took_ns: list[int]
    replies: list[tuple[int, bytes]]


def request_bytes(work: Work, host: str) -> bytes:
    """A whole HTTP/1.1 request, body gzipped as a phone sends it."""
    body = gzip.compress(work.body, 6)
    head = (
        f"POST {work.path} HTTP/1.1\r\nHost: {host}\r\n"
        f"Authorization: Bearer {work.token}\r\nContent-Type: application/msgpack\r\n"
        f"Content-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body


async def _reply(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:])
    }
    if headers.get(b"transfer-encoding") == b"chunked":
        body = b""
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
        return status, body
    return status, await reader.readexactly(int(headers[b"content-length"]))


async def storm(requests: list[bytes], host: str, port: int, connections: int) -> Outcome:
    """Send every request, `connections` at a time, each over a connection that is kept."""
    pairs = [
        await asyncio.open_connection(host, port, limit=1 << 22)
        for _ in range(min(connections, len(requests)))
    ]
    took_ns = [0] * len(requests)
    replies: list[tuple[int, bytes]] = [(0, b"")] * len(requests)
    turn = iter(range(len(requests)))

    async def drain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in turn:
            begun_ns = time.perf_counter_ns()
            writer.write(requests[number])
            replies[number] = await _reply(reader)
            took_ns[number] = time.perf_counter_ns() - begun_ns

    begun_ns = time.perf_counter_ns()
    await asyncio.gather(*(drain(*pair) for pair in pairs))
    wall_ns = time.perf_counter_ns() - begun_ns
    for _, writer in pairs:
        writer.close()
    return Outcome(wall_ns, took_ns, replies)


def main(work_file: str, host: str, port: str, connections: str) -> None:
    """Read the work, storm, write the outcome to standard output."""
    work = msgspec.msgpack.decode(Path(work_file).read_bytes(), type=list[Work])
    requests = [request_bytes(one, host) for one in work]
    outcome = asyncio.run(storm(requests, host, int(port), int(connections)))
    sys.stdout.buffer.write(msgspec.msgpack.encode(outcome))


if __name__ == "__main__":
    main(*sys.argv[1:])
