"""Some worlds with a station between phones and the centre, those that found something among them (SPEC HB)."""

from collections import Counter

from tests.sim import run
from tests.sim.node import Edit
from tests.sim.scene import Tools
from tests.sim.town_world import LAW, TownWorld

# The first ones, and those that found something: sets of another township, whose rulings no phone here reads; and words
# that came back from a station which had not heard that they were taken away.
SEEDS = (*range(8), 9, 42, 104, 268)
AT_LEAST = {
    "sets": 150,
    "roamed": 30,
    "pushes at the station": 40,
    "station crashes": 8,
    "healed through the station": len(SEEDS),
}
KEPT_IS_ENOUGH = (
    Edit("sync/exchange.ts", '"rejected", "opaque"]);', '"rejected", "opaque", "kept"]);'),
    Edit("device/outbox.ts", "if (result.r === KEPT && !another) {", "if (KEPT === another) {"),
)


def test_what_only_a_station_keeps_is_confirmed_by_nobody_and_gets_to_the_centre_through_it(
    shared: Tools,
) -> None:
    outcomes = list(run.worlds(shared, SEEDS, kind=TownWorld))
    assert {one.seed: str(one.broken) for one in outcomes if one.broken} == {}
    total: Counter[str] = run.happened(outcomes)
    assert {what: total[what] for what, least in AT_LEAST.items() if total[what] < least} == {}


def test_a_world_with_a_station_is_the_same_to_the_byte(shared: Tools) -> None:
    first, again = (TownWorld(9, shared, keep=True).run() for _ in range(2))
    assert first.lines == again.lines


def test_a_phone_that_takes_the_second_tick_for_the_third_is_found_out() -> None:
    with run.tools(KEPT_IS_ENOUGH) as tools:
        ended = (TownWorld(seed, tools).run().broken for seed in SEEDS)
        broken = next(one for one in ended if one is not None)
    assert broken.number == LAW
