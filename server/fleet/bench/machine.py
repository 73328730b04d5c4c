"""The machine and the processes on it, as Linux tells.

Responsible for CPU time and peak memory of a process and for the words that make a figure
comparable. Refuses to judge them.

Example: `Process(pid).cpu_s()` before and after a storm; the difference is what the server spent.
"""

import os
import platform
import sqlite3
from importlib import metadata
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_NAMED = ("litestar", "uvicorn", "uvloop", "msgspec", "sqlalchemy", "cryptography")

Machine = dict[str, str | int | float]


class Process:
    """One running process, all its threads together."""

    def __init__(self, pid: int) -> None:
        """Look at `/proc/PID`."""
        self._at = Path("/proc") / str(pid)

    def cpu_s(self) -> float:
        """User and system time so far, to the kernel's tick (usually 10 ms)."""
        fields = (self._at / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    def peak_mib(self) -> float:
        """Greatest resident memory so far (VmHWM)."""
        for line in (self._at / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError("the kernel gives no VmHWM")


def machine() -> Machine:
    """Processor, cores, memory, kernel, and how busy others keep them (load over one minute)."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": model,
        "cores": os.cpu_count() or 0,
        "memory_mib": pages // (1024 * 1024),
        "system": platform.platform(),
        "load": round(os.getloadavg()[0], 2),
    }


def versions() -> dict[str, str]:
    """What the server ran on."""
    named = {name: metadata.version(name) for name in _NAMED}
    return {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version, **named}
