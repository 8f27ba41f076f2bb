"""Read plan and prices out of a solved workforce model."""

from __future__ import annotations

from typing import Any

from optimizer.roster import Floats
from optimizer.staffing.workforce.answer import (
    Classes,
    Entered,
    HeadCount,
    Learners,
    Mentoring,
    Outsourced,
    PriceSource,
    Served,
    Unmet,
    WorkforcePrices,
)
from optimizer.staffing.workforce.model import WorkforceModel
from optimizer.staffing.workforce.money import costs
from optimizer.staffing.workforce.variables import mentoring

_NOTHING = 1e-7
"""FTE below which nothing is reported: the accuracy of the LP."""


def read_plan(model: WorkforceModel, values: Floats) -> dict[str, Any]:
    """Return the fields of a plan that say what is done, from the values of all variables in the solver's order."""
    decided = model.variables
    value = {variable: float(values[variable.index]) for variable in model.program.variables()}  # type: ignore[attr-defined]

    def listed(kind: Any, variables: dict[Any, Any], *, whole: bool = False) -> tuple[Any, ...]:
        found = ((key, value[variable]) for key, variable in variables.items())
        rows = (kind(*key, round(amount) if whole else amount) for key, amount in found if amount > _NOTHING)
        return tuple(sorted(rows))

    return {
        "entered": listed(Entered, decided.entered, whole=True),
        "learners": listed(Learners, decided.learners, whole=True),
        "classes": listed(Classes, decided.classes, whole=True),
        "head_counts": listed(HeadCount, decided.people),
        "served": listed(Served, decided.served),
        "mentoring": tuple(
            Mentoring(*place, fte)
            for place, terms in sorted(mentoring(decided).items())
            if (fte := sum(value[variable] * need for variable, need in terms)) > _NOTHING
        ),
        "outsourced": listed(Outsourced, decided.outsourced),
        "unmet": listed(Unmet, decided.unmet),
        "costs": costs(decided, value),
    }


def read_prices(model: WorkforceModel, source: PriceSource, duals: Floats) -> WorkforcePrices:
    """Return shadow prices from the duals of a linear program: money saved by one unit more, of demand money lost.

    The program maximises minus the money, so that a row with an upper limit has its price as dual, and a row of demand
    minus its price.
    """
    problem = model.variables.problem

    def price(family: str, *key: str | int) -> float:
        row = model.rows.get(family, {}).get(key)
        return 0.0 if row is None else max(0.0, float(-duals[row] if family == "demand" else duals[row]))

    def by_quarter(family: str, *key: str | int) -> tuple[float, ...]:
        return tuple(price(family, *key, quarter) for quarter in range(problem.quarters))

    relaxed = source is PriceSource.RELAXED
    places = {(str(site), str(skill)) for site, skill, _ in model.rows.get("mentors", {})}
    return WorkforcePrices(
        source=source,
        demand={(each.site, each.skill): by_quarter("demand", each.site, each.skill) for each in problem.demands},
        budget=None if problem.budget is None else price("budget"),
        budget_by_quarter=() if problem.budget_by_quarter is None else by_quarter("budget of quarter"),
        entries={each.id: by_quarter("entry", each.id) for each in problem.entries} if relaxed else {},
        seats={each.id: by_quarter("seat", each.id) for each in problem.courses if each.seats is not None}
        if relaxed
        else {},
        mentors={place: by_quarter("mentors", *place) for place in sorted(places)},
    )
