"""Write what the solver found as a plan: assignments, reserves, terms, reasons and prices."""

from collections.abc import Sequence

import numpy as np

from optimizer.assignment.columns import STEP_BIT
from optimizer.assignment.continuous import BREAKPOINTS, HEAVY, OCCUPANCY, STRETCH
from optimizer.assignment.ledger import Ledger
from optimizer.assignment.model import Model, tier_objectives
from optimizer.assignment.relaxation import minute_prices
from optimizer.assignment.rows.changes import keeps_previous
from optimizer.assignment.search import Incumbent
from optimizer.assignment.tiers import Outcome
from optimizer.causes import explain_unassigned, unexplained
from optimizer.circumstances import Circumstances
from optimizer.control import Control, relative_gap
from optimizer.fit import Fit
from optimizer.plan import (
    Assignment,
    Growth,
    Plan,
    Reservation,
    Status,
    StoppedBy,
    TierResult,
    Unassigned,
)
from optimizer.policy import PAIR_TERMS, TERMS, TIERS
from optimizer.prices import read_prices
from optimizer.roster import Floats
from optimizer.totals import list_growth

_LEAST_MINUTES = 1e-6


def write_plan(fit: Fit, outcome: Outcome, incumbent: Incumbent, control: Control | None = None) -> Plan:
    """Return the plan of an incumbent.

    Parameters
    ----------
    control
        When to stop looking for causes; without it neither causes nor prices are written, which take a moment.
    """
    model = outcome.model
    reserved = _reserved(model, incumbent)
    assignments = _assignments(fit, model, incumbent)
    growth = list_growth(model.problem, assignments)
    terms = total_terms(model, incumbent, growth)
    tiers = tuple(
        TierResult(
            tier=each.objective.tier,
            objective=each.best,
            bound=each.bound,
            gap=each.gap,
            kept=_tier_value(terms, each.objective.tier),
        )
        for each in outcome.tiers
    )
    objective = _tier_value(terms, "customers")
    customers = next((each for each in outcome.tiers if each.objective.tier == "customers"), None)
    bound = None if customers is None else max(customers.bound, objective)
    plan = Plan(
        status=_status(model, outcome),
        objective=objective,
        bound=bound,
        gap=None if bound is None else relative_gap(objective, bound),
        terms=terms,
        assignments=assignments,
        reserved=reserved,
        tiers=tiers,
        growth=growth,
        stopped_by=outcome.stopped_by,
    )
    if control is None:
        return plan.with_changes(unassigned=_unexplained(model, incumbent))
    return plan.with_changes(
        unassigned=_unassigned(fit, outcome, incumbent, control), prices=read_prices(fit, model, outcome.relaxation)
    )


def total_terms(model: Model, incumbent: Incumbent, growth: Sequence[Growth]) -> dict[str, float]:
    """Return the weighted points of the whole plan by term."""
    problem, policy, continuous = model.problem, model.problem.policy, model.continuous
    chosen, minutes = incumbent.chosen, incumbent.continuous[continuous.reserves]
    terms = {term: float(model.columns.terms[term][chosen].sum()) for term in model.columns.terms}
    first, _, economy = tier_objectives(model)
    terms["service"] += float(first.on_continuous[continuous.reserves] @ minutes)
    terms["cost"] += float(economy.on_continuous[continuous.reserves] @ minutes)
    own = {engagement.id: engagement.minutes for engagement in problem.engagements}
    published = sum(own[placement.engagement] for placement in problem.previous)
    kept = keeps_previous(problem, model.columns)[chosen]
    still = sum(problem.engagements[index].minutes for index in model.columns.work[chosen][kept].tolist())
    terms["stability"] = policy.weight("stability") * (still - published)
    terms["balance"] = -policy.weight("balance") * _excess_minutes(model, incumbent)
    if growth:
        terms["debt"] = -sum(each.debt for each in growth)
    return {term: terms[term] + 0.0 for term in TERMS if term in terms}


def _excess_minutes(model: Model, incumbent: Incumbent) -> float:
    """Return the minutes above the breakpoints of the balance term, over agents, measures and breakpoints."""
    problem, columns, chosen = model.problem, model.columns, incumbent.chosen
    count = len(problem.agents)
    capacity = np.array([sum(agent.capacity) for agent in problem.agents])
    heavy = np.array([each.heavy for each in problem.engagements], dtype=bool)[columns.work[chosen]]
    heavy &= ~columns.shadows[chosen]
    load = np.asarray(columns.load[chosen].sum(axis=1)).ravel() * ~columns.overtime[chosen]
    agent, minutes = columns.agent[chosen], columns.minutes[chosen]
    kept_by = model.continuous.reserve_cell // problem.intervals
    kept = np.bincount(kept_by, incumbent.continuous[model.continuous.reserves], minlength=count)
    measures = {
        OCCUPANCY: np.bincount(agent, load, minlength=count) + kept,
        STRETCH: np.bincount(agent, columns.growth[chosen], minlength=count),
        HEAVY: np.bincount(agent, minutes * heavy, minlength=count),
    }
    return float(
        sum(
            np.maximum(0.0, measures[kind] - share * capacity)[capacity > 0].sum()
            for kind, breakpoints in BREAKPOINTS.items()
            for share in breakpoints
        )
    )


