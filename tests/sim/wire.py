"""What travels in the simulated world: a request and a response, as HTTP would carry them.

Responsible for the two shapes. Refuses to know who sends them and what the bodies mean.

Example: `Request("/sync/v1/push", "Bearer ortoo_d1_…", body)`; no answer at all is `LostError`.
"""

import msgspec

MSGPACK = "application/msgpack"
HTML = "text/html"


class Request(msgspec.Struct, frozen=True):
    """`token` is the whole Authorization header, empty for none; `range` the Range header."""

    path: str
    token: str
    body: bytes = b""
    encoding: str = "identity"
    method: str = "POST"
    range: str = ""

    @property
    def word(self) -> str:
        """What is called: `hello`, `push`, `pull`, `snapshot`, `enrol`."""
        _api, word = self.path.removeprefix("/sync").split("/")[1:3]
        return word

    @property
    def rest(self) -> str:
        """What follows the word: the hash of a snapshot."""
        return self.path.rpartition("/")[2]


class Response(msgspec.Struct, frozen=True):
    """An answer; `broken` when the body breaks off halfway."""

    status: int
    type: str
    body: bytes
    retry_after: str | None = None
    broken: bool = False


class LostError(Exception):
    """No answer came. The request may have been heard, or not."""
