"""
Score a plan against the real day: how much of the work that came found skilled minutes kept for it.

In each interval the kept contact minutes of a class cover at most what really came; nothing is carried between
intervals or classes. ``even_spread`` is the baseline that any plan has to beat.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from optimizer.fit import Fit
from optimizer.plan import Cause, CauseCode, Fix, FixCode, Plan, Reservation, Status, Unassigned
from optimizer.problem import Problem
from optimizer.roster import Roster
from optimizer.totals import with_totals

__all__ = ["Score", "even_spread", "score_reservations"]

_LEAST_MINUTES = 1e-9


@dataclass(frozen=True, slots=True)
class Score:
    """How much real work found minutes kept for it.

    Attributes
    ----------
    actual, kept, covered
        Contact minutes by class and interval: what came, what was kept, and the smaller of the two.
    """

    actual: Mapping[str, tuple[float, ...]]
    kept: Mapping[str, tuple[float, ...]]
    covered: Mapping[str, tuple[float, ...]]

    @property
    def share(self) -> float | None:
        """Covered ÷ actual minutes over the day; None if nothing came."""
        return _share(sum(map(sum, self.covered.values())), sum(map(sum, self.actual.values())))

    @property
    def share_by_class(self) -> dict[str, float | None]:
        """Covered ÷ actual minutes of each class."""
        return {name: _share(sum(self.covered[name]), sum(self.actual[name])) for name in self.actual}

    @property
    def share_by_interval(self) -> tuple[float | None, ...]:
        """Covered ÷ actual minutes of each interval."""
        covered = zip(*self.covered.values(), strict=True)
        actual = zip(*self.actual.values(), strict=True)
        return tuple(_share(sum(ours), sum(all_)) for ours, all_ in zip(covered, actual, strict=True))


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def score_reservations(
    problem: Problem, reserved: Iterable[Reservation], actual: Mapping[str, Sequence[float]]
) -> Score:
    """Return how much of the actual minutes found minutes kept for them.

    Parameters
    ----------
    problem
        The problem that the plan answers: its agents' concurrency turns agent minutes into contact minutes.
    actual
        Contact minutes that really came, by class and interval; a class that was not forecast counts as not covered.

    Raises
    ------
    ValueError
        If a class does not have one number for each interval.
    """
    kept: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(problem.intervals))
    channel = {demand.class_: demand.channel for demand in problem.forecast}
    agents = {agent.id: agent for agent in problem.agents}
    for reservation in reserved:
        contacts = agents[reservation.agent].concurrency.get(channel[reservation.class_], 1.0)
        kept[reservation.class_][reservation.interval] += reservation.minutes * contacts
    came = {name: np.asarray(minutes, dtype=float) for name, minutes in actual.items()}
    for name, minutes in came.items():
        if minutes.shape != (problem.intervals,):
            raise ValueError(f"class {name!r} must have {problem.intervals} numbers, one for each interval")
    return Score(
        actual={name: tuple(minutes.tolist()) for name, minutes in came.items()},
        kept={name: tuple(kept[name].tolist()) for name in came},
        covered={name: tuple(np.minimum(kept[name], minutes).tolist()) for name, minutes in came.items()},
    )


def even_spread(problem: Problem) -> Plan:
    """Return the baseline plan: every agent's minutes spread evenly over the classes that they can serve.

    In each interval an agent gives equal minutes to each class with demand that they can serve; where a class gets
    more than its demand, all its givers are cut in proportion and the rest is not given to anybody else. No engagement
    is assigned.
    """
    fit = Fit(Roster.of(problem))
    capacity = fit.roster.capacity
    demand = np.array([each.minutes for each in problem.forecast], dtype=float)
    demand = demand.reshape(len(problem.forecast), problem.intervals)
    able = np.array([fit.of(each).possible for each in problem.forecast], dtype=bool)
    able = able.reshape(len(problem.forecast), len(problem.agents))
    open_to = able[:, :, None] & (demand > 0)[:, None, :] & (capacity > 0)[None, :, :]
    minutes = np.where(open_to, capacity[None, :, :] / np.maximum(open_to.sum(axis=0), 1)[None, :, :], 0.0)
    contacts = np.array([fit.roster.concurrency(each.channel) for each in problem.forecast]).reshape(able.shape)
    given = (minutes * contacts[:, :, None]).sum(axis=1)
    cut = np.minimum(1.0, np.divide(demand, given, out=np.ones_like(demand), where=given > 0))
    minutes = minutes * cut[:, None, :]
    reserved = tuple(
        Reservation(problem.forecast[klass].class_, problem.agents[agent].id, int(interval), float(value))
        for klass, agent, interval in zip(*np.nonzero(minutes > _LEAST_MINUTES), strict=True)
        for value in (minutes[klass, agent, interval],)
    )
    unassigned = tuple(
        Unassigned(each.id, Cause(CauseCode.SEARCH), Fix(FixCode.SOLVE_LONGER)) for each in problem.engagements
    )
    plan = Plan(
        Status.FEASIBLE,
        reserved=reserved,
        unassigned=unassigned,
        problem=problem.digest(),
        route="even spread",
        seed=problem.policy.seed,
    )
    return with_totals(problem, plan)
