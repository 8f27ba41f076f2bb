r"""
Tranches of live demand: the first minutes kept for a kind of contact are worth more than the last.

How many contacts will come is uncertain.  Keeping one more minute pays only if demand turns out larger than what is
kept already, so that its worth is value × P(demand > minutes kept): the marginal rule of the newsvendor model
(Arrow, Harris and Marschak, 1951, doi:10.2307/1906813).  With one worth for all minutes, a plan that is short of
people would drop whole kinds of contact and staff others far beyond what is likely to come.

The demand of an interval is taken as compound Poisson with exponential handle times: mean :math:`n h`, variance
:math:`2 n h^2` for :math:`n` contacts of :math:`h` minutes, and its tail as normal.  The staffed minutes of the
forecast are cut into :data:`COUNT` tranches of equal width; each is worth its middle's probability.

The optimizer sees a class for each tranche, named ``<engagement type id>.<tranche>``; plans are stored by engagement
type.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from optimizer import plan as answered
from optimizer import problem as asked
from optimizer.keeping import keep_reserved
from optimizer.totals import with_totals
from optimizer.verify import verify

COUNT = 5
"""Tranches of each class: the worth falls in steps that are fine enough for a plan in whole contacts."""

_LEAST_MINUTES = 1e-6
_SEPARATOR = "."

Kept = Mapping[tuple[int, str, int], float]
"""Agent minutes kept, by engagement type id, agent and interval."""


@dataclass(frozen=True, slots=True)
class Tranche:
    """A slice of the demand of one interval: ``minutes`` of contacts, and the probability that they are needed."""

    minutes: float
    probability: float


def split(staffed_minutes: float, *, volume: float, handle_minutes: float) -> tuple[Tranche, ...]:
    """
    Cut the staffed minutes of an interval into tranches, the likeliest first.

    Parameters
    ----------
    staffed_minutes
        Contact minutes to staff for the service level, at least 0.
    volume
        Contacts expected; 0 is read as what the staffed minutes would serve.
    handle_minutes
        Mean handle minutes of a contact, above 0.
    """
    expected = volume if volume > 0 else staffed_minutes / handle_minutes
    mean, deviation = expected * handle_minutes, math.sqrt(2 * expected) * handle_minutes
    width = staffed_minutes / COUNT
    return tuple(
        Tranche(width, _exceeds((number + 0.5) * width, mean=mean, deviation=deviation)) for number in range(COUNT)
    )


def _exceeds(minutes: float, *, mean: float, deviation: float) -> float:
    if deviation <= 0:
        return 1.0
    return 0.5 * math.erfc((minutes - mean) / (deviation * math.sqrt(2)))


def name(type_id: int, number: int) -> str:
    """Return the name of a tranche's class."""
    return f"{type_id}{_SEPARATOR}{number}"


def type_of(class_: str) -> int:
    """Return the engagement type that a class is a tranche of."""
    return int(class_.partition(_SEPARATOR)[0])


def merge(reserved: Iterable[answered.Reservation]) -> dict[tuple[int, str, int], float]:
    """Return kept agent minutes by engagement type, agent and interval."""
    kept: dict[tuple[int, str, int], float] = defaultdict(float)
    for each in reserved:
        kept[type_of(each.class_), each.agent, each.interval] += each.minutes
    return dict(kept)


def spread(problem: asked.Problem, kept: Kept) -> tuple[answered.Reservation, ...]:
    """
    Return kept minutes as reservations of tranches, the most valuable ones filled first.

    Minutes beyond the last tranche stay in it, so that a checker sees them.
    """
    agents = {agent.id: agent for agent in problem.agents}
    classes: dict[int, list[asked.Forecast]] = defaultdict(list)
    for demand in problem.forecast:
        classes[type_of(demand.class_)].append(demand)
    for tranches in classes.values():
        tranches.sort(key=lambda demand: -demand.value_per_minute)
    left = {(demand.class_, at): minutes for demand in problem.forecast for at, minutes in enumerate(demand.minutes)}
    found: list[answered.Reservation] = []
    for (type_id, agent, interval), minutes in sorted(kept.items()):
        rest = minutes
        for demand in classes.get(type_id, ()):
            contacts = agents[agent].concurrency.get(demand.channel, 1.0)
            last = demand is classes[type_id][-1]
            part = rest if last else min(rest, left[demand.class_, interval] / contacts)
            if part > _LEAST_MINUTES:
                left[demand.class_, interval] -= part * contacts
                found.append(answered.Reservation(demand.class_, agent, interval, part))
                rest -= part
    return tuple(found)


