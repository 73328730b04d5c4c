"""Coverage-guided fuzz of every door, for as long as it is let: the long lane of `test_fuzz.py`.

Responsible for growing bytes from the corpus by what new lines of our readers they reach (atheris, libFuzzer). What is
answered by anything but a verdict is written to a file and ends the run; how to keep it is told in
`tests/corpus/README.md`. What it learns stays in `--found` and is built upon by the next run.

Example: `python -m tests.sync.hostile.fuzz --target set --seconds 600` ends with `fuzz: set was read … times`.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from tests.corpus.kept import HERE

TARGETS = ("canon", "set", "ruling", "requests", "gzip", "verify", "note", "snapshot", "evidence")
INPUT_BYTES_MAX = 8_192


def fuzz(target: str, seconds: int, found: Path) -> None:
    """Read until the time is up. Does not return: libFuzzer ends the process."""
    import atheris  # only this lane needs it

    with atheris.instrument_imports(include=["sync", "server.intake.verify", "server.api.wire"]):
        from tests.sync.hostile.targets import TARGETS as DOORS
    learned = found / target
    learned.mkdir(parents=True, exist_ok=True)
    door = DOORS[target]
    arguments = [
        sys.argv[0],
        f"-max_total_time={seconds}",
        f"-max_len={INPUT_BYTES_MAX}",
        f"-artifact_prefix={found / (target + '-')}",
        "-print_final_stats=1",
        str(learned),
        str(HERE / target),
    ]
    atheris.Setup(arguments, door)
    atheris.Fuzz()


def main() -> int:
    """Fuzz the named target, or all of them one after another, each in a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.sync.hostile.fuzz", description=__doc__)
    parser.add_argument("--target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--found", type=Path, default=Path(".data/fuzz"))
    given = parser.parse_args()
    if given.target is not None:
        fuzz(given.target, given.seconds, given.found)
    told = []
    for target in TARGETS:
        words = ["--target", target, "--seconds", str(given.seconds), "--found", str(given.found)]
        command = [sys.executable, "-m", "tests.sync.hostile.fuzz", *words]
        run = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
        runs = [line for line in run.stderr.splitlines() if "number_of_executed_units" in line]
        if run.returncode != 0 or not runs:
            print(run.stderr[-4_000:])
            print(f"fuzz: {target} FAILED; the bytes are in {given.found}/{target}-*")
            return 1
        told.append(f"{target} {runs[0].split()[-1]}")
    print(f"fuzz: every door answered every time: {', '.join(told)} readings")
    return 0


if __name__ == "__main__":
    sys.exit(main())
