"""Who does what when: recorded calls dealt to devices, and every act in the order of its time.

Responsible for dealing legs to devices and for ordering what happens in one millisecond. Pure: the same
calls and number of devices give the same plan. Refuses to know HTTP, ids and links.

A source that names units has each unit played by one device (several units share one where there are
fewer devices). One that does not has each leg go to the device that has been free longest.

Example: `plan(calls, 40).acts[0]` is the receipt of the first call.
"""

import heapq
from enum import IntEnum
from functools import partial

import msgspec

from server.fleet.replay.calls import STEP_RANK, Call, DeskStep, Leg, Step


class Phase(IntEnum):
    """The order of acts recorded for one millisecond; the desk's come before the field's."""

    RECEIVE = 0
    ISSUE_FIRST_ROUND = 1
    WITHDRAW = 2
    CLOSE_FIRST_ROUND = 3
    REOPEN = 4
    ISSUE_LATER_ROUND = 5
    CLOSE_LATER_ROUND = 6
    FIELD = 7


class Act(msgspec.Struct, frozen=True):
    """One thing to do at `at_ms`. `leg` is an index into the call's legs; `device` one of the devices."""

    at_ms: int
    phase: Phase
    call: int
    leg: int | None = None
    device: int | None = None
    desk: DeskStep | None = None
    step: Step | None = None


class Plan(msgspec.Struct, frozen=True):
    """Every act in order, and for each call the device that plays each of its legs."""

    acts: tuple[Act, ...]
    crews: tuple[tuple[int, ...], ...]
    home: tuple[int, ...]  # the device whose station a call belongs to
    orders: int


def plan(calls: tuple[Call, ...], devices: int) -> Plan:
    """Deal the calls to `devices` devices, numbered from 0."""
    crews = _deal(calls, devices)
    acts: list[Act] = []
    for number, (call, crew) in enumerate(zip(calls, crews, strict=True)):
        acts.append(Act(call.received_ms, Phase.RECEIVE, number))
        # What is recorded for a time before the receipt can only be told once the call is there.
        told_ms = partial(max, call.received_ms)
        for index, (leg, device) in enumerate(zip(call.legs, crew, strict=True)):
            if leg.dispatched_ms is not None:
                phase = Phase.ISSUE_LATER_ROUND if leg.round else Phase.ISSUE_FIRST_ROUND
                acts.append(Act(told_ms(leg.dispatched_ms), phase, number, index, device))
            acts += (
                Act(told_ms(step.at_ms), Phase.FIELD, number, index, device, step=step)
                for step in leg.steps
            )
        acts += (Act(told_ms(step.at_ms), _phase(step), number, desk=step) for step in call.desk)
    acts.sort(key=_order)
    return Plan(
        acts=tuple(acts),
        crews=crews,
        home=tuple(crew[0] if crew else number % devices for number, crew in enumerate(crews)),
        orders=sum(act.phase in _ISSUES for act in acts),
    )


_ISSUES = (Phase.ISSUE_FIRST_ROUND, Phase.ISSUE_LATER_ROUND)


def _order(act: Act) -> tuple[int, int, int, int, int]:
    return (
        act.at_ms,
        act.phase,
        act.call,
        -1 if act.leg is None else act.leg,
        0 if act.step is None else STEP_RANK[act.step.kind],
    )


def _phase(step: DeskStep) -> Phase:
    if step.kind == "withdraw":
        return Phase.WITHDRAW
    if step.kind == "reopen":
        return Phase.REOPEN
    return Phase.CLOSE_LATER_ROUND if step.round else Phase.CLOSE_FIRST_ROUND


def _deal(calls: tuple[Call, ...], devices: int) -> tuple[tuple[int, ...], ...]:
    named: dict[str, int] = {}
    free_from: list[tuple[int, int]] = [(0, device) for device in range(devices)]
    legs = sorted(
        (_begins_ms(call, leg), number, index)
        for number, call in enumerate(calls)
        for index, leg in enumerate(call.legs)
    )
    crews: list[list[int]] = [[0] * len(call.legs) for call in calls]
    for begins_ms, number, index in legs:
        leg = calls[number].legs[index]
        if leg.unit:
            crews[number][index] = named.setdefault(leg.unit, len(named) % devices)
            continue
        _, device = heapq.heappop(free_from)
        crews[number][index] = device
        ends_ms = max((step.at_ms for step in leg.steps), default=begins_ms)
        heapq.heappush(free_from, (ends_ms, device))
    return tuple(map(tuple, crews))


def _begins_ms(call: Call, leg: Leg) -> int:
    return call.received_ms if leg.dispatched_ms is None else leg.dispatched_ms
