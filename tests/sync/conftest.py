"""What the tests of the rules share: vectors, and the TypeScript core behind a pipe.

Example: `peer("canon.decode", hex="c3")` answers `{"hex": "c3"}`.
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "tests" / "vectors"

Peer = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def peer_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The TypeScript core as one file that node runs; bundling takes less than a second."""
    bundle = tmp_path_factory.mktemp("peer") / "peer.mjs"
    rolldown = ROOT / "pwa" / "node_modules" / ".bin" / "rolldown"
    command: list[str | Path] = [
        rolldown,
        "scripts/peer.ts",
        "--file",
        bundle,
        "--platform",
        "node",
        "--format",
        "esm",
    ]
    subprocess.run(command, cwd=ROOT / "pwa", check=True, capture_output=True)
    return bundle


@pytest.fixture(scope="session")
def peer(peer_bundle: Path) -> Iterator[Peer]:
    """One node process for the whole run."""
    with subprocess.Popen(
        ["node", peer_bundle],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as node:
        assert node.stdin is not None
        assert node.stdout is not None
        pipe_in, pipe_out = node.stdin, node.stdout

        def ask(cmd: str, **request: Any) -> dict[str, Any]:
            pipe_in.write(json.dumps({"cmd": cmd, **request}) + "\n")
            pipe_in.flush()
            answer: dict[str, Any] = json.loads(pipe_out.readline())
            return answer

        yield ask
        pipe_in.close()


def vector_cases(name: str, section: str) -> list[Any]:
    """The cases of one section of a vector file, each with its story as the test's name."""
    cases = json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))[section]
    return [pytest.param(case, id=case["story"]) for case in cases]
