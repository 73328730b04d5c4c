"""Nudging plans as data: after which moment of which clock somebody is told, how, and whom (SPEC NU1, NU2).

Responsible for the form of a step and for the plan that holds where an organisation has none of its own. It does not
know what is due; `escalation` does.

>>> DEFAULT_PLANS[""][0]
PlanStep(clock='C1', at_ms=5000, after='start', channel='push', to='receiver')
"""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

After = Literal["start", "due"]
Channel = Literal["ring", "push", "desk", "radio", "phone", "station", "commander"]
To = Literal["receiver", "desk", "callback", "reviewer", "station", "commander"]


class PlanStep(Struct, frozen=True, forbid_unknown_fields=True):
    """One step: `at_ms` after the start of `clock`, or after its due (before it, when negative), `to` is told by
    `channel`. `ring` is the receiver's own phone; all others are the centre's."""

    clock: str
    at_ms: int
    after: After
    channel: Channel
    to: To


Plan = tuple[PlanStep, ...]

DEFAULT_PLANS: Final[dict[str, Plan]] = {
    "": (
        # Under way to a phone: knock again, then the desk calls, sends by radio, or sends somebody else.
        PlanStep("C1", 5_000, "start", "push", "receiver"),
        PlanStep("C1", 0, "due", "desk", "desk"),
        PlanStep("C1", 30_000, "due", "station", "station"),
        PlanStep("C1", 110_000, "due", "commander", "commander"),
        # On the phone and not signed: it rings, rings louder, then without a pause.
        PlanStep("C2", 0, "start", "ring", "receiver"),
        PlanStep("C2", -15_000, "due", "ring", "receiver"),
        PlanStep("C2", -10_000, "due", "push", "receiver"),
        PlanStep("C2", 0, "due", "ring", "receiver"),
        PlanStep("C2", 0, "due", "desk", "desk"),
        PlanStep("C2", 30_000, "due", "station", "station"),
        PlanStep("C2", 90_000, "due", "commander", "commander"),
        # Signed, and nothing follows.
        PlanStep("C3", 120_000, "start", "push", "receiver"),
        PlanStep("C3", 180_000, "start", "desk", "desk"),
        PlanStep("C3", 300_000, "start", "station", "station"),
        PlanStep("C3", 600_000, "start", "commander", "commander"),
        PlanStep("C5", 0, "due", "desk", "desk"),
        PlanStep("C5", 120_000, "due", "station", "station"),
        PlanStep("C5", 300_000, "due", "commander", "commander"),
        PlanStep("C6", -300_000, "due", "push", "receiver"),
        PlanStep("C6", 0, "due", "desk", "desk"),
        PlanStep("C6", 900_000, "due", "station", "station"),
        PlanStep("C7", -3_600_000, "due", "push", "receiver"),
        PlanStep("C7", 0, "due", "desk", "desk"),
        PlanStep("C7", 3_600_000, "due", "station", "station"),
        PlanStep("C7r", 0, "due", "desk", "desk"),
        PlanStep("C7r", 3_600_000, "due", "station", "station"),
        PlanStep("C8", -14_400_000, "due", "desk", "reviewer"),
        PlanStep("C8", 0, "due", "commander", "commander"),
        PlanStep("C9", -14_400_000, "due", "desk", "callback"),
        PlanStep("C9", 0, "due", "commander", "commander"),
    )
}
"""By tier in minutes as text; `""` is for every tier without a plan of its own."""
