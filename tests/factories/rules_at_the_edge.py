"""Rows of plans without points, for the checker: what just obeys a rule and what just breaks it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from optimizer.plan import Assignment, Cause, CauseCode, Fix, FixCode, Plan, Status, Unassigned
from optimizer.policy import LADDER_STEPS, LadderStep, Policy
from optimizer.problem import Agent, Engagement, Forecast, Problem, Requirement
from optimizer.verify import verify
from tests.factories.optimizer_problems import START

WITHOUT_POINTS = Policy(weights={}, ladder=tuple(LadderStep(step, 0.0) for step in LADDER_STEPS))
STRICT = replace(WITHOUT_POINTS, ladder=())
BILLING = (Requirement("billing", 3),)
CHATS = Forecast(
    "chats", "chat", (Requirement("chat", 2), Requirement("law", 5, preferred=True)), (20.0, 0.0, 0.0, 5.0)
)


def ada(**fields: Any) -> Agent:
    """Return an agent with billing at 3 and four half hours."""
    return Agent(**({"id": "ada", "skills": {"billing": 3}, "capacity": (30.0,) * 4} | fields))


def ben(**fields: Any) -> Agent:
    """Return an agent one level short of billing who wants to learn it."""
    return ada(**({"id": "ben", "skills": {"billing": 2}, "wants": ("billing",), "max_stretch_minutes": 20.0} | fields))


def work(identity: str = "e1", **fields: Any) -> Engagement:
    """Return 20 minutes of billing mail that may start in intervals 0 to 2."""
    given: dict[str, Any] = {"minutes": 20.0, "channel": "email", "earliest": 0, "due": 2, "latest": 2, "priority": 1}
    given |= {"value": 1.0, "requires": BILLING}
    return Engagement(id=identity, **(given | fields))


def row(identity: str, agent: str = "ada", start: int = 0, minutes: float = 20.0, **fields: Any) -> Assignment:
    """Return an assignment without points."""
    return Assignment(identity, agent, start, minutes, 0.0, {}, **fields)


def broken(agents: list[Agent], works: list[Engagement], rows: list[Assignment], **fields: Any) -> list[str]:
    """Return the rules that a plan of these rows breaks, each as often as it is broken."""
    reserved, growth = tuple(fields.pop("reserved", ())), tuple(fields.pop("growth", ()))
    asked: dict[str, Any] = {"start": START, "interval_minutes": 30.0, "intervals": 4, "policy": WITHOUT_POINTS}
    problem = Problem(agents=tuple(agents), engagements=tuple(works), **(asked | fields))
    served = {each.engagement for each in rows}
    left = [Unassigned(each.id, Cause(CauseCode.SOLD), Fix(FixCode.NONE)) for each in works if each.id not in served]
    plan = Plan(
        Status.FEASIBLE,
        objective=0.0,
        assignments=tuple(rows),
        unassigned=tuple(left),
        reserved=reserved,
        growth=growth,
    )
    return [violation.rule for violation in verify(problem, plan)]


TWO = [work("e1"), work("e2")]
MENTOR = ada(mentor_for=("billing",))
STRETCH: dict[str, Any] = {"stretch": "billing"}
