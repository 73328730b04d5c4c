"""Copies, strangers, phones with half a chain write about an incident; its evidence is given all the same (XP4)."""

import copy
from collections.abc import Callable

import pytest

from server import keys
from sync.evidence.check import check
from tests.server.conftest import House
from tests.server.pen import Pen
from tests.server.test_evidence import INCIDENT, OTHER, Case

Story = Callable[[Pen, Pen], list[bytes]]


def _stray(own: Pen, copied: Pen) -> list[bytes]:
    """Of the copy only its second set has come."""
    copied.note(INCIDENT, "乙一", salt="b")
    return [own.note(INCIDENT, "甲一"), copied.note(INCIDENT, "乙二", salt="b")]


def _stray_on_a_fork(own: Pen, copied: Pen) -> list[bytes]:
    """Its second set stands where the officer has written too, and shows a fork later than it began."""
    return [own.note(INCIDENT, "甲一"), *_stray(own, copied)]


def _stray_first(own: Pen, copied: Pen) -> list[bytes]:
    """The copy is heard before the officer."""
    return _stray(own, copied)[::-1]


def _stray_elsewhere(own: Pen, copied: Pen) -> list[bytes]:
    """The set that does not follow is about another incident, and one about this one follows on it."""
    copied.note(INCIDENT, "乙一", salt="b")
    elsewhere = copied.note(OTHER, "乙二", salt="b")
    return [own.note(INCIDENT, "甲一"), elsewhere, copied.note(INCIDENT, "乙三", salt="b")]


def _three_branches(own: Pen, copied: Pen) -> list[bytes]:
    """Three of them write on, each about both incidents."""
    third = copy.copy(copied)
    return [
        pen.note(at, f"{name} {at.hex()[:4]}", salt=name)
        for name, pen in (("甲", own), ("乙", copied), ("丙", third))
        for at in (INCIDENT, OTHER, INCIDENT)
    ]


def _late_predecessor(own: Pen, copied: Pen) -> list[bytes]:
    """What was missing comes in the end."""
    first = copied.note(INCIDENT, "乙一", salt="b")
    return [own.note(INCIDENT, "甲一"), copied.note(INCIDENT, "乙二", salt="b"), first]


@pytest.mark.parametrize(
    "story",
    [_stray, _stray_on_a_fork, _stray_first, _stray_elsewhere, _three_branches, _late_predecessor],
)
async def test_xp4_whichever_branch_comes_first_the_centre_gives_evidence_of_both(
    house: House, story: Story
) -> None:
    case = Case(house)
    await case.open()
    await case.happen()
    told = check(await case.exporter.incident(INCIDENT), verify=keys.verify).shown
    raws = story(case.phone, copy.copy(case.phone))
    for raw in raws:
        results, _have = await house.intake.submit([raw], case.phone.device)
        assert results[0].r in {"stored", "fork"}
    report = check(await case.exporter.incident(INCIDENT), verify=keys.verify)
    assert report.findings == []
    assert len(report.shown) == len(told) + sum(INCIDENT in raw for raw in raws)


async def test_xp4_a_stranger_whose_signature_is_none_keeps_nobody_from_the_evidence(
    house: House,
) -> None:
    """Nobody knew the key when it came, so nobody could tell; it is held and counts for nothing."""
    case = Case(house)
    await case.open()
    await case.happen()
    stranger = Pen("forger", case.phone.person)
    opening = stranger.open()
    forged = stranger.note(INCIDENT, "无此事", sign=lambda _message: bytes(64))
    await case.push(case.phone, forged)
    await case.push(case.phone, opening)
    report = check(await case.exporter.incident(INCIDENT), verify=keys.verify)
    assert report.findings == []
    assert report.shown[-1].standing.payload["why"] == "unenrolled"
    await stranger.enrol(house.intake)
    report = check(await case.exporter.incident(INCIDENT), verify=keys.verify)
    assert report.findings == []


async def test_xp4_the_key_of_a_chain_whose_first_set_is_under_way_is_that_of_its_enrolment(
    house: House,
) -> None:
    case = Case(house)
    await case.open()
    await case.happen()
    hasty = Pen("hasty", case.phone.person)
    await hasty.enrol(house.intake)
    opening = hasty.open()
    await case.push(hasty, hasty.note(INCIDENT, "急件先行", lane=1))
    data = await case.exporter.incident(INCIDENT)
    assert opening not in data
    assert check(data, verify=keys.verify).findings == []
    await case.push(hasty, opening)
    data = await case.exporter.incident(INCIDENT)
    assert opening in data
    assert check(data, verify=keys.verify).findings == []
