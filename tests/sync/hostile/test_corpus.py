"""Every kept file gets the answer that was written down for it, in both languages (CB8, CS7, CS9, EX6)."""

import re
from pathlib import Path

import pytest

from tests.corpus.kept import HERE, kept
from tests.sync.conftest import Peer
from tests.sync.hostile.targets import PEER, TARGETS, answer_of_peer

README = (HERE / "README.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(\w+)/([^`]+)\.bin` \| .+ \| `([^`]+)` \|$", README, re.MULTILINE)
FILES = {(target, story): data for target in TARGETS for story, data in kept(target)}


@pytest.mark.parametrize(("target", "story", "answer"), ROWS, ids=[f"{t}: {s}" for t, s, _ in ROWS])
def test_a_kept_file_gets_its_answer(target: str, story: str, answer: str, peer: Peer) -> None:
    data = FILES[target, story]
    assert TARGETS[target](data) == answer
    if target in PEER:
        assert answer_of_peer(peer, target, data) == answer


def test_the_page_tells_of_every_file() -> None:
    assert sorted((target, story) for target, story, _answer in ROWS) == sorted(FILES)
    strangers = [path for path in HERE.rglob("*.bin") if path.parent.name not in TARGETS]
    assert strangers == []


def test_kept_files_are_small() -> None:
    large = [path for path in Path(HERE).rglob("*.bin") if path.stat().st_size > 16_384]
    assert large == []
