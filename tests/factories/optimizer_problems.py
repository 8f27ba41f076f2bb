"""Small optimizer problems: builders with defaults; random ones come from `optimizer.strategies`."""

from __future__ import annotations

from typing import Any

from optimizer import Plan, Policy, Problem
from optimizer.problem import Agent, Engagement, Requirement
from optimizer.strategies import (
    SKILLS,
    START,
    agents,
    engagements,
    learning_problems,
    minutes,
    policies,
    problems,
    requirements,
)

__all__ = [
    "EXACT",
    "SKILLS",
    "START",
    "a_problem",
    "agents",
    "an_agent",
    "an_engagement",
    "engagements",
    "learning_problems",
    "minutes",
    "placed",
    "policies",
    "problems",
    "requirements",
]

EXACT = Policy(weights={"service": 1.0}, gap=0.0, time_limit_s=20.0)
"""A policy of service alone, solved to proven optimality."""


def an_agent(identity: str = "a1", capacity: tuple[float, ...] = (30.0,), **fields: Any) -> Agent:
    """Return an agent with billing at level 3."""
    return Agent(**({"id": identity, "skills": {"billing": 3}, "capacity": capacity} | fields))


def an_engagement(identity: str = "e1", **fields: Any) -> Engagement:
    """Return ten minutes of billing work, worth 10 points, in the first interval."""
    defaults: dict[str, Any] = {
        "minutes": 10.0,
        "channel": "email",
        "earliest": 0,
        "due": 0,
        "latest": 0,
        "priority": 1,
        "value": 10.0,
        "requires": (Requirement("billing", 3),),
    }
    return Engagement(id=identity, **(defaults | fields))


def a_problem(agents: list[Agent], engagements: list[Engagement], **fields: Any) -> Problem:
    """Return a problem of 30-minute intervals, as many as the agents have capacity for, without carry-over."""
    intervals = len(agents[0].capacity) if agents else 1
    defaults: dict[str, Any] = {"start": START, "interval_minutes": 30.0, "intervals": intervals, "policy": EXACT}
    return Problem(agents=tuple(agents), engagements=tuple(engagements), **(defaults | fields))


def placed(plan: Plan) -> dict[str, tuple[str, int]]:
    """Return agent and start of every assigned engagement."""
    return {each.engagement: (each.agent, each.start) for each in plan.assignments}
