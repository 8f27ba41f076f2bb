"""The checker on minutes, at their edge: capacity, carry-over, overtime, limits of a shift, minutes kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from optimizer.plan import Plan, Reservation, Status
from optimizer.policy import Policy
from optimizer.problem import Limits, Problem
from optimizer.verify import verify
from tests.factories.optimizer_problems import START
from tests.factories.rules_at_the_edge import (
    CHATS,
    TWO,
    WITHOUT_POINTS,
    ada,
    broken,
    row,
    work,
)


@pytest.mark.parametrize(
    ("agent", "works", "rows", "carry", "rules"),
    [
        (ada(), [work(minutes=30.0)], [row("e1", minutes=30.0)], 0.0, []),
        (ada(), TWO, [row("e1"), row("e2")], 10.0, []),
        (ada(), TWO, [row("e1"), row("e2")], 9.9, ["capacity"]),
        (ada(capacity=(30.0, 0.0, 30.0, 30.0)), TWO, [row("e1"), row("e2")], 10.0, ["capacity"]),
        (
            ada(),
            [work("e1", latest=3), work("e2", latest=3)],
            [row("e1", start=3), row("e2", start=3)],
            10.0,
            ["capacity"],
        ),
        (ada(), [*TWO, work("e3", minutes=30.0)], [row("e1"), row("e2"), row("e3", start=1, minutes=30.0)], 10.0, []),
        (
            ada(),
            [*TWO, work("e3"), work("e4")],
            [*map(row, ("e1", "e2")), row("e3", start=1), row("e4", start=1)],
            10.0,
            ["capacity"],
        ),
        (
            ada(),
            [*TWO, work("e3"), work("e4")],
            [row("e1"), row("e2"), row("e3", start=2), row("e4", start=2)],
            10.0,
            [],
        ),
        (ada(), [work(minutes=40.0)], [row("e1", minutes=40.0)], 0.0, []),
        (ada(), [work(minutes=40.0, latest=3)], [row("e1", start=3, minutes=40.0)], 0.0, ["finish"]),
        (ada(capacity=(30.0, 0.0, 30.0, 30.0)), [work(minutes=40.0)], [row("e1", minutes=40.0)], 0.0, ["finish"]),
        (ada(capacity=(0.0, 30.0, 30.0, 30.0)), [work()], [row("e1")], 0.0, ["finish"]),
        (
            ada(concurrency={"email": 2.0}),
            [work("e1", minutes=30.0), work("e2", minutes=30.0)],
            [row("e1", minutes=30.0), row("e2", minutes=30.0)],
            0.0,
            [],
        ),
        (
            ada(concurrency={"email": 2.0}),
            [work("e1", minutes=80.0)],
            [row("e1", start=2, minutes=80.0)],
            0.0,
            ["finish"],
        ),
        (
            ada(concurrency={"email": 2.0}, capacity=(10.0,) * 4),
            [work("e1", minutes=80.0)],
            [row("e1", minutes=80.0)],
            0.0,
            [],
        ),
    ],
)
def test_minutes_of_an_agent(agent, works, rows, carry, rules):
    assert broken([agent], works, rows, max_carry=carry) == rules


def test_work_in_overtime_loads_overtime_alone():
    agent = ada(overtime=(20.0, 0.0, 0.0, 0.0), capacity=(30.0,) * 4)
    paid: dict[str, Any] = {"relaxed": ("overtime",)}
    three = [work("e1", minutes=30.0), work("e2"), work("e3")]

    assert broken([agent], three[:2], [row("e1", minutes=30.0), row("e2", **paid)]) == []
    assert broken([agent], TWO, [row("e1", **paid), row("e2", **paid)]) == ["overtime"]
    assert broken([agent], TWO, [row("e1", start=1, **paid), row("e2")]) == ["finish"]
    assert broken([ada()], [work()], [row("e1", **paid)]) == ["finish"]


def test_overtime_is_used_up_to_its_last_minute():
    paid: dict[str, Any] = {"relaxed": ("overtime",)}
    agent = ada(overtime=(20.0, 0.0, 0.0, 0.0))
    works = [work("e1", minutes=15.0), work("e2", minutes=5.0), work("e3", minutes=0.5)]
    rows = [row(each.id, minutes=each.minutes, **paid) for each in works]

    assert broken([agent], works, rows[:2]) == []
    assert broken([agent], works, rows) == ["overtime"]


def test_minutes_that_may_not_be_carried_are_found_in_the_interval_that_they_leave():
    """Ten minutes would have to be carried out of interval 0 into one without capacity."""
    problem = Problem(
        start=START,
        interval_minutes=30.0,
        intervals=2,
        agents=(ada(capacity=(30.0, 0.0)),),
        engagements=tuple(replace(each, due=0, latest=1) for each in TWO),
        policy=WITHOUT_POINTS,
        max_carry=10.0,
    )

    found = verify(problem, Plan(Status.FEASIBLE, 0.0, assignments=(row("e1"), row("e2"))))

    assert [(violation.rule, violation.interval) for violation in found] == [("capacity", 0)]


HALVES = ((0, 2), (2, 4))


@pytest.mark.parametrize(
    ("limits", "starts", "rules"),
    [
        (Limits(contacts={"email": 1}), (1, 2), []),
        (Limits(contacts={"email": 1}), (0, 1), ["contacts"]),
        (Limits(contacts={"chat": 0}), (0, 1), []),
        (Limits(heavy_minutes=20.0), (1, 2), []),
        (Limits(heavy_minutes=40.0), (0, 1), []),
        (Limits(heavy_minutes=39.9), (0, 1), ["heavy"]),
    ],
)
def test_limits_of_a_shift(limits, starts, rules):
    works = [work("e1", heavy=True), work("e2", heavy=True)]

    rows = [row("e1", start=starts[0]), row("e2", start=starts[1])]

    assert broken([ada(limits=limits, shifts=HALVES)], works, rows) == rules


KEEPER = ada(skills={"chat": 2}, concurrency={"chat": 2.0}, capacity=(30.0, 30.0, 30.0, 0.0))


@pytest.mark.parametrize(
    ("agent", "demand", "kept", "rules"),
    [
        (KEEPER, {}, [(0, 10.0)], []),
        (KEEPER, {}, [(0, 10.1)], ["reserve"]),
        (KEEPER, {}, [(0, 5.0), (0, 5.0)], ["reserve"]),
        (KEEPER, {}, [(0, -1.0)], ["reserve"]),
        (KEEPER, {}, [(0, 0.0)], []),
        (KEEPER, {}, [(3, 1.0)], ["reserve", "capacity"]),
        (replace(KEEPER, skills={"chat": 1}), {}, [(0, 1.0)], ["reserve"]),
        (replace(KEEPER, channels=("email",)), {}, [(0, 1.0)], ["reserve"]),
        (KEEPER, {"language": "es"}, [(0, 1.0)], ["reserve"]),
        (KEEPER, {"site": "north"}, [(0, 1.0)], ["reserve"]),
        (replace(KEEPER, site="north"), {"site": "north"}, [(0, 1.0)], []),
        (KEEPER, {"authority": ("refund",)}, [(0, 1.0)], ["reserve"]),
        (KEEPER, {"minutes": (80.0, 0.0, 0.0, 0.0)}, [(0, 30.0)], []),
        (KEEPER, {"minutes": (80.0, 0.0, 0.0, 0.0)}, [(0, 31.0)], ["capacity"]),
    ],
)
def test_minutes_kept_for_a_class(agent, demand, kept, rules):
    demands = (replace(CHATS, **demand),)
    reserved = [Reservation("chats", "ada", interval, minutes) for interval, minutes in kept]

    found = broken([agent], [], [], forecast=demands, reserved=reserved, policy=Policy(weights={}))

    assert found == rules
