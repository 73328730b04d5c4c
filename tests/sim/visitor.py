"""A client by hand: it keeps nothing, signs anew each time it is asked, and sends what it is told to.

Responsible for correct sets of a chain of its own. Refuses to know what is odd about them; `odd` does.

Example: `visitor.signed_again(raw)` has the id of `raw` and another valid signature (ES256 signatures are random).
"""

import base64
import random
from collections.abc import Callable
from typing import Any

from server import keys
from sync import canon, changeset, ids
from sync.changeset import KIND_INCIDENT, Draft, Writer, chain_open_op, write
from tests.sim.oracle import Oracle
from tests.sim.people import OFFICERS
from tests.sim.phone import Act


class Visitor:
    """A correct client by hand: writes, signs and forgets. Enrolled as an officer's second device."""

    def __init__(
        self,
        true_ms: Callable[[], int],
        chance: random.Random,
        oracle: Oracle,
        key: keys.SigningKey,
        nonce: bytes,
    ) -> None:
        self._true_ms, self._chance, self._oracle = true_ms, chance, oracle
        self.key = key
        self.nonce = nonce
        self.person = OFFICERS[2]
        self.writer = Writer(ids.chain_id(key.public, nonce))
        self.token = ""

    def made(
        self, entity: bytes, ops: list[dict[str, Any]], scope: str, kind: str = KIND_INCIDENT
    ) -> bytes:
        """One more set on the chain."""
        draft = Draft(self.person.id, scope, kind, entity, ops, lane=0)
        written = write(
            self.writer,
            draft,
            wall_ms=self._true_ms(),
            offset_ms=0,
            mono=(bytes(8), 0),
            salt=self._chance.randbytes(16),
            sign=self.key.sign,
        )
        self.writer = written.writer
        self._oracle.written_by_hand(written.set_id, Act(entity, scope, ops))
        return written.raw

    def opening(self) -> bytes:
        """The first set of the chain."""
        op = chain_open_op(self.key.alg, self.key.public, self.nonce, "visitor")
        chain = self.writer.chain
        return self.made(chain, [op], f"device:{chain.hex()}", "chain")

    def signed_again(self, raw: bytes) -> bytes:
        """The same set under another signature of the same key: one identity, one ruling."""
        header, _signature, body = canon.decode(raw)
        set_id = ids.set_id(header)
        return canon.encode([header, self.key.sign(changeset.signing_bytes(set_id)), body])

    def asking(self, code: str) -> dict[str, str]:
        """The body of an enrolment."""
        return {
            "code": code,
            "alg": self.key.alg,
            "pub": _b64url(self.key.public),
            "nonce": _b64url(self.nonce),
            "label": "visitor",
            "app": "visitor",
        }


def _b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
