"""The witness in `tests/vectors` still forges the files that both languages are held to."""

import pytest

from tests.sync.conftest import VECTORS
from tests.vectors import forge


@pytest.mark.parametrize("name", forge.FILES)
def test_the_files_are_what_their_cases_make(name: str) -> None:
    kept = (VECTORS / f"{name}.json").read_text(encoding="utf-8")
    assert kept == forge.text_of(name), (
        f"run `python -m tests.vectors.forge` and look at the diff of {name}.json"
    )
