"""The worked example at the head of every module of `sync/` is true."""

import doctest
import importlib
from pathlib import Path

import pytest

import sync

ROOT = Path(next(iter(sync.__path__)))
MODULES = sorted(
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)
    for path in ROOT.rglob("*.py")
    if path.stem != "__init__"
)


@pytest.mark.parametrize("name", MODULES)
def test_the_example_of_a_module_is_true(name: str) -> None:
    outcome = doctest.testmod(importlib.import_module(name))
    assert outcome.failed == 0
