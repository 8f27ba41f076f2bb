"""Rules of live routing side by side, on seeded random centres, and the time of a decision."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from optimizer.benchmarks.generator import START
from optimizer.benchmarks.repricing import reprice_by_arrivals
from optimizer.days import draw_calls
from optimizer.policy import Policy
from optimizer.problem import Agent, Forecast, Problem, Requirement
from optimizer.routing import RULES, Contact, Decision, Desk, Router, Rule
from optimizer.simulate import Call, DayOutcome, simulate_day
from optimizer.solve import solve

INTERVAL_MINUTES = 30.0
NEW_PRICES = ", new prices"


@dataclass(frozen=True, slots=True)
class CentreShape:
    """How a random contact centre looks.

    Attributes
    ----------
    agents, skills, intervals
        Sizes; intervals are half-hours. There is one class of contacts for each skill.
    breadth
        Probability with which an agent has a skill.
    load
        Expected work ÷ minutes of agents over the day.
    match
        Weight of the match term; service weighs 1.
    patience_minutes
        Mean of the exponential patience.
    headroom
        Square roots of the work by which the plan's forecast exceeds it, see `with_headroom`.
    """

    agents: int = 60
    skills: int = 8
    intervals: int = 16
    breadth: float = 0.35
    load: float = 0.95
    match: float = 0.5
    patience_minutes: float = 4.0
    headroom: float = 0.5


@dataclass(frozen=True, slots=True)
class RoutedDay:
    """A day that rules can be tried on."""

    problem: Problem
    desk: Desk
    calls: tuple[Call, ...]


def with_headroom(work: Sequence[float], times: float) -> tuple[float, ...]:
    """Return work in minutes, raised by the square-root rule of staffing (Halfin and Whitt 1981) in each half-hour."""
    agents = np.array(work, dtype=float) / INTERVAL_MINUTES
    return tuple(np.round(INTERVAL_MINUTES * (agents + times * np.sqrt(agents)), 3).tolist())


def draw_day(shape: CentreShape, seed: int) -> RoutedDay:
    """Return a random centre, its plan's prices, and a day of calls.

    Agents have each skill with probability `breadth` at level 2 to 5, and at least one. A class requires its skill at
    level 2 and prefers level 5. Shares of work are Dirichlet (α = 4), values per minute log-normal (σ = 0.5), mean
    handle times uniform between 3 and 9 minutes; work follows a sine over a floor. Each agent is off for one interval
    near midday where there are more than eight.
    """
    random = np.random.default_rng(seed)
    skills = [f"s{number:02d}" for number in range(shape.skills)]
    agents = tuple(_draw_agent(shape, random, number, skills) for number in range(shape.agents))
    total = sum(sum(agent.capacity) for agent in agents)
    curve = 0.4 + np.sin(np.pi * (np.arange(shape.intervals) + 0.5) / shape.intervals)
    work = np.outer(random.dirichlet(np.full(shape.skills, 4.0)), curve / curve.sum()) * shape.load * total
    names = [f"voice-{skill}" for skill in skills]
    forecast = tuple(
        Forecast(
            class_=name,
            channel="voice",
            requires=(Requirement(skill, 2), Requirement(skill, 5, preferred=True)),
            minutes=with_headroom(row, shape.headroom),
            value_per_minute=float(round(random.lognormal(0.0, 0.5), 3)),
        )
        for name, skill, row in zip(names, skills, work.tolist(), strict=True)
    )
    handle_minutes = {name: float(round(random.uniform(3.0, 9.0), 2)) for name in names}
    problem = Problem(
        start=START,
        interval_minutes=INTERVAL_MINUTES,
        intervals=shape.intervals,
        agents=agents,
        forecast=forecast,
        policy=Policy(weights={"service": 1.0, "match": shape.match}, gap=1e-6, seed=seed),
    )
    expected = dict(zip(names, map(tuple, work.tolist()), strict=True))
    calls = draw_calls(
        expected,
        handle_minutes=handle_minutes,
        patience_minutes=shape.patience_minutes,
        interval_minutes=INTERVAL_MINUTES,
        seed=seed,
    )
    return RoutedDay(problem, Desk.of(problem, solve(problem).prices, handle_minutes, expected=expected), calls)


def _draw_agent(shape: CentreShape, random: np.random.Generator, number: int, skills: Sequence[str]) -> Agent:
    held = {skill: int(random.integers(2, 6)) for skill in skills if random.random() < shape.breadth}
    held = held or {skills[int(random.integers(len(skills)))]: 3}
    capacity = [INTERVAL_MINUTES] * shape.intervals
    if shape.intervals > 8:
        capacity[shape.intervals // 2 + int(random.integers(-2, 2))] = 0.0
    return Agent(id=f"a{number:04d}", skills=held, capacity=tuple(capacity))


def try_rules(
    days: Iterable[RoutedDay], rules: Mapping[str, Rule] = RULES, *, reprice_seconds: float = 0.0
) -> dict[str, tuple[DayOutcome, ...]]:
    """Return what becomes of the same days under each rule; `optimizer.days.compare_days` tells two apart.

    Parameters
    ----------
    reprice_seconds
        Above 0, rules that charge prices are tried a second time, as ``<rule>, new prices``, with prices solved again
        every so many seconds.
    """
    outcomes: dict[str, list[DayOutcome]] = {}
    for day in days:
        for name, rule in rules.items():
            found = simulate_day(day.problem, Router(day.desk, rule), day.calls)
            outcomes.setdefault(name, []).append(found)
        if reprice_seconds:
            repricing = reprice_by_arrivals(day.problem, day.desk, day.calls, every_seconds=reprice_seconds)
            for name, rule in rules.items():
                if rule.theta:
                    found = simulate_day(day.problem, Router(day.desk, rule), day.calls, repricing=repricing)
                    outcomes.setdefault(name + NEW_PRICES, []).append(found)
    return {name: tuple(found) for name, found in outcomes.items()}


@dataclass(frozen=True, slots=True)
class DecisionTimes:
    """How long a router thinks, in microseconds.

    Attributes
    ----------
    events
        Number of arrivals, releases and matches.
    median, percentile_99
        Time of one event, be it that it leads to a decision or not.
    per_decision
        Time of all events ÷ number of decisions.
    """

    events: int
    median: float
    percentile_99: float
    per_decision: float


class TimedRouter(Router):
    """A router that notes how long each event takes, by the thread's own clock: other programs are not counted."""

    def __init__(self, desk: Desk, rule: Rule) -> None:
        super().__init__(desk, rule)
        self.microseconds: list[float] = []
        self.decisions = 0

    def arrive(self, contact: Contact, now: float) -> tuple[Decision, ...]:
        """Time an arrival."""
        began = time.thread_time_ns()
        return self._note(began, super().arrive(contact, now))

    def release(self, agent: str, now: float, contact: str | None = None) -> tuple[Decision, ...]:
        """Time a release."""
        began = time.thread_time_ns()
        return self._note(began, super().release(agent, now, contact))

    def match(self, now: float) -> tuple[Decision, ...]:
        """Time a match."""
        began = time.thread_time_ns()
        return self._note(began, super().match(now))

    def _note(self, began: int, made: tuple[Decision, ...]) -> tuple[Decision, ...]:
        self.microseconds.append((time.thread_time_ns() - began) / 1000)
        self.decisions += len(made)
        return made


def time_decisions(rule: Rule, *, agents: int = 1000, classes: int = 20, intervals: int = 2) -> DecisionTimes:
    """Time a router over simulated hours of a large centre with as much work as minutes (seed 1)."""
    day = draw_day(CentreShape(agents=agents, skills=classes, intervals=intervals, load=1.0), seed=1)
    router = TimedRouter(day.desk, rule)
    simulate_day(day.problem, router, day.calls)
    spent = np.array(router.microseconds)
    return DecisionTimes(
        events=len(spent),
        median=float(np.median(spent)),
        percentile_99=float(np.percentile(spent, 99)),
        per_decision=float(spent.sum()) / max(router.decisions, 1),
    )
