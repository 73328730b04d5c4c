"""A push service of our own on this machine: a browser's half in Node, opened by a library that is not ours.

Example: `async with push_service() as service: there = await service.subscribe(vapid_key)`; then
`await service.messages(there)` gives what a browser would have read.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import msgspec

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "pwa" / "scripts" / "push-service.mjs"


class There(msgspec.Struct, frozen=True):
    """A subscription as a browser gives it."""

    endpoint: str
    p256dh: str
    auth: str
    hash: str

    @property
    def body(self) -> dict[str, str]:
        return {"endpoint": self.endpoint, "p256dh": self.p256dh, "auth": self.auth}


class PushService:
    """The service, from the browser's side."""

    def __init__(self, url: str, http: httpx2.AsyncClient) -> None:
        self.url = url
        self._http = http

    async def subscribe(self, key: str) -> There:
        asked = {"userVisibleOnly": "true", "applicationServerKey": key}
        answer = await self._http.post("/subscribe", json=asked)
        data = answer.json()["data"]
        keys = data["keys"]
        return There(data["endpoint"], keys["p256dh"], keys["auth"], data["clientHash"])

    async def expire(self, there: There) -> None:
        await self._http.post(f"/expire-subscription/{there.hash}")

    async def answers(self, *script: dict[str, Any]) -> None:
        """Answer the next messages so, whatever they are."""
        await self._http.post("/script", json=list(script))

    async def messages(self, there: There) -> list[str]:
        """The texts a browser would have read."""
        answer = await self._http.post("/get-notifications", json={"clientHash": there.hash})
        found: list[str] = answer.json().get("data", {}).get("messages", [])
        return found

    async def seen(self) -> list[dict[str, Any]]:
        """Every message that came, with its headers, opened or not."""
        found: list[dict[str, Any]] = (await self._http.get("/seen")).json()
        return found

    async def until(self, count: int) -> list[dict[str, Any]]:
        """Wait for so many messages."""
        found: list[dict[str, Any]] = (await self._http.get(f"/seen/{count}", timeout=30)).json()
        return found


@asynccontextmanager
async def push_service() -> AsyncIterator[PushService]:
    process = await asyncio.create_subprocess_exec(
        "node", str(SCRIPT), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        async with asyncio.timeout(30):
            url = (await process.stdout.readline()).decode().strip()
        assert url.startswith("http://localhost:"), "the push service did not start"
        async with httpx2.AsyncClient(base_url=url.replace("localhost", "127.0.0.1")) as http:
            yield PushService(url, http)
    finally:
        process.stdin.close()
        await process.wait()


def told(text: str) -> dict[str, Any]:
    """What a message says."""
    read: dict[str, Any] = json.loads(text)
    return read
