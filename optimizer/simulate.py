r"""
Simulate a day of live contacts, event by event, under a rule of routing.

Contacts come with their arrival, handle time and patience, drawn or recorded before the day begins, so that every rule
meets the very same day (common random numbers). Handle time belongs to the contact and its class, never to the person
who serves it. Events at one moment come in a fixed order: the same day and rule give the same outcome.

An agent serves as many contacts at once as the desk allows on their channels. With *n* at once each goes on at

.. math:: 1 \,/\, (1 + s\,(n - 1))

of its speed. With a stretch *s* of 0, the default, contacts take as long as they do alone: that is right for handle
times from the log of a centre that served several at once, because the waiting for one another is in them already. With
1 an agent's attention is divided evenly (processor sharing).
"""

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from optimizer.problem import Problem
from optimizer.roster import Floats
from optimizer.routing import Contact, Decision, Desk, Router

__all__ = ["Call", "DayOutcome", "Repricing", "simulate_day"]

_RELEASE, _SIGN_IN, _SIGN_OUT, _REPRICE, _ARRIVE, _LEAVE, _MATCH = range(7)


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
    tone_value
        The same, each contact times the weight of tone of its class with its agent. Without weights it is the value.
    wait_seconds
        Sum of the waits of all contacts, those given up included.
    busy_seconds, signed_in_seconds
        Of each agent, within the horizon alone; busy is who serves at least one contact.
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
    tone_value: float = 0.0

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
    def occupancy_spread(self) -> float:
        """Standard deviation of the occupancy of those who were signed in; 0 where nobody was."""
        there = self.signed_in_seconds > 0
        return float((self.busy_seconds[there] / self.signed_in_seconds[there]).std()) if there.any() else 0.0

    @property
    def mean_wait_seconds(self) -> float:
        """Mean wait of all contacts, those given up included; 0 where nothing was offered."""
        return self.wait_seconds / self.offered if self.offered else 0.0

    @property
    def worst_class(self) -> float:
        """Lowest service level of a class with contacts."""
        shares = [
            within / offered
            for within, offered in zip(self.within_by_class, self.offered_by_class, strict=True)
            if offered
        ]
        return min(shares, default=1.0)


@dataclass(frozen=True, slots=True)
class Repricing:
    """Prices that are computed anew in the course of the day.

    Attributes
    ----------
    every_seconds
        Above 0; nothing happens at the beginning of the day, when the router has its prices.
    desk_at
        Returns the desk of a moment, with the same classes and agents. It must not know what has not come yet.
    """

    every_seconds: float
    desk_at: Callable[[float], Desk]


def simulate_day(
    problem: Problem,
    router: Router,
    calls: Sequence[Call],
    *,
    target_seconds: float = 20.0,
    stretch: float = 0.0,
    tone: Mapping[str, Mapping[str, float]] | None = None,
    repricing: Repricing | None = None,
    watch: Callable[[Decision, float, float], None] | None = None,
) -> DayOutcome:
    """Return what becomes of a day's calls under the rule of a router.

    An agent is signed in during each interval with capacity and ends the contacts that they serve; who comes back to a
    shift while still serving takes nothing new until that is done. Contacts that wait when everybody has gone home give
    up in the end.

    Parameters
    ----------
    problem
        Gives the agents' intervals.
    router
        A new router for the problem: it must not know of anybody yet.
    target_seconds
        Target of the service level.
    stretch
        By how much each further contact at once slows an agent's contacts down, at least 0; see the module.
    tone
        Weights of tone by class and agent; who is not named has 1.
    repricing
        New prices in the course of the day.
    watch
        Told about each contact that ended: its decision, when it began and when it ended.

    Raises
    ------
    ValueError
        If the stretch is negative.
    """
    if not stretch >= 0:
        raise ValueError(f"stretch must be at least 0, not {stretch}")
    return _Day(problem, router, calls, target_seconds, stretch, tone or {}, repricing, watch).run()


@dataclass(slots=True)
class _Desktop:
    """The contacts that an agent serves at a moment, and what is left of each in seconds of undivided attention."""

    on_shift: bool = False
    left: dict[str, float] = field(default_factory=dict)
    since: float = 0.0
    busy_since: float = 0.0
    release: int = 0
    """Number of the release that holds; earlier ones were overtaken by a contact that began or ended."""

    def advance(self, now: float, stretch: float) -> None:
        """Let the contacts go on up to a moment."""
        speed = 1.0 / self._slowness(stretch)
        for contact in self.left:
            self.left[contact] -= (now - self.since) * speed
        self.since = now

    def next_end(self, stretch: float) -> float:
        """Return when the first of the contacts ends if nothing is begun before."""
        return self.since + max(min(self.left.values()), 0.0) * self._slowness(stretch)

    def _slowness(self, stretch: float) -> float:
        return 1.0 + stretch * max(len(self.left) - 1, 0)


