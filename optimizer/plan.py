"""
What the optimizer answers: a plan with its certificate, its terms, its reasons and its prices.

A plan is plain data. `optimizer.verify` checks it against the problem without sharing code with the model.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

from optimizer.reading import Findings, ProblemError, Reader, finite, integer, list_of, map_of, optional, text

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


class CauseCode(StrEnum):
    """Why an engagement is unassigned, the most fundamental reason first."""

    NOBODY_ALLOWED = "nobody_allowed"
    """No agent may take it: its list of eligible agents is empty or everybody is excluded."""
    NO_SKILL = "no_skill"
    """No agent who may take it has `skill` at `level`; `agents` are the nearest."""
    NO_SKILL_MIX = "no_skill_mix"
    """Every skill is there, but no one agent has all of them; `agents` miss the fewest levels."""
    NO_AUTHORITY = "no_authority"
    """No agent with the skills may decide alone what it takes: `authority`; `agents` have the skills."""
    NO_CHANNEL = "no_channel"
    """No agent with the skills takes its channel, speaks its language or works at its site."""
    OWNER_AWAY = "owner_away"
    """It belongs to `agents[0]`, who cannot take it; others could."""
    NO_SHADOW = "no_shadow"
    """`agents` could lead it, but nobody could learn beside them."""
    OFF_SHIFT = "off_shift"
    """Every agent who could is off shift, or cannot finish it, in its window; `agents` are those."""
    LIMIT = "limit"
    """Only limits of agents, shifts or the policy stand against it."""
    SOLD = "sold"
    """The capacity went to work of more value; `engagements` and `classes` are that work."""
    NOT_WORTH = "not_worth"
    """Serving it would add nothing to the plan's value."""
    SEARCH = "search"
    """Capacity for it is left; the search stopped before it was placed."""
    UNKNOWN = "unknown"
    """The run was ended before the reason could be found."""


class FixCode(StrEnum):
    """The cheapest change that would serve an unassigned engagement."""

    ALLOW_AGENT = "allow_agent"
    RAISE_LEVEL = "raise_level"
    GRANT_AUTHORITY = "grant_authority"
    OPEN_CHANNEL = "open_channel"
    HAND_OVER = "hand_over"
    DROP_SHADOW = "drop_shadow"
    ADD_MINUTES = "add_minutes"
    EXTEND_WINDOW = "extend_window"
    RAISE_LIMIT = "raise_limit"
    SOLVE_LONGER = "solve_longer"
    NONE = "none"


class Certainty(StrEnum):
    """How far a stated gain can be trusted."""

    CERTAIN = "certain"
    """The changed problem has a plan that is worth at least that much more than this one."""
    ESTIMATE = "estimate"
    """Read from values alone: what else the change would move has not been looked at."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why an engagement is unassigned, as data; `optimizer.explain` turns it into a sentence."""

    code: CauseCode
    skill: str | None = None
    level: int | None = None
    agents: tuple[str, ...] = ()
    engagements: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    authority: str | None = None


