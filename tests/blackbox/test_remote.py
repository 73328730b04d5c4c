"""Townships over real links that are thin, silent and cut: nothing is lost, nothing is called safe that is not (HB)."""

from pathlib import Path

import pytest

from tests.blackbox.remote import live
from tests.blackbox.wires import why_not

ALONE_S = 10.0


def test_two_townships_over_cut_and_shaped_links_end_as_their_centre(tmp_path: Path) -> None:
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    tally = live(tmp_path, seed=20_261_128, alone_s=ALONE_S)
    print(tally)
    assert tally.kept > 20
    assert tally.acked + tally.ruled > 20
    assert (tally.provisional, tally.cuts) == (2, 3)
