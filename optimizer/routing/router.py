r"""
The router: it keeps who is free and who waits, and decides at each event.

A contact of class *c* with agent *a* in interval *t* scores

.. math:: s_{ca} = v_{ca} - \theta\, p_{at}\, h_c - \kappa\, h_c \sum_{g : a \in A_g} \lambda_{gt}\, v_g\, \delta^{n_g}

with its value *v*, the plan's price *p* of a minute of the agent, the mean handle minutes *h* of the class, the
arrival rate λ that the plan expects, and *n* the number of free agents who may take class *g*. The second term is a
bid price (Talluri and van Ryzin 1998, doi:10.1287/mnsc.44.11.1577). The third, the *cover*, is a price that depends on
who is free at the moment, in the manner of trunk reservation (Key 1990): it keeps free those whom few others could
replace.

Times are seconds from the start of the plan's horizon. Nothing here reads a clock or draws a random number: the same
events give the same decisions. A decision costs O(classes × agents) in numpy with cover, O(agents) without.
"""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from scipy.optimize import linear_sum_assignment

from optimizer.roster import Floats
from optimizer.routing.desk import Desk
from optimizer.routing.rules import Rule

URGENT_SECONDS = 20.0
"""Wait at which a contact is as urgent as it gets: the usual target of service levels."""

COVER_DECAY = 0.6
"""Factor by which each further free agent makes one more worth less; tuned together with `RULES`."""

