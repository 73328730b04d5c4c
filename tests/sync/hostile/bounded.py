"""A child process that reads hostile bytes under hard limits of memory and processor time.

Responsible for being killed or refused instead of slowing down a test: once everything is imported it may take
`MEMORY_BYTES` more address space and `CPU_S` seconds of processor time for all that follows, whatever else the machine
is doing. Refuses to judge the answers; the parent does.

One JSON line in, `{"target": "gzip", "pieces": [["1f8b…", 1], ["00", 8000]]}`: pieces of hex, each so many times. One
line out: the answer, or `MemoryError`.

Example: `echo '{"target": "canon", "pieces": [["91", 1000000]]}' | python -m tests.sync.hostile.bounded`.
"""

import json
import resource
import sys
from pathlib import Path

from tests.sync.hostile.targets import TARGETS

MEMORY_BYTES = 96 * 1024 * 1024
CPU_S = 60


def _limit() -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    space = pages * resource.getpagesize() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    used_s = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    resource.setrlimit(resource.RLIMIT_CPU, (int(used_s) + CPU_S, int(used_s) + CPU_S))


def main() -> None:
    """Answer line by line until there are no more."""
    _limit()
    for line in sys.stdin:
        asked = json.loads(line)
        data = b"".join(bytes.fromhex(piece) * times for piece, times in asked["pieces"])
        try:
            answer = TARGETS[asked["target"]](data)
        except MemoryError:
            answer = "MemoryError"
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
