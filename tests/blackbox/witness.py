"""A transport that writes down what the centre promises, as it passes by on the wire.

Responsible for reading replies of the exchange beside the device that asked, so that the journal holds what was said
and not what a client made of it. Refuses to change anything.

Example: `httpx2.AsyncClient(transport=Witness(inner, journal))`.
"""

import base64
import gzip
import json
from hashlib import sha256
from typing import Any

import httpx2
import msgspec

from server.now import SystemClock
from sync import ids
from tests.blackbox.journal import Journal

DECIDED = ("d", "why", "no")  # of a ruling, as it is answered
PROVISIONAL_FROM = 2**52  # rulings from here on are a station's own opinion (HB3)
STATIONS_OWN = "hub:"  # and these are the scopes that list them, which go when it has none left


class Witness(httpx2.AsyncBaseTransport):
    """Passes requests on to `inner`; every promise in a reply goes into the journal."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, journal: Journal) -> None:
        """Share `inner` and the journal with other witnesses."""
        self._inner = inner
        self._journal = journal
        self.chain: bytes | None = None  # of the device behind it, once it has one

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The reply of `inner`, read whole. Raises what `inner` raises."""
        sent = await request.aread()
        response = await self._inner.handle_async_request(request)
        await response.aread()
        if response.is_success:
            self._heard(request.url.path, request, sent, response.content)
        return response

    def _heard(self, path: str, request: httpx2.Request, sent: bytes, got: bytes) -> None:
        if path == "/api/enrol":
            self._enrolled(json.loads(sent), json.loads(got))
        elif path == "/api/incidents" and request.method == "POST":
            said = json.loads(got)
            if said["number"] is not None:  # a station gives none
                told = {"number": said["number"], "idx": said["idx"]}
                self._journal.note("desk", incident=said["id"], **told)
        elif path in ("/sync/v1/push", "/sync/v1/pull", "/sync/v1/hello"):
            if request.headers.get("content-encoding") == "gzip":
                sent = gzip.decompress(sent)
            said = msgspec.msgpack.decode(got)
            if path.endswith("push"):
                self._pushed(msgspec.msgpack.decode(sent, type=dict[str, list[msgspec.Raw]]), said)
            elif path.endswith("pull"):
                self._pulled(said)
            else:
                self._greeted(said)

    def _enrolled(self, asked: dict[str, Any], said: dict[str, Any]) -> None:
        text = asked["pub"]
        pub = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        self.chain = bytes.fromhex(said["chain"])
        self._journal.note("enrolled", chain=self.chain, pub=pub)

    def _pushed(self, asked: dict[str, list[msgspec.Raw]], said: dict[str, Any]) -> None:
        for raw, result in zip(asked["sets"], said["results"], strict=True):
            header_bytes = msgspec.msgpack.decode(raw)[0]
            set_id = ids.set_id(header_bytes)
            assert result.get("id") == set_id, "an answer is about the set that was sent"
            digest = sha256(bytes(raw)).digest()
            if result["r"] == "kept":
                server, at_ms = said["server"], result["at_ms"]
                self._journal.note("kept", id=set_id, bytes=digest, server=server, at_ms=at_ms)
            elif "idx" in result:
                self._journal.note(
                    "acked",
                    id=set_id,
                    bytes=digest,
                    t_ms=_now_ms(),
                    r=result["r"],
                    **{name: result.get(name) for name in ("idx", "at_ms", *DECIDED)},
                )
        if self.chain is not None:
            self._journal.note("have", chain=self.chain, have=said["have"])

    def _greeted(self, said: dict[str, Any]) -> None:
        log = said["log"]
        self._journal.note("log", origin=log["origin"], epoch=log["epoch"], size=log["size"])
        if self.chain is not None:
            self._journal.note("have", chain=self.chain, have=said["have"])

    def _pulled(self, said: dict[str, Any]) -> None:
        for page in said["scopes"]:
            for _n, raw, _envelope in page["entries"]:
                _one, idx, at_ms, kind, payload = msgspec.msgpack.decode(raw)
                if kind == "set" and payload["chain"] == self.chain and idx < PROVISIONAL_FROM:
                    decided = {name: payload[name] for name in DECIDED}
                    said_so = {"id": payload["set"], "t_ms": _now_ms(), "idx": idx, "at_ms": at_ms}
                    self._journal.note("ruled", **said_so, **decided)
            if page["to"] > 0 and not page["scope"].startswith(STATIONS_OWN):
                self._journal.note(
                    "told",
                    scope=page["scope"],
                    epoch=page["epoch"],
                    n=page["to"],
                    head=page["head"],
                )


def _now_ms() -> int:
    return SystemClock().now_ms()
