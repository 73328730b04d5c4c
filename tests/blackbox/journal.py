"""What a centre has promised, as its clients heard it: one JSON object per line, bytes as hex.

Responsible for writing promises down as they come off the wire and for reading them back. Refuses to judge them; the
checker does.

| `e` | fields | the promise |
| --- | --- | --- |
| `acked` | `id`, `bytes`, `t_ms`; `r`, `idx`, `at_ms`, `d`, `why`, `no` as answered | it is durable and ruled so |
| `kept` | `id`, `bytes`, `server`, `at_ms` as answered | this station has the set, since then by its clock (HB4) |
| `ruled` | `id`, `t_ms`, `idx`, `at_ms`, `d`, `why`, `no` as pulled | the same, told to the phone that wrote it (HB4) |
| `settled` | `id`, `t_ms`, `r` | none in words: the phone takes the set for safe at the centre |
| `made` | `id`, `bytes`, `chain`, `seq` | none yet: a phone has it and will send it until it is acked or ruled |
| `told` | `scope`, `epoch`, `n`, `head` | the scope has `n` entries that lead to this head |
| `have` | `chain`, `have` | the chain is held without a gap up to here |
| `log` | `origin`, `epoch`, `size` | this log has so many rulings |
| `enrolled` | `chain`, `pub` | this key may write to this chain |
| `desk` | `incident`, `number`, `idx` | a desk's new incident stands in the log under this number |
| `healed` | | faults have ended and everybody had time to send what they had |

`bytes` is the SHA-256 of the set as it was sent, `t_ms` when the client heard it by the clock of this machine.

Example: `Journal(path).note("have", chain=chain, have=4)` writes `{"e": "have", "chain": "0a…", "have": 4}`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Journal:
    """A file of promises that only grows."""

    def __init__(self, path: Path) -> None:
        """Go on writing at `path`, or begin there."""
        self.path = path
        self.counts: dict[str, int] = {}
        self._file = path.open("a", encoding="utf-8")

    def note(self, event: str, **fields: Any) -> None:
        """Write one line; it is in the file when this returns."""
        self.counts[event] = self.counts.get(event, 0) + 1
        plain = {
            name: value.hex() if isinstance(value, bytes) else value
            for name, value in fields.items()
        }
        self._file.write(json.dumps({"e": event} | plain, ensure_ascii=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Write no more."""
        self._file.close()


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a journal as they were written."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
