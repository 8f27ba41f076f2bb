"""A small day and its plan, made by hand, in which one thing after the other can be spoilt."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from optimizer.plan import (
    Assignment,
    Cause,
    CauseCode,
    Fix,
    FixCode,
    Plan,
    Prices,
    Reservation,
    Status,
    Unassigned,
)
from optimizer.policy import Policy
from optimizer.problem import Agent, Engagement, Forecast, Problem, Requirement
from optimizer.verify import verify
from tests.factories.optimizer_problems import START

POLICY = Policy(weights={"service": 1.0, "match": 0.5, "growth": 1.0, "stability": 1.0}, late_share=0.5)


def _engagement(identity: str, **values: Any) -> Engagement:
    given: dict[str, Any] = {
        "minutes": 20.0,
        "channel": "email",
        "earliest": 0,
        "due": 1,
        "latest": 3,
        "priority": 2,
        "value": 10.0,
        "requires": (Requirement("billing", 3),),
    }
    return Engagement(id=identity, **(given | values))


def problem_by_hand() -> Problem:
    """Return two agents, four intervals of 30 minutes; Ada can do all, Ben learns billing and Ada mentors it."""
    ada = Agent(id="ada", skills={"billing": 4, "chat": 3}, capacity=(30.0, 30.0, 0.0, 30.0), mentor_for=("billing",))
    ben = Agent(id="ben", skills={"billing": 2}, capacity=(30.0,) * 4, wants=("billing",), max_stretch_minutes=30.0)
    return Problem(
        start=START,
        interval_minutes=30.0,
        intervals=4,
        max_carry=10.0,
        agents=(ada, ben),
        engagements=(_engagement("e1"), _engagement("e2"), _engagement("e3")),
        forecast=(Forecast("chat-now", "chat", (Requirement("chat", 2),), (10.0, 0.0, 0.0, 40.0)),),
        policy=POLICY,
    )


def plan_by_hand() -> Plan:
    """
    Return the plan, made by hand.

    e1 with Ada at 0: service 10 · 2 = 20, match 0.5 · 20 · 1 = 10.
    e2 with Ben at 1 as stretch: service 20, match 0.5 · 20 · 2/3 = 6.667, growth 20.
    Ten contact minutes of chat in interval 0 at 1 point. First tier: 30 + 26.667 + 10 = 66.667.
    """
    third = 20 / 3
    return Plan(
        status=Status.FEASIBLE,
        objective=60 + third,
        bound=100.0,
        gap=(100.0 - 60 - third) / (60 + third),
        terms={"service": 50.0, "match": 10 + third, "growth": 20.0},
        assignments=(
            Assignment("e1", "ada", 0, 20.0, 30.0, {"service": 20.0, "match": 10.0}),
            Assignment(
                "e2", "ben", 1, 20.0, 40 + third, {"service": 20.0, "match": third, "growth": 20.0}, stretch="billing"
            ),
        ),
        reserved=(Reservation("chat-now", "ada", 0, 10.0),),
        unassigned=(Unassigned("e3", Cause(CauseCode.SOLD), Fix(FixCode.NONE)),),
        prices=Prices(agent={"ada": (0.0, 0.0, 0.0, 0.0)}),
    )


def rules_of(problem: Problem, plan: Plan) -> set[str]:
    """Return the rules that a plan breaks."""
    return {violation.rule for violation in verify(problem, plan)}


def with_assignment(plan: Plan, number: int, **changes: Any) -> Plan:
    """Return the plan with one assignment changed."""
    rows = list(plan.assignments)
    rows[number] = replace(rows[number], **changes)
    return replace(plan, assignments=tuple(rows))


def with_agent(problem: Problem, identity: str, **changes: Any) -> Problem:
    """Return the problem with one agent changed."""
    agents = tuple(replace(agent, **changes) if agent.id == identity else agent for agent in problem.agents)
    return replace(problem, agents=agents)


def with_engagement(problem: Problem, number: int, **changes: Any) -> Problem:
    """Return the problem with one engagement changed."""
    rows = list(problem.engagements)
    rows[number] = replace(rows[number], **changes)
    return replace(problem, engagements=tuple(rows))
