r"""
What a pair of contact and agent is worth, part by part, and who comes first.

Both questions, who serves a contact and whom a freed agent serves, are answered from plain arrays, so that a decision
that was stored with what it read can be made again.

A contact of class *c* with agent *a* in interval *t* scores

.. math:: s_{ca} = v_{ca} + k_{ca} - \theta\, p_{at}\, h_c\, \sigma_{ca}
          - \kappa\, h_c\, \sigma_{ca} \sum_{g : a \in A_g} \lambda_{gt}\, v_g\, \delta^{n_g} - \chi\, w_c\, b_a

with its value *v* (service and match), what it is worth that the customer knows the agent *k*, the plan's price *p* of
a minute of the agent, the mean handle minutes *h* of the class, the share σ of the agent that it takes, the arrival
rate λ that the plan expects, the number *n* of agents who may be given class *g*, the contact's worth *w* and how busy
*b* the agent is already. The price is a bid price (Talluri and van Ryzin 1998, doi:10.1287/mnsc.44.11.1577). The
*cover* is a price that depends on who is free at the moment, in the manner of trunk reservation (Key 1990): it keeps
free those whom few others could replace.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optimizer.roster import Floats
from optimizer.routing.desk import Desk
from optimizer.routing.floor import Candidates
from optimizer.routing.rules import Rule

URGENT_SECONDS = 20.0
"""Wait at which a contact is as urgent as it gets: the usual target of service levels."""

COVER_DECAY = 0.6
"""Factor by which each further free agent makes one more worth less; tuned together with `RULES`."""

TIE = 1e-9


@dataclass(frozen=True, slots=True)
class Asked:
    """What a choice reads of a contact.

    Attributes
    ----------
    row
        Its class.
    worth
        Points before the policy's weights.
    waited_seconds
        How long it has waited, at least 0.
    known
        Columns of the agents whom the customer knows.
    """

    row: int
    worth: float
    waited_seconds: float = 0.0
    known: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Parts:
    """What makes up the score of a pair, in points; of the costs what is taken off.

    Attributes
    ----------
    value
        Service and match.
    continuity
        That the customer knows the agent.
    price, cover, crowding
        The plan's price of the agent's time; what the agent is worth to those who have not called yet; that their
        attention is shared.
    ageing
        What the wait adds where contacts are compared; in the unit of that comparison.
    idle_seconds
        By which equal scores are parted, at most `floor.IDLE_CAP_SECONDS`.
    """

    value: float
    continuity: float = 0.0
    price: float = 0.0
    cover: float = 0.0
    crowding: float = 0.0
    ageing: float = 0.0
    idle_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Choice:
    """Who or what was chosen among how many, and who came next.

    Attributes
    ----------
    position, runner_up
        Among the candidates or contacts; the runner-up is None if there was no other.
    score, runner_up_score
        What they were compared by: points, or with rules that do not count points their rank.
    parts, runner_up_parts
        The points behind it, whatever the rule counts.
    """

    position: int
    score: float
    parts: Parts
    runner_up: int | None = None
    runner_up_score: float = 0.0
    runner_up_parts: Parts | None = None


class Scorer:
    """Scores pairs by a desk and a rule; keeps nothing but what follows from both and from the present interval."""

    def __init__(self, desk: Desk, rule: Rule) -> None:
        self.desk = desk
        self.rule = rule
        self.interval = -1
        self._able = desk.able.astype(float)
        self._value = desk.worth[:, None] * desk.share
        self._score = self._value
        self._cover = np.zeros(len(desk.classes))
        worth = desk.service * desk.worth
        self._pace = float(np.mean(worth / desk.minutes if rule.per_minute else worth)) if len(worth) else 0.0

    def enter(self, now: float) -> None:
        """Bring prices up to date where a new interval has begun."""
        interval = self.desk.interval(now)
        if interval == self.interval:
            return
        self.interval = interval
        desk, rule = self.desk, self.rule
        if rule.by == "value":
            self._score = self._value - rule.theta * desk.minutes[:, None] * desk.slot * desk.price[:, interval]
        else:
            self._score = desk.match if rule.by == "skill" else np.zeros_like(self._value)
        self._cover = rule.cover * desk.rate[:, interval] * desk.worth * desk.service

    def scores(self, asked: Asked, candidates: Candidates) -> Floats:
        """Return the score of a contact with each of some agents."""
        row, columns = asked.row, candidates.columns
        scores: Floats = self._score[row, columns]
        if self.rule.by != "value":
            return scores
        desk, rule = self.desk, self.rule
        if asked.worth != desk.worth[row]:
            scores += (asked.worth - desk.worth[row]) * desk.share[row, columns]
        if asked.known and desk.continuity:
            scores[np.isin(columns, asked.known)] += desk.continuity * asked.worth
        if rule.cover:
            scores -= desk.minutes[row] * desk.slot[row, columns] * self._covers(candidates)
        if rule.crowding:
            scores -= rule.crowding * desk.service * asked.worth * _busy(candidates)
        return scores

    def choose_agent(self, asked: Asked, candidates: Candidates) -> Choice | None:
        """Return who serves a contact: the best score, then the least busy, then who was idle longest.

        O(agents × classes) with cover, O(agents) without; None if there is nobody.
        """
        if not len(candidates.columns):
            return None
        scores = self.scores(asked, candidates)
        # Idle time is capped far below this, so that the less busy always come first.
        order = candidates.idle_seconds - 1e6 * _busy(candidates)
        best = _first(scores, order)
        top = float(scores[best])
        if len(scores) == 1:
            return Choice(best, top, self._agent_parts(asked, candidates, best))
        scores[best] = -np.inf
        second = _first(scores, order)
        return Choice(
            best,
            top,
            self._agent_parts(asked, candidates, best),
            second,
            float(scores[second]),
            self._agent_parts(asked, candidates, second),
        )

    def choose_contact(self, column: int, heads: Sequence[Asked]) -> Choice | None:
        """Return whom a freed agent serves of those who wait: the best rank, then who has waited longest.

        Contacts that the rule holds back are left out; None if there is nobody else.
        """
        ranks = np.array([self.rank(asked, column) for asked in heads])
        if self.rule.reserve_seconds:
            waited = np.array([asked.waited_seconds for asked in heads])
            ranks[(ranks < 0) & (waited < self.rule.reserve_seconds)] = -np.inf
        if not np.isfinite(ranks).any():
            return None
        ranks += [self.ageing(asked) for asked in heads]
        order = np.array([asked.waited_seconds for asked in heads])
        best = _first(ranks, order)
        top = float(ranks[best])
        ranks[best] = -np.inf
        if not np.isfinite(ranks).any():
            return Choice(best, top, self._contact_parts(heads[best], column))
        second = _first(ranks, order)
        return Choice(
            best,
            top,
            self._contact_parts(heads[best], column),
            second,
            float(ranks[second]),
            self._contact_parts(heads[second], column),
        )

    def rank(self, asked: Asked, column: int) -> float:
        """Return by what a waiting contact is compared with others, its age aside."""
        desk, rule, row = self.desk, self.rule, asked.row
        if rule.by == "priority":
            return asked.worth
        score = float(self._score[row, column])
        if rule.by == "value":
            score += (asked.worth - float(desk.worth[row])) * float(desk.share[row, column])
            if column in asked.known:
                score += desk.continuity * asked.worth
            score += self.urgency(asked)
        return score / float(desk.minutes[row] * desk.slot[row, column]) if rule.per_minute else score

    def urgency(self, asked: Asked) -> float:
        """Return the points that a wait adds until the target of the service level is missed."""
        if not self.rule.urgency:
            return 0.0
        waited = min(asked.waited_seconds / URGENT_SECONDS, 1.0)
        return self.rule.urgency * self.desk.service * asked.worth * waited

    def ageing(self, asked: Asked) -> float:
        """Return what a wait adds to a rank, without end."""
        return self.rule.ageing * self._pace * asked.waited_seconds / 60.0 if self.rule.by == "value" else 0.0

    def value(self, asked: Asked, column: int) -> float:
        """Return the points of a contact with an agent, prices aside."""
        desk = self.desk
        return asked.worth * (float(desk.share[asked.row, column]) + desk.continuity * (column in asked.known))

    def price(self, row: int, column: int) -> float:
        """Return the points at which the plan prices the agent's time for a contact, θ aside."""
        desk = self.desk
        return float(desk.minutes[row] * desk.slot[row, column] * desk.price[column, self.interval])

    def _covers(self, candidates: Candidates) -> Floats:
        costs: Floats = ((self._cover * COVER_DECAY**candidates.free) @ self._able)[candidates.columns]
        return costs

    def _agent_parts(self, asked: Asked, candidates: Candidates, position: int) -> Parts:
        desk, rule, row = self.desk, self.rule, asked.row
        column = int(candidates.columns[position])
        counts = rule.by == "value"
        busy = 1.0 if candidates.settling[position] else float(candidates.load[position])
        cover = 0.0
        if counts and rule.cover:
            each = float((self._cover * COVER_DECAY**candidates.free) @ self._able[:, column])
            cover = float(desk.minutes[row] * desk.slot[row, column]) * each
        return Parts(
            value=asked.worth * float(desk.share[row, column]),
            continuity=desk.continuity * asked.worth * (column in asked.known),
            price=rule.theta * self.price(row, column) if counts else 0.0,
            cover=cover,
            crowding=rule.crowding * desk.service * asked.worth * busy if counts else 0.0,
            idle_seconds=float(candidates.idle_seconds[position]),
        )

    def _contact_parts(self, asked: Asked, column: int) -> Parts:
        desk, rule, row = self.desk, self.rule, asked.row
        return Parts(
            value=asked.worth * float(desk.share[row, column]),
            continuity=desk.continuity * asked.worth * (column in asked.known),
            price=rule.theta * self.price(row, column) if rule.by == "value" else 0.0,
            ageing=self.ageing(asked),
        )


def _busy(candidates: Candidates) -> Floats:
    """Return how busy agents count: as they are, or fully while they settle."""
    return np.where(candidates.settling, 1.0, candidates.load)


def _first(scores: Floats, order: Floats) -> int:
    """Return the position of the best score; of equal ones that of the highest order, then the first."""
    return int(np.where(scores >= scores.max() - TIE, order, -np.inf).argmax())
