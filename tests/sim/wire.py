"""What travels in the simulated world: a request and a response, as HTTP would carry them.

Responsible for the two shapes. Refuses to know who sends them and what the bodies mean.

Example: `Request("/sync/v1/push", "Bearer ortoo_d1_…", body)`; no answer at all is `LostError`.
"""

import msgspec

MSGPACK = "application/msgpack"
HTML = "text/html"


class Request(msgspec.Struct, frozen=True):
    """A POST. `token` is the whole Authorization header, empty for none."""

    path: str
    token: str
    body: bytes
    encoding: str = "identity"

    @property
    def word(self) -> str:
        """The last part of the path: `hello`, `push`, `pull`, `enrol`."""
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
