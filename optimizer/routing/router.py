"""
The router: it keeps who is free and who waits, and decides at each event.

What a pair of contact and agent scores stands in `optimizer.routing.scoring`; where agents stand, in
`optimizer.routing.floor`. Times are seconds from the start of the plan's horizon. Nothing here reads a clock or draws a
random number: the same events give the same decisions. A decision costs O(classes × agents) in numpy with cover,
O(agents) without.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from scipy.optimize import linear_sum_assignment

from optimizer.routing.desk import Desk
from optimizer.routing.floor import Floor, Standing
from optimizer.routing.rules import Rule
from optimizer.routing.scoring import COVER_DECAY, TIE, URGENT_SECONDS, Asked, Choice, Parts, Scorer

__all__ = ["COVER_DECAY", "URGENT_SECONDS", "Contact", "Decision", "Router", "RouterState", "Serving"]

_NEVER = -1e15
"""Score of a pair that an assignment must not choose; linear sum assignment knows no −∞."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A customer who wants to be served now.

    Attributes
    ----------
    class_
        Forecast class; it decides who may serve it, its handle time and its value.
    arrived_at
        Seconds from the start of the horizon.
    worth
        Points of this contact before the policy's weights; None takes those of its class.
    known_agents
        Agents whom the customer knows.
    """

    id: str
    class_: str
    arrived_at: float
    worth: float | None = None
    known_agents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """An agent takes a contact.

    Attributes
    ----------
    value, price
        Points that the contact is worth with this agent, and points at which the plan prices the agent's time.
    parts
        What the choice weighed; None in a batch, where pairs are weighed together.
    runner_up, runner_up_parts
        The agent, or the contact, that would have been chosen otherwise, and what it had.
    """

    contact: Contact
    agent: str
    decided_at: float
    value: float
    price: float
    parts: Parts | None = None
    runner_up: str | None = None
    runner_up_parts: Parts | None = None


@dataclass(frozen=True, slots=True)
class Serving:
    """A contact that an agent serves: the agent, and which share of them it takes."""

    agent: str
    share: float


@dataclass(frozen=True, slots=True)
class RouterState:
    """Everything that a router knows beside its desk and rule: plain data that can be kept and taken up again.

    Attributes
    ----------
    agents
        Where each agent stands who is present or serves.
    serving
        Who serves which contact.
    waiting
        Contacts that wait, in the order of their classes and in each in the order of their arrival.
    """

    agents: Mapping[str, Standing]
    serving: Mapping[str, Serving] = field(default_factory=dict)
    waiting: tuple[Contact, ...] = ()


class Router:
    """Decides who serves whom, one event at a time.

    Parameters
    ----------
    desk
        Classes, agents and prices.
    rule
        How to rank.

    Notes
    -----
    An agent serves as many contacts at once as the desk allows on their channels: each takes a share of the agent, and
    the shares never exceed one. Every method that may find somebody to serve returns the decisions; the caller reports
    the end of each contact with `release`.
    """

    def __init__(self, desk: Desk, rule: Rule) -> None:
        self.desk = desk
        self.rule = rule
        self.floor = Floor(desk)
        self._scorer = Scorer(desk, rule)
        self._serving: dict[str, Serving] = {}
        self._held: dict[str, list[str]] = {}
        self._queues: list[deque[Contact]] = [deque() for _ in desk.classes]
        self._waiting: dict[str, Contact] = {}
        self._count = [0] * len(desk.classes)

    @property
    def waiting(self) -> int:
        """Number of contacts that wait."""
        return len(self._waiting)

    @property
    def idle(self) -> int:
        """Number of agents who may be given a contact."""
        return len(self.floor.open_columns)

    def load(self, agent: str) -> float:
        """Return which share of an agent contacts take, 0 to 1."""
        return float(self.floor.load[self.desk.column[agent]])

    def snapshot(self) -> RouterState:
        """Return what the router knows, to be kept and taken up again by `restore`."""
        return RouterState(
            agents=self.floor.snapshot(),
            serving=dict(self._serving),
            waiting=tuple(contact for queue in self._queues for contact in queue if self._waits(contact)),
        )

    @classmethod
    def restore(cls, desk: Desk, rule: Rule, state: RouterState) -> "Router":
        """Return a router that goes on where another stopped.

        Agents whom the desk does not know are passed over with what they serve.

        Raises
        ------
        KeyError
            If a contact waits whose class the desk does not know.
        """
        router = cls(desk, rule)
        router.floor.restore(state.agents)
        for name, each in state.serving.items():
            if each.agent in desk.column:
                router._serve(name, each)
        for contact in state.waiting:
            router._enqueue(contact)
        return router

    def arrive(self, contact: Contact, now: float) -> tuple[Decision, ...]:
        """Take in a contact; serve it at once if the rule does not collect contacts and somebody is free.

        Raises
        ------
        KeyError
            If the class is not one of the plan's.
        ValueError
            If a contact with this id waits already.
        """
        row = self.desk.row[contact.class_]
        if contact.id in self._waiting:
            raise ValueError(f"contact {contact.id!r} waits already")
        if not self.rule.batch_seconds and not self._count[row] and self.floor.free[row]:
            self._scorer.enter(now)
            candidates = self.floor.candidates(row, now, settle_seconds=self.rule.settle_seconds)
            choice = self._scorer.choose_agent(self._asked(contact, now), candidates)
            if choice is not None:
                column = int(candidates.columns[choice.position])
                beside = (
                    None if choice.runner_up is None else self.desk.agents[int(candidates.columns[choice.runner_up])]
                )
                return (self._decide(contact, row, column, now, choice, beside),)
        self._enqueue(contact)
        return ()

    def leave(self, contact: str) -> bool:
        """Forget a contact that gave up, and return whether it still waited."""
        waits = contact in self._waiting
        if waits:
            self._take(self._waiting[contact])
        return waits

    def release(self, agent: str, now: float, contact: str | None = None) -> tuple[Decision, ...]:
        """Take in an agent who has become free, by signing in or by ending a contact.

        Parameters
        ----------
        contact
            The one that ended, of several at once; one that is not known changes nothing. Without it the agent is
            present from now on and serves nobody.
        """
        column = self.desk.column[agent]
        if contact is None:
            for served in self._held.pop(agent, ()):
                self._serving.pop(served, None)
            self.floor.stand(column, Standing(present=True, idle_since=now))
        else:
            ended = self._serving.pop(contact, None)
            if ended is not None:
                self._held[ended.agent].remove(contact)
                self.floor.end(self.desk.column[ended.agent], ended.share, now)
        return tuple(self._fill(column, now))

    def sign_out(self, agent: str) -> None:
        """Give an agent nothing more; one who serves is simply not released."""
        column = self.desk.column[agent]
        self.floor.stand(column, Standing(present=False, load=float(self.floor.load[column])))

    def match(self, now: float) -> tuple[Decision, ...]:
        """Assign waiting contacts and free agents together: call it every `Rule.batch_seconds`.

        The best total score by linear sum assignment (Jonker and Volgenant 1987, in scipy), O(n³) in the smaller side.
        Each agent is given one contact at most.
        """
        columns = self.floor.open_columns
        if not self._waiting or not len(columns):
            return ()
        self._scorer.enter(now)
        first = [
            (row, contact)
            for row in range(len(self._queues))
            for contact in list(self._head(row, int(self.floor.free[row])))
        ]
        if not first:
            return ()
        candidates = self.floor.among(columns, now, settle_seconds=self.rule.settle_seconds)
        asked = [self._asked(contact, now) for _, contact in first]
        scores = np.array([self._scorer.scores(each, candidates) for each in asked])
        scores[~self.floor.open[[row for row, _ in first]][:, columns]] = -np.inf
        scores += [[self._scorer.urgency(each) + self._scorer.ageing(each)] for each in asked]
        wait = np.array([each.waited_seconds for each in asked])
        held = wait < self.rule.reserve_seconds
        allowed = np.isfinite(scores) & ~(held[:, None] & (scores < 0))
        # Equal scores: who waits longest is served first, by whoever was idle longest.
        scores += TIE * (wait[:, None] + candidates.idle_seconds[None, :])
        chosen = zip(*linear_sum_assignment(np.where(allowed, scores, _NEVER), maximize=True), strict=True)
        decisions = []
        for position, place in chosen:
            if allowed[position, place]:
                row, contact = first[position]
                self._take(contact)
                decisions.append(self._decide(contact, row, int(columns[place]), now))
        return tuple(decisions)

    def _fill(self, column: int, now: float) -> Iterator[Decision]:
        """Give an agent of those who wait, until no further one fits."""
        while self._waiting and self.floor.open[:, column].any():
            self._scorer.enter(now)
            heads = [
                next(self._head(row, 1))
                for row in np.flatnonzero(self.floor.open[:, column]).tolist()
                if self._count[row]
            ]
            choice = (
                self._scorer.choose_contact(column, [self._asked(contact, now) for contact in heads]) if heads else None
            )
            if choice is None:
                return
            contact = heads[choice.position]
            beside = None if choice.runner_up is None else heads[choice.runner_up].id
            self._take(contact)
            yield self._decide(contact, self.desk.row[contact.class_], column, now, choice, beside)

    def _asked(self, contact: Contact, now: float) -> Asked:
        desk = self.desk
        row = desk.row[contact.class_]
        return Asked(
            row=row,
            worth=float(desk.worth[row]) if contact.worth is None else contact.worth,
            waited_seconds=max(now - contact.arrived_at, 0.0),
            known=tuple(desk.column[agent] for agent in contact.known_agents if agent in desk.column),
        )

    def _serve(self, contact: str, serving: Serving) -> None:
        self._serving[contact] = serving
        self._held.setdefault(serving.agent, []).append(contact)

    def _enqueue(self, contact: Contact) -> None:
        row = self.desk.row[contact.class_]
        self._queues[row].append(contact)
        self._waiting[contact.id] = contact
        self._count[row] += 1

    def _head(self, row: int, count: int) -> Iterator[Contact]:
        """Yield the first contacts of a class that still wait."""
        queue = self._queues[row]
        while queue and not self._waits(queue[0]):
            queue.popleft()
        yield from islice(filter(self._waits, queue), count)

    def _waits(self, contact: Contact) -> bool:
        return self._waiting.get(contact.id) is contact

    def _take(self, contact: Contact) -> None:
        """Take a contact off its queue; it is skipped there when its turn comes."""
        del self._waiting[contact.id]
        self._count[self.desk.row[contact.class_]] -= 1

    def _decide(
        self,
        contact: Contact,
        row: int,
        column: int,
        now: float,
        choice: Choice | None = None,
        beside: str | None = None,
    ) -> Decision:
        agent = self.desk.agents[column]
        self.floor.give(column, row, now)
        self._serve(contact.id, Serving(agent, float(self.desk.slot[row, column])))
        return Decision(
            contact=contact,
            agent=agent,
            decided_at=now,
            value=self._scorer.value(self._asked(contact, now), column),
            price=self._scorer.price(row, column),
            parts=None if choice is None else choice.parts,
            runner_up=beside,
            runner_up_parts=None if choice is None else choice.runner_up_parts,
        )
