"""Bearer tokens of devices: 256 random bits that stand for an enrolled chain at the sync routes.

Responsible for making tokens and for finding the device behind one. Refuses to know sets. The
database holds only the SHA-256 of a token; a token says who may exchange, never what a set may do:
that is judged by the signature of the set itself.

A token follows from a secret of the centre and from what earned it. So a request that is heard twice, as networks
deliver them, gives the same token twice, and whichever answer arrives holds one that counts.

Example: ``token, token_hash = token_of(secret, chain, code)`` at enrolment; ``find(db, token)`` at every
request."""

import base64
import hashlib
import hmac
from typing import Final

from server.store import devices
from server.store.engine import Database

PREFIX: Final = "ortoo_d1_"
"""Lets a token be recognised when it turns up where it should not."""
MAX_TOKEN_CHARS: Final = 128


def token_hash(token: str) -> bytes:
    """What the table knows of a token."""
    return hashlib.sha256(token.encode()).digest()


def token_of(secret: bytes, *grounds: bytes) -> tuple[str, bytes]:
    """The token that these grounds earn, each of a fixed length, and its hash."""
    digest = hmac.digest(secret, b"".join(grounds), "sha256")
    token = PREFIX + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return token, token_hash(token)


async def find(db: Database, token: str) -> devices.Device | None:
    """The device a token belongs to, revoked or not; ``None`` when there is none."""
    if not 0 < len(token) <= MAX_TOKEN_CHARS:
        return None
    wanted = token_hash(token)
    return await db.reading(devices.by_token, wanted)