_TIE = 1e-9
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
    """

    contact: Contact
    agent: str
    decided_at: float
    value: float
    price: float


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
    Each agent serves one contact at a time. Every method that may find somebody to serve returns the decisions; the
    caller reports the end of each contact with `release`.
    """

    def __init__(self, desk: Desk, rule: Rule) -> None:
        self.desk = desk
        self.rule = rule
        self._idle_since = np.full(len(desk.agents), np.inf)
        self._closed = np.full(len(desk.agents), -np.inf)
        self._able = desk.able.astype(float)
        self._free = np.zeros(len(desk.classes))
        self._queues: list[deque[Contact]] = [deque() for _ in desk.classes]
        self._waiting: dict[str, Contact] = {}
        self._count = [0] * len(desk.classes)
        self._interval = -1
        self._score = np.zeros(desk.able.shape)
        self._cover = np.zeros(len(desk.classes))

    @property
    def waiting(self) -> int:
        """Number of contacts that wait."""
        return len(self._waiting)

    @property
    def idle(self) -> int:
        """Number of agents who are free."""
        return int(np.isfinite(self._idle_since).sum())

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
        if not self.rule.batch_seconds and not self._count[row]:
            self._enter(now)
            agent = self._best_agent(contact, row)
            if agent is not None:
                return (self._decide(contact, row, agent, now),)
        self._queues[row].append(contact)
        self._waiting[contact.id] = contact
        self._count[row] += 1
        return ()

    def leave(self, contact: str) -> bool:
        """Forget a contact that gave up, and return whether it still waited."""
        waits = contact in self._waiting
        if waits:
            self._take(self._waiting[contact])
        return waits

    def release(self, agent: str, now: float) -> tuple[Decision, ...]:
        """Take in an agent who has become free, by signing in or by ending a contact."""
        column = self.desk.column[agent]
        if np.isinf(self._idle_since[column]):
            self._free += self._able[:, column]
        self._idle_since[column] = now
        self._closed[column] = 0.0
        if not self._waiting:
            return ()
        self._enter(now)
        row = self._best_class(column, now)
        return () if row is None else (self._serve_first(row, column, now),)

    def sign_out(self, agent: str) -> None:
        """Give an agent nothing more; one who serves is simply not released."""
        self._occupy(self.desk.column[agent])

    def match(self, now: float) -> tuple[Decision, ...]:
        """Assign waiting contacts and free agents together: call it every `Rule.batch_seconds`.

        The best total score by linear sum assignment (Jonker and Volgenant 1987, in scipy), O(n³) in the smaller side.
        """
        columns = np.flatnonzero(np.isfinite(self._idle_since))
        if not self._waiting or not len(columns):
            return ()
        self._enter(now)
        first = [
            (row, contact)
            for row in range(len(self._queues))
            for contact in list(self._head(row, int(self._free[row])))
        ]
        if not first:
            return ()
        scores = np.array([self._scores(contact, row)[columns] for row, contact in first])
        scores += [[self._urgency(contact, now)] for _, contact in first]
        held = np.array([now - contact.arrived_at < self.rule.reserve_seconds for _, contact in first])
        allowed = np.isfinite(scores) & ~(held[:, None] & (scores < 0))
        # Equal scores: who waits longest is served first, by whoever was idle longest.
        wait = np.array([now - contact.arrived_at for _, contact in first])
        scores += _TIE * (wait[:, None] + (now - self._idle_since[columns])[None, :])
        chosen = zip(*linear_sum_assignment(np.where(allowed, scores, _NEVER), maximize=True), strict=True)
        decisions = []
        for position, place in chosen:
            if allowed[position, place]:
                row, contact = first[position]
                self._take(contact)
                decisions.append(self._decide(contact, row, int(columns[place]), now))
        return tuple(decisions)

    def _enter(self, now: float) -> None:
        """Bring prices up to date where a new interval has begun."""
        interval = self.desk.interval(now)
        if interval == self._interval:
            return
        self._interval = interval
        desk, rule = self.desk, self.rule
        if rule.by == "value":
            cost = rule.theta * desk.minutes[:, None] * desk.price[:, interval]
            score = desk.worth[:, None] * desk.share - cost
        else:
            score = desk.match if rule.by == "skill" else np.zeros(desk.able.shape)
        self._score = np.where(desk.able, score, -np.inf)
        self._cover = rule.cover * desk.rate[:, interval] * desk.worth * desk.service

    def _scores(self, contact: Contact, row: int) -> Floats:
        """Return the score of a contact with every agent, −∞ for those who may not take it or are not free."""
        scores: Floats = self._score[row] + self._closed
        if self.rule.by != "value":
            return scores
        desk = self.desk
        if contact.worth is not None:
            scores += (contact.worth - desk.worth[row]) * desk.share[row]
        if contact.known_agents and desk.continuity:
            known = [desk.column[agent] for agent in contact.known_agents if agent in desk.column]
            scores[known] += desk.continuity * self._worth(contact, row)
        if self.rule.cover:
            scores -= desk.minutes[row] * (self._cover * COVER_DECAY**self._free @ self._able)
        return scores

    def _best_agent(self, contact: Contact, row: int) -> int | None:
        if not self._free[row]:
            return None
        scores = self._scores(contact, row)
        best = scores.max()
        return int(np.where(scores >= best - _TIE, self._idle_since, np.inf).argmin())

    def _best_class(self, column: int, now: float) -> int | None:
        """Return the class whose first contact a free agent takes; None if there is none, or all are held."""
        best, longest, found = -math.inf, math.inf, None
        for row in range(len(self._queues)):
            if not self._count[row] or not self.desk.able[row, column]:
                continue
            contact = next(self._head(row, 1))
            score = self._rank(contact, row, column, now)
            if score < 0 and now - contact.arrived_at < self.rule.reserve_seconds:
                continue
            if score > best + _TIE or (score >= best - _TIE and contact.arrived_at < longest):
                best, longest, found = score, contact.arrived_at, row
        return found

    def _rank(self, contact: Contact, row: int, column: int, now: float) -> float:
        """Return by what a waiting contact is compared with others."""
        desk, rule = self.desk, self.rule
        if rule.by == "priority":
            return self._worth(contact, row)
        score = float(self._score[row, column])
        if rule.by == "value":
            if contact.worth is not None:
                score += (contact.worth - desk.worth[row]) * float(desk.share[row, column])
            if desk.agents[column] in contact.known_agents:
                score += desk.continuity * self._worth(contact, row)
            score += self._urgency(contact, now)
        return score / float(desk.minutes[row]) if rule.per_minute else score

    def _urgency(self, contact: Contact, now: float) -> float:
        if not self.rule.urgency:
            return 0.0
        waited = min((now - contact.arrived_at) / URGENT_SECONDS, 1.0)
        return self.rule.urgency * self.desk.service * self._worth(contact, self.desk.row[contact.class_]) * waited

    def _worth(self, contact: Contact, row: int) -> float:
        return float(self.desk.worth[row]) if contact.worth is None else contact.worth

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

    def _serve_first(self, row: int, column: int, now: float) -> Decision:
        contact = next(self._head(row, 1))
        self._take(contact)
        return self._decide(contact, row, column, now)

    def _decide(self, contact: Contact, row: int, column: int, now: float) -> Decision:
        desk = self.desk
        worth = self._worth(contact, row)
        known = desk.agents[column] in contact.known_agents
        self._occupy(column)
        return Decision(
            contact=contact,
            agent=desk.agents[column],
            decided_at=now,
            value=worth * (float(desk.share[row, column]) + desk.continuity * known),
            price=float(desk.minutes[row] * desk.price[column, self._interval]),
        )

    def _occupy(self, column: int) -> None:
        if np.isfinite(self._idle_since[column]):
            self._free -= self._able[:, column]
        self._idle_since[column] = np.inf
        self._closed[column] = -np.inf