@dataclass(frozen=True, slots=True)
class Fix:
    """The cheapest change found that would serve an unassigned engagement; `optimizer.fixes.apply_fix` makes it.

    Attributes
    ----------
    agent, skill, level, interval, authority
        Whom and what it concerns.
    minutes
        Agent minutes that the change needs in `interval`.
    limit, limit_to
        Which limit has to give way, and its new value: ``max_stretch_minutes``, ``limits.heavy_minutes``,
        ``limits.contacts.`` and a channel, ``overtime``, ``proactive_share_min`` or ``proactive_share_max``.
    gain
        Points of the first tier that the plan gains. None where it is unknown.
    gain_is
        Whether the plan gains at least that for certain, or about that. None without a gain.
    also
        Further changes that are needed together with this one.
    """

    code: FixCode
    agent: str | None = None
    skill: str | None = None
    level: int | None = None
    interval: int | None = None
    minutes: float | None = None
    gain: float | None = None
    gain_is: Certainty | None = None
    limit: str | None = None
    limit_to: float | None = None
    also: tuple["Fix", ...] = ()
    authority: str | None = None


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
class Unassigned:
    """An engagement that the plan does not serve."""

    engagement: str
    cause: Cause
    fix: Fix


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
        plan: Plan | None = _read(cls, value, findings)
        findings.raise_if_any()
        if plan is None:
            raise ProblemError("$", "could not be read")
        return plan

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON data that `from_json` reads back to an equal plan."""
        written: dict[str, Any] = _written(self)
        return written

    def with_changes(self, **changes: Any) -> "Plan":
        """Return a copy with some fields changed."""
        return replace(self, **changes)


def _written(value: Any) -> Any:
    """Return a value as JSON data; ``class_`` is written ``class`` and an optional None is left out."""
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _written(element) for key, element in value.items()}
    if isinstance(value, tuple):
        return [_written(element) for element in value]
    if hasattr(value, "__dataclass_fields__"):
        pairs = ((each.name.rstrip("_"), getattr(value, each.name), each) for each in fields(value))
        always = {"objective", "bound", "gap", "stopped_by"}
        return {name: _written(found) for name, found, _ in pairs if found is not None or name in always}
    return value


def _enum(kind: type[StrEnum]) -> Any:
    def convert(value: Any, where: Findings) -> StrEnum | None:
        try:
            return kind(value)
        except ValueError:
            where.add(f"must be one of {', '.join(kind)}, not {value!r}")
            return None

    return convert


def _record(kind: type) -> Any:
    return lambda value, where: _read(kind, value, where)


def _any_text(value: Any, where: Findings) -> str:
    return value if value == "" else text(value, where)


_terms = map_of(finite)
_names = list_of(text)
_price_row = list_of(finite)

_CONVERTERS: dict[type, dict[str, Any]] = {
    Cause: {
        "code": _enum(CauseCode),
        "skill": optional(text),
        "level": optional(integer),
        "agents": _names,
        "engagements": _names,
        "classes": _names,
        "authority": optional(text),
    },
    Fix: {
        "code": _enum(FixCode),
        "agent": optional(text),
        "skill": optional(text),
        "level": optional(integer),
        "interval": optional(integer),
        "minutes": optional(finite),
        "gain": optional(finite),
        "gain_is": optional(_enum(Certainty)),
        "limit": optional(text),
        "limit_to": optional(finite),
        "also": list_of(_record(Fix)),
        "authority": optional(text),
    },
    Assignment: {
        "engagement": text,
        "agent": text,
        "start": integer,
        "minutes": finite,
        "value": finite,
        "terms": _terms,
        "relaxed": _names,
        "stretch": optional(text),
        "shadow": optional(text),
    },
    Unassigned: {"engagement": text, "cause": _record(Cause), "fix": _record(Fix)},
    Reservation: {"class": text, "agent": text, "interval": integer, "minutes": finite},
    PolicyPrice: {"rule": text, "path": text, "price": finite, "unit": text, "interval": optional(integer)},
    Prices: {
        "agent": map_of(_price_row),
        "skill": map_of(map_of(_price_row)),
        "policy": list_of(_record(PolicyPrice)),
    },
    TierResult: {"tier": text, "objective": finite, "bound": finite, "gap": finite, "kept": finite},
    Growth: {"agent": text, "due": finite, "planned": finite, "debt": finite},
    Conflict: {"kind": text, "path": text, "message": text},
    Plan: {
        "status": _enum(Status),
        "objective": optional(finite),
        "bound": optional(finite),
        "gap": optional(finite),
        "seconds": finite,
        "peak_mb": finite,
        "terms": _terms,
        "assignments": list_of(_record(Assignment)),
        "unassigned": list_of(_record(Unassigned)),
        "reserved": list_of(_record(Reservation)),
        "prices": _record(Prices),
        "tiers": list_of(_record(TierResult)),
        "growth": list_of(_record(Growth)),
        "solver": _any_text,
        "route": _any_text,
        "seed": integer,
        "stopped_by": optional(_enum(StoppedBy)),
        "problem": _any_text,
        "conflicts": list_of(_record(Conflict)),
        "message": _any_text,
        "version": integer,
    },
}


def _read(kind: Any, value: object, where: Findings) -> Any:
    """Read one record of a plan; a field is required if its class gives no default."""
    reader = Reader(value, where)
    without_default = {name for name in kind.__slots__ if name not in _defaults(kind)}
    taken = {}
    for name, convert in _CONVERTERS[kind].items():
        attribute = "class_" if name == "class" else name
        if name in reader.fields or attribute in without_default:
            taken[attribute] = reader.take(name, convert)
    return kind(**taken) if reader.finish() else None


def _defaults(kind: Any) -> set[str]:
    return {each.name for each in fields(kind) if each.default is not MISSING or each.default_factory is not MISSING}
