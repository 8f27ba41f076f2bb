r"""
Simulate a day of live contacts, event by event, under a rule of routing.

Contacts come with their arrival, handle time and patience, drawn or recorded before the day begins, so that every rule
meets the very same day (common random numbers). Handle time belongs to the
contact and its class, never to the person who serves it. Events at one moment come in a fixed order: the same day and
rule give the same outcome.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from optimizer.problem import Problem
from optimizer.roster import Floats
from optimizer.routing import Contact, Decision, Router

__all__ = ["Call", "DayOutcome", "simulate_day"]

_RELEASE, _SIGN_IN, _SIGN_OUT, _ARRIVE, _LEAVE, _MATCH = range(6)


@dataclass(frozen=True, slots=True)
class Call:
    """A contact of a simulated day with what only the simulation knows.

    Attributes
    ----------
    handle_seconds
        How long it takes whoever serves it, above 0.
    patience_seconds
        How long the customer waits before giving up, at least 0.
    """

    contact: Contact
    handle_seconds: float
    patience_seconds: float


@dataclass(frozen=True, slots=True)
class DayOutcome:
    """What became of a day.

    Attributes
    ----------
    offered, answered, abandoned
        Numbers of contacts; answered and abandoned add up to offered.
    within
        Contacts answered within the target of the service level.
    value
        Points of the contacts that were answered.
    wait_seconds
        Sum of the waits of all contacts, those given up included.
    busy_seconds, signed_in_seconds
        Of each agent, busy time within the horizon alone.
    within_by_class, offered_by_class
        The same by class, in the desk's order.
    """

    offered: int
    answered: int
    abandoned: int
    within: int
    value: float
    wait_seconds: float
    busy_seconds: Floats
    signed_in_seconds: Floats
    within_by_class: tuple[int, ...] = ()
    offered_by_class: tuple[int, ...] = ()

    @property
    def service_level(self) -> float:
        """Answered within the target ÷ offered; 1 where nothing was offered."""
        return self.within / self.offered if self.offered else 1.0

    @property
    def abandonment(self) -> float:
        """Abandoned ÷ offered; 0 where nothing was offered."""
        return self.abandoned / self.offered if self.offered else 0.0

    @property
    def occupancy(self) -> float:
        """Busy ÷ signed-in time of all agents; 0 where nobody was signed in."""
        signed_in = float(self.signed_in_seconds.sum())
        return float(self.busy_seconds.sum()) / signed_in if signed_in else 0.0

    @property
    def worst_class(self) -> float:
        """Lowest service level of a class with contacts."""
        shares = [
            within / offered
            for within, offered in zip(self.within_by_class, self.offered_by_class, strict=True)
            if offered
        ]
        return min(shares, default=1.0)


def simulate_day(
    problem: Problem, router: Router, calls: Sequence[Call], *, target_seconds: float = 20.0
) -> DayOutcome:
    """Return what becomes of a day's calls under the rule of a router.

    An agent is signed in during each interval with capacity and ends the contact that they serve; contacts that wait
    when everybody has gone home give up in the end.

    Parameters
    ----------
    problem
        Gives the agents' intervals.
    router
        A new router for the problem: it must not know of anybody yet.
    target_seconds
        Target of the service level.
    """
    return _Day(problem, router, calls, target_seconds).run()


@dataclass
class _Day:
    """A day in progress."""

    problem: Problem
    router: Router
    calls: Sequence[Call]
    target_seconds: float
    events: list[tuple[float, int, int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.desk = self.router.desk
        self.by_id = {call.contact.id: call for call in self.calls}
        self.horizon = self.desk.interval_seconds * self.problem.intervals
        self.on_shift = {agent.id: False for agent in self.problem.agents}
        self.busy = dict.fromkeys(self.on_shift, False)
        self.busy_seconds = np.zeros(len(self.problem.agents))
        self.answered: list[tuple[Decision, float]] = []
        self.abandoned = 0
        self.abandoned_wait = 0.0
        self.match_at: float | None = None
        self.sequence = 0
        self._plan_shifts()
        for call in self.calls:
            self._schedule(call.contact.arrived_at, _ARRIVE, call.contact.id)

    def _schedule(self, at: float, kind: int, name: str) -> None:
        self.sequence += 1
        heapq.heappush(self.events, (at, kind, self.sequence, name))

    def _plan_shifts(self) -> None:
        length = self.desk.interval_seconds
        for agent in self.problem.agents:
            on = [False, *(minutes > 0 for minutes in agent.capacity), False]
            for interval, (before, now) in enumerate(pairwise(on)):
                if before != now:
                    self._schedule(interval * length, _SIGN_IN if now else _SIGN_OUT, agent.id)

    def run(self) -> DayOutcome:
        act = {
            _RELEASE: self._release,
            _SIGN_IN: self._sign_in,
            _SIGN_OUT: self._sign_out,
            _ARRIVE: self._arrive,
            _LEAVE: self._leave,
            _MATCH: self._match,
        }
        while self.events:
            now, kind, _, name = heapq.heappop(self.events)
            self._serve(act[kind](name, now), now)
            self._plan_match(now)
        return self._outcome()

    def _release(self, agent: str, now: float) -> tuple[Decision, ...]:
        self.busy[agent] = False
        return self.router.release(agent, now) if self.on_shift[agent] else ()

    def _sign_in(self, agent: str, now: float) -> tuple[Decision, ...]:
        self.on_shift[agent] = True
        return () if self.busy[agent] else self.router.release(agent, now)

    def _sign_out(self, agent: str, _now: float) -> tuple[Decision, ...]:
        self.on_shift[agent] = False
        self.router.sign_out(agent)
        return ()

    def _arrive(self, name: str, now: float) -> tuple[Decision, ...]:
        call = self.by_id[name]
        self._schedule(now + call.patience_seconds, _LEAVE, name)
        return self.router.arrive(call.contact, now)

    def _leave(self, name: str, now: float) -> tuple[Decision, ...]:
        if self.router.leave(name):
            self.abandoned += 1
            self.abandoned_wait += now - self.by_id[name].contact.arrived_at
        return ()

    def _match(self, _name: str, now: float) -> tuple[Decision, ...]:
        self.match_at = None
        return self.router.match(now)

    def _plan_match(self, now: float) -> None:
        """Let waiting contacts and free agents meet at the next multiple of the batch length."""
        batch = self.router.rule.batch_seconds
        if batch and self.match_at is None and self.router.waiting and self.router.idle:
            self.match_at = batch * (now // batch + 1)
            self._schedule(self.match_at, _MATCH, "")

    def _serve(self, decisions: tuple[Decision, ...], now: float) -> None:
        for decision in decisions:
            call = self.by_id[decision.contact.id]
            self.busy[decision.agent] = True
            end = now + call.handle_seconds
            self._schedule(end, _RELEASE, decision.agent)
            column = self.desk.column[decision.agent]
            self.busy_seconds[column] += min(end, self.horizon) - min(now, self.horizon)
            self.answered.append((decision, now - decision.contact.arrived_at))

    def _outcome(self) -> DayOutcome:
        row = self.desk.row
        within = np.zeros(len(row), dtype=np.int64)
        offered = np.zeros(len(row), dtype=np.int64)
        for call in self.calls:
            offered[row[call.contact.class_]] += 1
        for decision, wait in self.answered:
            within[row[decision.contact.class_]] += wait <= self.target_seconds
        capacity = np.array([agent.capacity for agent in self.problem.agents], dtype=float)
        return DayOutcome(
            offered=len(self.calls),
            answered=len(self.answered),
            abandoned=self.abandoned,
            within=int(within.sum()),
            value=float(sum(decision.value for decision, _ in self.answered)),
            wait_seconds=float(sum(wait for _, wait in self.answered)) + self.abandoned_wait,
            busy_seconds=self.busy_seconds,
            signed_in_seconds=(capacity > 0).sum(axis=1) * self.desk.interval_seconds,
            within_by_class=tuple(within.tolist()),
            offered_by_class=tuple(offered.tolist()),
        )
