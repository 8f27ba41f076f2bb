"""
What the optimizer answers: a plan with its certificate, its terms, its reasons and its prices.

A plan is plain data. `optimizer.verify` checks it against the problem without sharing code with the model.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from optimizer.plan_record import any_text, one_of, record_of, written
from optimizer.reading import Findings, ProblemError, finite, integer, list_of, map_of, optional, text
from optimizer.unassigned import Cause, CauseCode, Certainty, Fix, FixCode, Unassigned, read_unassigned

__all__ = [
    "Assignment",
    "Cause",
    "CauseCode",
    "Certainty",
    "Conflict",
    "Fix",
    "FixCode",
    "Growth",
    "Plan",
    "PolicyPrice",
    "Prices",
    "Progress",
    "Reservation",
    "Status",
    "StoppedBy",
    "TierResult",
    "Unassigned",
]


class Status(StrEnum):
    """How a run ended. A run that ran out of time is never called infeasible or optimal."""

    OPTIMAL = "optimal"
    """Every tier was solved within the target gap, proven."""
    FEASIBLE = "feasible"
    """A valid plan, with its gap stated."""
    TIME_LIMIT_NO_PLAN = "time_limit_no_plan"
    """Time ran out before a plan was found that serves what must be served."""
    INFEASIBLE = "infeasible"
    """No plan obeys all pins and rules, proven; `Plan.conflicts` names a minimal set of them."""
    CANCELLED = "cancelled"
    """Somebody stopped the run; the best plan so far is kept."""
    SOLVER_ERROR = "solver_error"
    """The run failed; `Plan.message` says how."""


class StoppedBy(StrEnum):
    """What ended the search. The same input and seed give the same plan unless it was the clock or a cancel."""

    GAP = "gap"
    ITERATIONS = "iterations"
    CLOCK = "clock"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Assignment:
    """An engagement at an agent from a start interval on.

    Attributes
    ----------
    minutes
        Handle minutes of the pair, before concurrency.
    value
        Points: the sum of `terms`.
    terms
        Weighted points by term, those that are not 0. `balance` is a term of the whole plan and is not shared out;
        `stability` is negative where a previous assignment of this engagement was left.
    relaxed
        Ladder steps that this assignment needed, in the order of `policy.LADDER_STEPS`.
    stretch
        The skill in which this is stretch work, else None.
    shadow
        The agent who learns beside the one who leads, else None. `terms` include what their minutes bring and cost.
    """

    engagement: str
    agent: str
    start: int
    minutes: float
    value: float
    terms: Mapping[str, float] = field(default_factory=dict)
    relaxed: tuple[str, ...] = ()
    stretch: str | None = None
    shadow: str | None = None


@dataclass(frozen=True, slots=True)
class Reservation:
    """Minutes of an agent kept for a forecast class in an interval.

    `minutes` are the agent's; times the agent's concurrency on the channel they are contact minutes.
    """

    class_: str
    agent: str
    interval: int
    minutes: float


@dataclass(frozen=True, slots=True)
class PolicyPrice:
    """What one more unit of a limit would gain, in points of the first tier.

    Attributes
    ----------
    rule
        Name of the limit, as in `Fix.limit`, or ``max_changes``.
    path
        Where the limit stands in the problem.
    unit
        ``minute``, ``contact`` or ``change``. For the shares it is one minute by which proactive work may miss its
        share of all minutes.
    interval
        First interval of the shift, or the interval of the overtime; None for a limit of the whole plan.
    """

    rule: str
    path: str
    price: float
    unit: str
    interval: int | None = None


@dataclass(frozen=True, slots=True)
class Prices:
    """Shadow prices from an LP, in points for one more minute, never negative.

    Attributes
    ----------
    agent
        Agent → value of one more capacity minute in each interval.
    skill
        Skill → level (as text) → value in each interval of one more minute of an agent with that level or more.
    policy
        Limits that have a price, the others being worth nothing more.
    """

    agent: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    skill: Mapping[str, Mapping[str, tuple[float, ...]]] = field(default_factory=dict)
    policy: tuple[PolicyPrice, ...] = ()


@dataclass(frozen=True, slots=True)
class TierResult:
    """How one tier was solved.

    Attributes
    ----------
    tier
        Name in `policy.TIERS`.
    objective, bound, gap
        Best value found when this tier was solved, its proven upper bound, and (bound − objective) ÷ |objective|.
    kept
        Value of the tier in the plan as written, after later tiers gave up at most ε of `objective`.
    """

    tier: str
    objective: float
    bound: float
    gap: float
    kept: float


@dataclass(frozen=True, slots=True)
class Growth:
    """What an agent to whom growth minutes are due gets of them.

    Attributes
    ----------
    due, planned, debt
        Minutes due (`Agent.growth_due_minutes`), minutes of stretch work and of learning beside others in the plan, and
        what is still owed: max(0, due − planned).
    """

    agent: str
    due: float
    planned: float
    debt: float


@dataclass(frozen=True, slots=True)
class Conflict:
    """A pin or rule of a minimal set that cannot hold together.

    Attributes
    ----------
    kind
        ``pin``, ``must_assign``, ``frozen``, ``max_changes`` or ``proactive_share_min``.
    path
        Where it stands in the problem, such as ``$.pins[2]``.
    message
        What it asks, and the rule against it if one rule alone is.
    """

    kind: str
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Progress:
    """A sign of life from a running solve.

    Attributes
    ----------
    phase
        ``reading``, ``protected``, ``first plan``, ``bound``, ``customers``, ``growth``, ``economy``, ``prices`` or
        ``explaining``.
    seconds
        Since the run began.
    incumbent, bound, gap
        Of the tier ``customers``; None until there is one.
    """

    phase: str
    seconds: float
    incumbent: float | None = None
    bound: float | None = None
    gap: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer to a problem.

    Attributes
    ----------
    objective
        Points of the tier ``customers`` in the plan as written: the sum of its terms; None if there is no plan.
    bound
        Proven upper bound on that tier over all plans (that leave no larger debt of protected growth).
    gap
        (bound − objective) ÷ |objective|. It includes what later tiers deliberately gave up, at most ε; the entry
        ``customers`` of `tiers` has the gap at which that tier was solved.
    seconds, peak_mb
        Wall time and peak memory of the run.
    terms
        Weighted points by term over the whole plan, reservations, stability and balance included.
    tiers
        One result for each tier that was solved, in order.
    growth
        One entry for each agent with growth minutes due, in the problem's order.
    route
        The algorithms that the driver chose, in words.
    stopped_by
        What ended the search.
    problem
        SHA-256 of the problem (`Problem.digest`).
    conflicts
        If infeasible: a minimal set of pins and rules that conflict.
    message
        If the run failed: how.
    """

    status: Status
    objective: float | None = None
    bound: float | None = None
    gap: float | None = None
    seconds: float = 0.0
    peak_mb: float = 0.0
    terms: Mapping[str, float] = field(default_factory=dict)
    assignments: tuple[Assignment, ...] = ()
    unassigned: tuple[Unassigned, ...] = ()
    reserved: tuple[Reservation, ...] = ()
    prices: Prices = field(default_factory=Prices)
    tiers: tuple[TierResult, ...] = ()
    growth: tuple[Growth, ...] = ()
    solver: str = ""
    route: str = ""
    seed: int = 1
    stopped_by: StoppedBy | None = None
    problem: str = ""
    conflicts: tuple[Conflict, ...] = ()
    message: str = ""
    version: int = 1

    @property
    def has_plan(self) -> bool:
        """Whether there is a plan at all, be it one that assigns nothing."""
        return self.objective is not None

    def find_assignment(self, engagement_id: str) -> Assignment | None:
        """Return the assignment of an engagement, or None if the plan does not serve it."""
        return next((chosen for chosen in self.assignments if chosen.engagement == engagement_id), None)

    def find_unassigned(self, engagement_id: str) -> Unassigned | None:
        """Return the cause and fix of an unassigned engagement, or None if the plan serves it."""
        return next((left for left in self.unassigned if left.engagement == engagement_id), None)

    @classmethod
    def from_json(cls, value: object) -> "Plan":
        """Read a plan from JSON data.

        Raises
        ------
        ProblemError
            With the path of every error.
        """
        findings = Findings()
        plan: Plan | None = _read_plan(value, findings)
        findings.raise_if_any()
        if plan is None:
            raise ProblemError("$", "could not be read")
        return plan

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON data that `from_json` reads back to an equal plan."""
        document: dict[str, Any] = written(self)
        return document

    def with_changes(self, **changes: Any) -> "Plan":
        """Return a copy with some fields changed."""
        return replace(self, **changes)


_names = list_of(text)
_price_row = list_of(finite)

_read_assignment = record_of(
    Assignment,
    {
        "engagement": text,
        "agent": text,
        "start": integer,
        "minutes": finite,
        "value": finite,
        "terms": map_of(finite),
        "relaxed": _names,
        "stretch": optional(text),
        "shadow": optional(text),
    },
)
_read_reservation = record_of(Reservation, {"class": text, "agent": text, "interval": integer, "minutes": finite})
_read_policy_price = record_of(
    PolicyPrice, {"rule": text, "path": text, "price": finite, "unit": text, "interval": optional(integer)}
)
_read_prices = record_of(
    Prices,
    {"agent": map_of(_price_row), "skill": map_of(map_of(_price_row)), "policy": list_of(_read_policy_price)},
)
_read_tier = record_of(TierResult, {"tier": text, "objective": finite, "bound": finite, "gap": finite, "kept": finite})
_read_growth = record_of(Growth, {"agent": text, "due": finite, "planned": finite, "debt": finite})
_read_conflict = record_of(Conflict, {"kind": text, "path": text, "message": text})
_read_plan = record_of(
    Plan,
    {
        "status": one_of(Status),
        "objective": optional(finite),
        "bound": optional(finite),
        "gap": optional(finite),
        "seconds": finite,
        "peak_mb": finite,
        "terms": map_of(finite),
        "assignments": list_of(_read_assignment),
        "unassigned": list_of(read_unassigned),
        "reserved": list_of(_read_reservation),
        "prices": _read_prices,
        "tiers": list_of(_read_tier),
        "growth": list_of(_read_growth),
        "solver": any_text,
        "route": any_text,
        "seed": integer,
        "stopped_by": optional(one_of(StoppedBy)),
        "problem": any_text,
        "conflicts": list_of(_read_conflict),
        "message": any_text,
        "version": integer,
    },
)