def fill_in_order(problem: asked.Problem, answer: answered.Plan) -> answered.Plan:
    """
    Return the same plan with its kept minutes moved into the most valuable tranches.

    Tranches of one engagement type differ in worth only, so that this keeps every rule and never loses value; a plan
    that was stopped early may gain.
    """
    if not answer.has_plan or not answer.reserved:
        return answer
    ordered = spread(problem, merge(answer.reserved))
    gain = _worth(problem, ordered) - _worth(problem, answer.reserved)
    objective = (answer.objective or 0.0) + gain
    bound = None if answer.bound is None else max(answer.bound, objective)
    gap = answer.gap if bound is None or not objective else (bound - objective) / abs(objective)
    tiers = tuple(replace(each, kept=each.kept + gain) if each.tier == "customers" else each for each in answer.tiers)
    terms = dict(answer.terms) | {"service": answer.terms.get("service", 0.0) + gain}
    return answer.with_changes(reserved=ordered, objective=objective, bound=bound, gap=gap, tiers=tiers, terms=terms)


def keep_people(problem: asked.Problem, answer: answered.Plan, earlier: answered.Plan) -> answered.Plan:
    """
    Return the plan with live contacts kept by the people who kept them in an earlier plan, as far as that is possible.

    The same contact minutes of each type are kept in each interval.  Where the nearer reserves would break a rule, such
    as what later tiers may cost, the plan comes back as it is.
    """
    merged = by_type(problem)
    was, now = ({each.engagement: each for each in plan.assignments} for plan in (earlier, answer))
    moved = [
        {each.agent for each in (was.get(key), now.get(key)) if each is not None}
        for key in was.keys() | now.keys()
        if key not in was or key not in now or (was[key].agent, was[key].start) != (now[key].agent, now[key].start)
    ]
    nearer = keep_reserved(merged, _by_type(answer), _by_type(earlier).reserved, changed=set[str]().union(*moved))
    kept = {(int(each.class_), each.agent, each.interval): each.minutes for each in nearer}
    changed = with_totals(problem, answer.with_changes(reserved=spread(problem, kept)))
    return answer if verify(problem, changed) else changed


def _by_type(answer: answered.Plan) -> answered.Plan:
    return answer.with_changes(
        reserved=tuple(
            answered.Reservation(str(type_id), agent, interval, minutes)
            for (type_id, agent, interval), minutes in merge(answer.reserved).items()
        )
    )


def _worth(problem: asked.Problem, reserved: Iterable[answered.Reservation]) -> float:
    agents = {agent.id: agent for agent in problem.agents}
    classes = {demand.class_: demand for demand in problem.forecast}
    points = sum(
        each.minutes
        * agents[each.agent].concurrency.get(classes[each.class_].channel, 1.0)
        * classes[each.class_].value_per_minute
        for each in reserved
    )
    return points * problem.policy.weight("service")


def by_type(problem: asked.Problem) -> asked.Problem:
    """Return the problem with one class for each engagement type, named by its id, for scores and tables."""
    merged: dict[int, asked.Forecast] = {}
    for demand in problem.forecast:
        type_id = type_of(demand.class_)
        known = merged.get(type_id)
        minutes = demand.minutes if known is None else tuple(map(sum, zip(known.minutes, demand.minutes, strict=True)))
        merged[type_id] = replace(known or demand, class_=str(type_id), minutes=minutes)
    return replace(problem, forecast=tuple(merged.values()))
