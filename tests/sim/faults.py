"""Which misfortunes a world knows, and how strong they are: drawn once from the seed, so that worlds differ in kind.

Responsible for the draw. Refuses to apply anything. A world in which everything always goes wrong finds little:
most faults are absent from most worlds, and what is there may be rare or heavy.

Example: `Faults.drawn(random.Random(7)).loss` is the chance that a message is lost on its way.
"""

import random

import msgspec


class Faults(msgspec.Struct):
    """Chances between 0 and 1, delays in ms. `Faults()` is a world without any."""

    loss: float = 0.0  # of a message, each way
    duplicate: float = 0.0  # a request is heard a second time, later
    late_ms: int = 200  # how much later, at most
    cut: float = 0.0  # a reply breaks off in its body
    portal: float = 0.0  # somebody else answers, with a page
    stale: float = 0.0  # a proxy gives an older reply to the same call
    slow_ms: int = 60  # mean of the delay each way
    partitions: float = 0.0  # of the acts of fate: a phone loses its network for a while
    centre_crash: float = 0.0
    centre_full: float = 0.0
    phone_crash: float = 0.0
    sleep: float = 0.0
    clock_offset_ms: int = 0  # of a phone's wall clock, either way, at most
    clock_step: float = 0.0
    rollback: float = 0.0  # a phone's storage goes back to an old copy
    clone: float = 0.0  # a phone's storage begins to live twice
    rot: float = 0.0  # a byte of an own set goes bad
    cache_loss: float = 0.0
    tabs: float = 0.0  # a second page of the same phone
    rights: float = 0.0  # roles, stations and devices change under people's feet
    odd: float = 0.0  # sets from newer apps, bad shapes, garbage, signatures made anew
    courier: float = 0.0  # sets are brought by another device
    absence: float = 0.0  # hours pass
    review: float = 0.0  # people decide about doubtful sets
    redact: float = 0.0  # people take words away
    moves: float = 0.0  # orders are called off and the incident is given to another station
    snapshot_entries: int = 1_000  # a scope that has grown by so many gets a snapshot

    @staticmethod
    def drawn(chance: random.Random) -> "Faults":
        """The faults of one world."""

        def maybe(likely: float, strength: float) -> float:
            return chance.uniform(0.2, 1.0) * strength if chance.random() < likely else 0.0

        return Faults(
            loss=maybe(0.7, 0.25),
            duplicate=maybe(0.6, 0.2),
            late_ms=chance.choice([200, 5_000, 60_000]),
            cut=maybe(0.4, 0.1),
            portal=maybe(0.3, 0.1),
            stale=maybe(0.25, 0.08),
            slow_ms=chance.choice([20, 60, 300, 2_000]),
            partitions=maybe(0.6, 0.06),
            centre_crash=maybe(0.5, 0.06),
            centre_full=maybe(0.25, 0.04),
            phone_crash=maybe(0.6, 0.08),
            sleep=maybe(0.4, 0.06),
            clock_offset_ms=chance.choice([0, 2_000, 90_000, 3_600_000, 30 * 86_400_000]),
            clock_step=maybe(0.4, 0.04),
            rollback=maybe(0.3, 0.03),
            clone=maybe(0.3, 0.03),
            rot=maybe(0.15, 0.03),
            cache_loss=maybe(0.3, 0.03),
            tabs=maybe(0.3, 0.04),
            rights=maybe(0.6, 0.08),
            odd=maybe(0.4, 0.08),
            courier=maybe(0.4, 0.06),
            absence=maybe(0.5, 0.03),
            review=maybe(0.6, 0.06),
            redact=maybe(0.4, 0.05),
        )
