"""What a workforce plan answers: who comes, who learns, what stays unmet, what it costs and what more is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from optimizer.plan import Status, StoppedBy

__all__ = [
    "Classes",
    "Entered",
    "HeadCount",
    "Learners",
    "Mentoring",
    "Outsourced",
    "PriceSource",
    "QuarterCosts",
    "Served",
    "Unmet",
    "WorkforcePlan",
    "WorkforcePrices",
]


class PriceSource(StrEnum):
    """The linear program that prices are duals of; a mixed-integer program has none."""

    FIXED = "fixed"
    """With people and classes as the plan has them: what one unit is worth if nobody else comes or learns."""
    RELAXED = "relaxed"
    """With parts of people and classes allowed: what one unit is worth before anything is decided."""


@dataclass(frozen=True, slots=True, order=True)
class Entered:
    """People who come by an entry when a quarter begins."""

    entry: str
    quarter: int
    people: int


@dataclass(frozen=True, slots=True, order=True)
class Learners:
    """People of a profile who begin a course."""

    site: str
    course: str
    profile: str
    quarter: int
    people: int


@dataclass(frozen=True, slots=True, order=True)
class Classes:
    """Classes of a course that begin at a site."""

    site: str
    course: str
    quarter: int
    classes: int


@dataclass(frozen=True, slots=True, order=True)
class HeadCount:
    """Expected people of a profile at the beginning of a quarter, neither new nor learning since earlier."""

    site: str
    profile: str
    quarter: int
    people: float


@dataclass(frozen=True, slots=True, order=True)
class Served:
    """Time of a profile's people that goes into one skill, work and mentoring together."""

    site: str
    profile: str
    skill: str
    quarter: int
    fte: float


@dataclass(frozen=True, slots=True, order=True)
class Mentoring:
    """Time that one's own people spend on mentoring in a skill; it stands in `Served` as well."""

    site: str
    skill: str
    quarter: int
    fte: float


@dataclass(frozen=True, slots=True, order=True)
class Outsourced:
    """Work of one skill that somebody else does."""

    site: str
    skill: str
    quarter: int
    fte: float


@dataclass(frozen=True, slots=True, order=True)
class Unmet:
    """Work of one skill that nobody does."""

    site: str
    skill: str
    quarter: int
    fte: float


@dataclass(frozen=True, slots=True)
class QuarterCosts:
    """Money of one quarter: one-off costs of entries, courses, outsourcing, pay beyond the present staff's, penalty."""

    entries: float
    training: float
    outsourcing: float
    pay: float
    penalty: float

    @property
    def spent(self) -> float:
        """What counts against the budget: all but the penalty."""
        return self.entries + self.training + self.outsourcing + self.pay

    @property
    def total(self) -> float:
        """What the objective adds up."""
        return self.spent + self.penalty


@dataclass(frozen=True, slots=True)
class WorkforcePrices:
    """Shadow prices: money that one unit more would save (of demand: cost) in total, each at least 0.

    Attributes
    ----------
    source
        Which linear program they belong to. Limits on whole people (`entries`, `seats`) are priced in the relaxed one
        alone: where people are fixed, their limits decide nothing.
    demand
        By site and skill, of one more FTE in each quarter.
    budget, budget_by_quarter
        Of one more unit of money; empty or None without such a budget.
    entries, seats
        By entry or course, of one more person in each quarter.
    mentors
        By site and skill, of one more FTE that may mentor in each quarter.
    """

    source: PriceSource
    demand: Mapping[tuple[str, str], tuple[float, ...]]
    budget: float | None = None
    budget_by_quarter: tuple[float, ...] = ()
    entries: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    seats: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    mentors: Mapping[tuple[str, str], tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WorkforcePlan:
    """A plan with its certificate.

    Attributes
    ----------
    status
        Optimal if the gap is at most the one asked for, proven; feasible otherwise; a clock or a cancel before any
        plan was found leaves none.
    objective
        Money beyond the pay of the present staff, penalties of unmet demand included; less is better. None without a
        plan.
    bound
        No plan costs less.
    gap
        (objective − bound) ÷ the size of the objective.
    do_nothing
        What it costs to let nobody come or learn, with the best of outsourcing within the budget.
    prices
        Those of the fixed and of the relaxed program.
    """

    status: Status
    objective: float | None = None
    bound: float | None = None
    gap: float | None = None
    do_nothing: float | None = None
    stopped_by: StoppedBy | None = None
    seconds: float = 0.0
    peak_mb: float = 0.0
    entered: tuple[Entered, ...] = ()
    learners: tuple[Learners, ...] = ()
    classes: tuple[Classes, ...] = ()
    head_counts: tuple[HeadCount, ...] = ()
    served: tuple[Served, ...] = ()
    mentoring: tuple[Mentoring, ...] = ()
    outsourced: tuple[Outsourced, ...] = ()
    unmet: tuple[Unmet, ...] = ()
    costs: tuple[QuarterCosts, ...] = ()
    prices: Mapping[PriceSource, WorkforcePrices] = field(default_factory=dict)

    @property
    def has_plan(self) -> bool:
        """Whether there is a plan to look at."""
        return self.objective is not None

    def with_changes(self, **changes: Any) -> WorkforcePlan:
        """Return the plan with other fields."""
        return replace(self, **changes)