@dataclass
class _Day:
    """A day in progress."""

    problem: Problem
    router: Router
    calls: Sequence[Call]
    target_seconds: float
    stretch: float
    tone: Mapping[str, Mapping[str, float]]
    repricing: Repricing | None
    watch: Callable[[Decision, float, float], None] | None
    events: list[tuple[float, int, int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.desk = self.router.desk
        self.by_id = {call.contact.id: call for call in self.calls}
        self.horizon = self.desk.interval_seconds * self.problem.intervals
        self.desktops = {agent.id: _Desktop() for agent in self.problem.agents}
        self.busy_seconds = np.zeros(len(self.problem.agents))
        self.answered: dict[str, tuple[Decision, float]] = {}
        self.abandoned = 0
        self.abandoned_wait = 0.0
        self.match_at: float | None = None
        self.sequence = 0
        self.late: set[str] = set()
        self._plan_shifts()
        for call in self.calls:
            self._schedule(call.contact.arrived_at, _ARRIVE, call.contact.id)
        if self.repricing is not None:
            self._schedule(self.repricing.every_seconds, _REPRICE, "")

    def _schedule(self, at: float, kind: int, name: str) -> int:
        self.sequence += 1
        heapq.heappush(self.events, (at, kind, self.sequence, name))
        return self.sequence

    def _plan_shifts(self) -> None:
        length = self.desk.interval_seconds
        for agent in self.problem.agents:
            on = [False, *(minutes > 0 for minutes in agent.capacity), False]
            for interval, (before, now) in enumerate(pairwise(on)):
                if before != now:
                    self._schedule(interval * length, _SIGN_IN if now else _SIGN_OUT, agent.id)

    def run(self) -> DayOutcome:
        act = {
            _SIGN_IN: self._sign_in,
            _SIGN_OUT: self._sign_out,
            _REPRICE: self._reprice,
            _ARRIVE: self._arrive,
            _LEAVE: self._leave,
            _MATCH: self._match,
        }
        while self.events:
            now, kind, number, name = heapq.heappop(self.events)
            decisions = self._release(name, now, number) if kind == _RELEASE else act[kind](name, now)
            self._serve(decisions, now)
            self._plan_match(now)
        return self._outcome()

    def _release(self, agent: str, now: float, number: int) -> tuple[Decision, ...]:
        """End the contact that ends first, unless the event was overtaken."""
        desktop = self.desktops[agent]
        if number != desktop.release:
            return ()
        desktop.advance(now, self.stretch)
        contact = min(desktop.left, key=lambda each: (desktop.left[each], self.answered[each][1], each))
        del desktop.left[contact]
        if self.watch is not None:
            self.watch(*self.answered[contact], now)
        if desktop.left:
            desktop.release = self._schedule(desktop.next_end(self.stretch), _RELEASE, agent)
        else:
            begun = min(desktop.busy_since, self.horizon)
            self.busy_seconds[self.desk.column[agent]] += min(now, self.horizon) - begun
        return self._report_end(agent, contact, now)

    def _report_end(self, agent: str, contact: str, now: float) -> tuple[Decision, ...]:
        desktop = self.desktops[agent]
        made = self.router.release(agent, now, contact)
        # Who came back to a shift while serving signs in only now.
        if not made and not desktop.left and desktop.on_shift and agent in self.late:
            self.late.discard(agent)
            made = self.router.release(agent, now)
        return made

    def _sign_in(self, agent: str, now: float) -> tuple[Decision, ...]:
        desktop = self.desktops[agent]
        desktop.on_shift = True
        if desktop.left:
            self.late.add(agent)
            return ()
        return self.router.release(agent, now)

    def _sign_out(self, agent: str, _now: float) -> tuple[Decision, ...]:
        self.desktops[agent].on_shift = False
        self.late.discard(agent)
        self.router.sign_out(agent)
        return ()

    def _reprice(self, _name: str, now: float) -> tuple[Decision, ...]:
        if self.repricing is not None and now < self.horizon:
            self.router = Router.restore(self.repricing.desk_at(now), self.router.rule, self.router.snapshot())
            self._schedule(now + self.repricing.every_seconds, _REPRICE, "")
        return ()

    def _arrive(self, name: str, now: float) -> tuple[Decision, ...]:
        call = self.by_id[name]
        if call.patience_seconds < np.inf:
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
            call, desktop = self.by_id[decision.contact.id], self.desktops[decision.agent]
            if not desktop.left:
                desktop.busy_since = now
            desktop.advance(now, self.stretch)
            desktop.left[call.contact.id] = call.handle_seconds
            self.answered[call.contact.id] = (decision, now)
            desktop.release = self._schedule(desktop.next_end(self.stretch), _RELEASE, decision.agent)

    def _outcome(self) -> DayOutcome:
        row = self.desk.row
        within = np.zeros(len(row), dtype=np.int64)
        offered = np.zeros(len(row), dtype=np.int64)
        for call in self.calls:
            offered[row[call.contact.class_]] += 1
        waits = 0.0
        for decision, began in self.answered.values():
            wait = began - decision.contact.arrived_at
            within[row[decision.contact.class_]] += wait <= self.target_seconds
            waits += wait
        capacity = np.array([agent.capacity for agent in self.problem.agents], dtype=float)
        capacity = capacity.reshape(len(self.problem.agents), self.problem.intervals)
        return DayOutcome(
            offered=len(self.calls),
            answered=len(self.answered),
            abandoned=self.abandoned,
            within=int(within.sum()),
            value=float(sum(decision.value for decision, _ in self.answered.values())),
            wait_seconds=waits + self.abandoned_wait,
            busy_seconds=self.busy_seconds,
            signed_in_seconds=(capacity > 0).sum(axis=1) * self.desk.interval_seconds,
            within_by_class=tuple(within.tolist()),
            offered_by_class=tuple(offered.tolist()),
            tone_value=float(sum(self._toned(decision) for decision, _ in self.answered.values())),
        )

    def _toned(self, decision: Decision) -> float:
        return decision.value * self.tone.get(decision.contact.class_, {}).get(decision.agent, 1.0)
