"""A problem and a plan side by side, indexed for the checker, and how work runs through the intervals."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from optimizer.plan import Assignment, Plan, Reservation
from optimizer.problem import Agent, Engagement, Forecast, Placement, Problem, Requirement

MINUTES = 1e-5
"""Minutes by which a solver's rounding may exceed a limit."""

POINTS = 1e-6
"""Relative error of points that summation may cause."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One rule that a plan breaks.

    Attributes
    ----------
    rule
        Short name of the rule, such as ``capacity`` or ``skill``.
    message
        What is wrong, with figures.
    engagement, agent, interval
        Where, as far as it applies.
    """

    rule: str
    message: str
    engagement: str | None = None
    agent: str | None = None
    interval: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """How work runs at an agent: their minutes by interval, whether in overtime, whether it ends in time."""

    load: Mapping[int, float]
    overtime: bool
    finished: bool

    @property
    def last(self) -> int:
        """Last interval that it runs in, −1 if it can not start."""
        return max(self.load, default=-1)


@dataclass(frozen=True, slots=True)
class Case:
    """What is judged: a plan whose names the problem knows.

    Attributes
    ----------
    led_by, learnt_by, kept_by
        Assignments by the agent who leads, by the agent who learns beside, and reservations by agent.
    previous
        Assignments of the plan before, by engagement.
    mentors
        Agents by skill that they mentor.
    """

    problem: Problem
    plan: Plan
    agents: dict[str, Agent]
    engagements: dict[str, Engagement]
    classes: dict[str, Forecast]
    led_by: dict[str, list[Assignment]]
    learnt_by: dict[str, list[Assignment]]
    kept_by: dict[str, list[Reservation]]
    previous: dict[str, Placement]
    mentors: dict[str, list[Agent]]

    @classmethod
    def of(cls, problem: Problem, plan: Plan) -> "Case":
        """Index a problem and a plan."""
        led_by, learnt_by = defaultdict(list), defaultdict(list)
        for chosen in plan.assignments:
            led_by[chosen.agent].append(chosen)
            if chosen.shadow is not None:
                learnt_by[chosen.shadow].append(chosen)
        kept_by = defaultdict(list)
        for kept in plan.reserved:
            kept_by[kept.agent].append(kept)
        mentors = defaultdict(list)
        for agent in problem.agents:
            for skill in agent.mentor_for:
                mentors[skill].append(agent)
        return cls(
            problem=problem,
            plan=plan,
            agents={agent.id: agent for agent in problem.agents},
            engagements={engagement.id: engagement for engagement in problem.engagements},
            classes={demand.class_: demand for demand in problem.forecast},
            led_by=led_by,
            learnt_by=learnt_by,
            kept_by=kept_by,
            previous={was.engagement: was for was in problem.previous},
            mentors=mentors,
        )

    @property
    def ladder(self) -> dict[str, float]:
        """Price of each step that the policy's ladder lists."""
        return {rung.step: rung.price for rung in self.problem.policy.ladder}

    def run_of_lead(self, chosen: Assignment) -> Run:
        """Return how an assignment runs at the agent who leads."""
        work, agent = self.engagements[chosen.engagement], self.agents[chosen.agent]
        overtime = "overtime" in chosen.relaxed
        offered = (agent.overtime or (0.0,) * self.problem.intervals) if overtime else agent.capacity
        contacts = agent.concurrency.get(work.channel, 1.0)
        return self._run(work.minutes_with(agent.id), contacts, offered, chosen.start, overtime=overtime)

    def run_of_shadow(self, chosen: Assignment) -> Run:
        """Return how an assignment runs at the agent who learns: one at a time, in regular minutes."""
        work, agent = self.engagements[chosen.engagement], self.agents[chosen.shadow or ""]
        return self._run(work.minutes, 1.0, agent.capacity, chosen.start, overtime=False)

    def _run(self, minutes: float, contacts: float, offered: tuple[float, ...], start: int, *, overtime: bool) -> Run:
        left, load, interval = minutes, {}, start
        while left > 1e-9 and interval < self.problem.intervals and offered[interval] > 0:
            done = min(self.problem.interval_minutes, left, contacts * offered[interval])
            load[interval] = done / contacts
            left -= done
            interval += 1
        return Run(load, overtime, finished=left <= 1e-9)

    def growth_minutes(self, agent: Agent) -> float:
        """Return the minutes of stretch work that an agent does, and of work that they learn beside others."""
        stretched = sum(chosen.minutes for chosen in self.led_by[agent.id] if chosen.stretch is not None)
        return stretched + sum(self.engagements[chosen.engagement].minutes for chosen in self.learnt_by[agent.id])


def near(left: float, right: float, scale: float = 1.0) -> bool:
    """Return whether two sums of points are equal but for rounding."""
    return abs(left - right) <= POINTS * max(1.0, abs(left), abs(right), scale)


def meets(need: Requirement, agent: Agent) -> bool:
    """Return whether an agent has a skill at its level."""
    return agent.skills.get(need.skill, 0) >= need.level
