"""Bearer tokens of devices: 256 random bits that stand for an enrolled chain at the sync routes.

Responsible for making tokens and for finding the device behind one. Refuses to know sets. The
database holds only the SHA-256 of a token; a token says who may exchange, never what a set may do:
that is judged by the signature of the set itself.

Example: ``token, token_hash = new_token(entropy)`` at enrolment; ``find(db, token)`` at every
request."""

import base64
import hashlib
from collections.abc import Callable
from typing import Final

from server.store import devices
from server.store.engine import Database

PREFIX: Final = "ortoo_d1_"
"""Lets a token be recognised when it turns up where it should not."""
TOKEN_BYTES: Final = 32
MAX_TOKEN_CHARS: Final = 128


def token_hash(token: str) -> bytes:
    """What the table knows of a token."""
    return hashlib.sha256(token.encode()).digest()


def new_token(entropy: Callable[[int], bytes]) -> tuple[str, bytes]:
    """A fresh token and its hash."""
    text = base64.urlsafe_b64encode(entropy(TOKEN_BYTES)).rstrip(b"=").decode()
    token = PREFIX + text
    return token, token_hash(token)


async def find(db: Database, token: str) -> devices.Device | None:
    """The device a token belongs to, revoked or not; ``None`` when there is none."""
    if not 0 < len(token) <= MAX_TOKEN_CHARS:
        return None
    wanted = token_hash(token)
    return await db.reading(devices.by_token, wanted)
