"""The time limits in force: the defaults of SPEC DL with what the organisation's `policies` rows say over them.

Pure. A row holds any of the fields of `Policy`; in `arrive_within_ms` the keys are minutes as text, because maps have
text keys. A field that cannot be read is left at its default: a wrong row must not stop a countdown.

>>> policy_of(Directory(1, {"policies": {bytes(16): {"sign_within_ms": 45_000}}})).sign_within_ms
45000
"""

from typing import Any

import msgspec

from server.store.people import Directory
from sync.incident.deadlines import Policy


def policy_of(directory: Directory) -> Policy:
    """The policy of an organisation as it stands; rows in the order of their ids."""
    limits: dict[str, Any] = msgspec.to_builtins(Policy())
    for _at, row in sorted(directory.of("policies").items()):
        for field in limits.keys() & row.keys():
            try:
                limits = msgspec.to_builtins(
                    msgspec.convert(limits | {field: row[field]}, Policy, strict=False)
                )
            except msgspec.ValidationError:
                continue
    return msgspec.convert(limits, Policy, strict=False)
