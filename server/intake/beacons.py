"""Beacons: times that only this centre can have given, for devices to put into what they sign (TM12).

Responsible for giving them and for reading one again. Stateless: a beacon is its time and a code under a secret, which
is kept in a file beside the centre's keys; several processes of one centre need the same. Refuses to judge: what an
unknown one means is admission's.

Example: `beacons.read(beacons.give(1_000))` is 1000; of 16 other bytes it is None.
"""

import hmac
from typing import Final

KEY_FILE: Final = "beacon.key"
MS_BYTES: Final = 6
CODE_BYTES: Final = 10
_TAG: Final = b"ortoo/beacon/1\x00"


class Beacons:
    """Those of one centre."""

    def __init__(self, secret: bytes) -> None:
        """Take up the secret."""
        self._secret = secret
        self._newest_ms = 0

    def give(self, now_ms: int) -> bytes:
        """16 bytes for now; never for an earlier time than the one before."""
        self._newest_ms = max(self._newest_ms, now_ms)
        ms = self._newest_ms.to_bytes(MS_BYTES)
        return ms + self._code(ms)

    def read(self, beacon: bytes) -> int | None:
        """When it was given, in ms; None when it is not one of ours."""
        ms, code = beacon[:MS_BYTES], beacon[MS_BYTES:]
        return int.from_bytes(ms) if hmac.compare_digest(code, self._code(ms)) else None

    def _code(self, ms: bytes) -> bytes:
        return hmac.digest(self._secret, _TAG + ms, "sha256")[:CODE_BYTES]