def _tier_value(terms: dict[str, float], tier: str) -> float:
    return sum(terms[term] for term in TIERS[tier])


def _status(model: Model, outcome: Outcome) -> Status:
    if outcome.stopped_by is StoppedBy.CANCEL:
        return Status.CANCELLED
    # The floor that keeps a tier has a margin, by which the bound of every later tier is too high.
    targets = [max(model.problem.policy.gap, 1e-6 if later else 1e-9) for later in range(len(outcome.tiers))]
    proven = bool(targets) and all(each.gap <= target for each, target in zip(outcome.tiers, targets, strict=True))
    return Status.OPTIMAL if proven else Status.FEASIBLE


def _assignments(fit: Fit, model: Model, incumbent: Incumbent) -> tuple[Assignment, ...]:
    problem, columns = model.problem, model.columns
    skills = {position: name for name, position in fit.roster.skills.items()}
    stability = problem.policy.weight("stability")
    published = {placement.engagement: placement for placement in problem.previous}
    kept = keeps_previous(problem, columns)
    learners = incumbent.chosen[columns.shadows[incumbent.chosen]]
    beside = dict(zip(columns.pair[learners].tolist(), learners.tolist(), strict=True))
    rows = []
    for column in np.sort(incumbent.chosen[~columns.shadows[incumbent.chosen]]).tolist():
        engagement = problem.engagements[columns.engagement[column]]
        shadow = beside.get(int(columns.engagement[column]))
        terms = {
            term: float(columns.terms[term][[each for each in (column, shadow) if each is not None]].sum())
            for term in (*PAIR_TERMS, "given", "relaxation")
        }
        if engagement.id in published and not kept[column]:
            terms["stability"] = -stability * engagement.minutes
        rows.append(
            Assignment(
                engagement=engagement.id,
                agent=fit.roster.ids[columns.agent[column]],
                start=int(columns.start[column]),
                minutes=float(columns.minutes[column]),
                value=float(sum(terms.values())),
                terms={term: points for term, points in terms.items() if points != 0},
                relaxed=tuple(step for step, bit in STEP_BIT.items() if columns.relaxed[column] & bit),
                stretch=skills.get(int(columns.stretch[column])),
                shadow=None if shadow is None else fit.roster.ids[columns.agent[shadow]],
            )
        )
    return tuple(rows)


def _reserved(model: Model, incumbent: Incumbent) -> tuple[Reservation, ...]:
    problem, continuous = model.problem, model.continuous
    minutes = incumbent.continuous[continuous.reserves]
    return tuple(
        Reservation(
            class_=problem.forecast[continuous.reserve_class[position]].class_,
            agent=problem.agents[continuous.reserve_cell[position] // problem.intervals].id,
            interval=int(continuous.reserve_cell[position] % problem.intervals),
            minutes=float(minutes[position]),
        )
        for position in np.flatnonzero(minutes > _LEAST_MINUTES).tolist()
    )


def _left_out(model: Model, incumbent: Incumbent) -> list[int]:
    """Return the indices of the engagements that the incumbent does not serve."""
    served = np.zeros(len(model.must), dtype=bool)
    served[model.columns.engagement[incumbent.chosen]] = True
    return [int(index) for index in np.flatnonzero(~served[: len(model.problem.engagements)])]


def _unassigned(fit: Fit, outcome: Outcome, incumbent: Incumbent, control: Control) -> tuple[Unassigned, ...]:
    left = _left_out(outcome.model, incumbent)
    if not left:
        return ()
    return explain_unassigned(_circumstances(fit, outcome, incumbent), left, control)


def _unexplained(model: Model, incumbent: Incumbent) -> tuple[Unassigned, ...]:
    """List what is left out without a reason: a plan that is told on the way must be whole if it is the last one."""
    return tuple(unexplained(model.problem.engagements[index].id) for index in _left_out(model, incumbent))


def _circumstances(fit: Fit, outcome: Outcome, incumbent: Incumbent) -> Circumstances:
    model, continuous, horizon = outcome.model, outcome.model.continuous, outcome.model.problem.intervals
    ledger = Ledger(model)
    for column in incumbent.chosen.tolist():
        ledger.add(column)
    reserved = np.zeros((*fit.roster.capacity.shape, len(model.problem.forecast)))
    minutes = incumbent.continuous[continuous.reserves]
    for position in np.flatnonzero(minutes > _LEAST_MINUTES).tolist():
        agent, interval = divmod(int(continuous.reserve_cell[position]), horizon)
        reserved[agent, interval, continuous.reserve_class[position]] += minutes[position]
        ledger.reserve(agent, interval, float(minutes[position]))
    prices: Floats = np.zeros(fit.roster.capacity.shape)
    if outcome.relaxation is not None:
        prices = minute_prices(model, outcome.relaxation.duals)
    return Circumstances(fit, model, tier_objectives(model)[0], ledger, prices, reserved)
