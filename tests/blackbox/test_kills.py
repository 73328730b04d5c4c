"""A centre that is killed at any moment has kept what it acknowledged (RL5, EX2)."""

from tests.blackbox.conftest import ROUNDS, Killed


def test_nothing_acknowledged_is_lost_to_kills_and_nothing_is_stored_twice(killed: Killed) -> None:
    # The run itself asked the checker after every kill; here only: it was a run worth the name. Whether a kill falls
    # between a commit and its answer is chance in so few; the cuts have that at every byte.
    tally = killed.tally
    assert tally.rounds == ROUNDS
    assert tally.acked > 100 * ROUNDS
    assert tally.orders > 0
