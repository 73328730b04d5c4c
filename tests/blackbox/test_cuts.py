"""No byte of an exchange is a bad place for the network to fail (EX1, EX2, EX4)."""

from pathlib import Path

from tests.blackbox.cuts import LAWS, WAYS, cut_everywhere

STRIDE = 41  # the long lane cuts after every single byte


async def test_an_exchange_cut_after_any_byte_is_repeated_without_loss_or_doubling(
    tmp_path: Path,
) -> None:
    cuts = await cut_everywhere(tmp_path, seed=20_261_128, stride=STRIDE)
    assert set(cuts) == {f"{call} {way}" for call in LAWS for way in WAYS}
    assert min(cuts.values()) > 5, cuts
