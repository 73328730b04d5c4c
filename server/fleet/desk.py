"""A person at a desk, as the API sees one: a session, a CSRF token, and requests that are answered.

Responsible for signing in (again, when a session has run out) and for turning refusals into errors.
Refuses to know what a desk should do.

Example: `desk = Desk(http, "dispatcher", password)`; `await desk.move(incident, "close")`.
"""

from typing import Any

import httpx2

from server.wire import refuse

UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Desk:
    """One signed-in person. Use from one event loop."""

    def __init__(self, http: httpx2.AsyncClient, login: str, password: str) -> None:
        """`http` has the server's address and cookies of its own."""
        self._http = http
        self._login = login
        self._password = password
        self._csrf = ""
        self.person: dict[str, Any] = {}

    async def sign_in(self) -> None:
        """Open a session. Raises ServerRefusalError for a wrong login or password."""
        self._http.cookies.clear()
        reply = await self._http.post(
            "/api/session", json={"login": self._login, "password": self._password}
        )
        refuse(reply)
        session = reply.json()
        self._csrf, self.person = session["csrf"], session["person"]

    async def get(self, path: str) -> Any:
        """The JSON at `path`. Raises ServerRefusalError."""
        return await self._ask("GET", path)

    async def post(self, path: str, body: Any) -> Any:
        """The JSON answer to JSON. Raises ServerRefusalError."""
        return await self._ask("POST", path, json=body)

    async def move(self, incident: str, move: str, **fields: Any) -> Any:
        """Make one move on an incident."""
        return await self.post(f"/api/incidents/{incident}/moves", {"move": move} | fields)

    async def _ask(self, method: str, path: str, **content: Any) -> Any:
        if not self._csrf:
            await self.sign_in()
        reply = await self._send(method, path, content)
        if reply.status_code in (401, 403) and _expired(reply):
            await self.sign_in()
            reply = await self._send(method, path, content)
        refuse(reply)
        return reply.json() if reply.content else None

    async def _send(self, method: str, path: str, content: dict[str, Any]) -> httpx2.Response:
        headers = {"x-csrf-token": self._csrf} if method in UNSAFE else {}
        return await self._http.request(method, path, headers=headers, **content)


def _expired(reply: httpx2.Response) -> bool:
    try:
        return reply.json()["code"] in ("not_signed_in", "csrf")
    except (ValueError, KeyError, TypeError):
        return False
