"""How full a disk is: what a server or a simulated phone says of its storage when it greets (SPEC EX13).

Example: `used_percent(Path(".data"))` is 31 where 31 % of the disk is used; None where nobody can tell.
"""

import math
import shutil
from pathlib import Path


def used_percent(path: Path) -> int | None:
    """How much of the disk under a directory is used, in percent, rounded up: 100 is full."""
    try:
        usage = shutil.disk_usage(path)
    except OSError:
        return None
    return math.ceil((usage.total - usage.free) * 100 / usage.total) if usage.total else None
