"""What each quarter of a workforce plan costs, as terms of the model and as figures of a plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pulp

from optimizer.staffing.workforce.answer import QuarterCosts
from optimizer.staffing.workforce.variables import Terms, Variables

Amounts = list[tuple[pulp.LpVariable, float]]


def spending(variables: Variables, quarter: int) -> tuple[Amounts, float]:
    """Return what a quarter costs beyond the pay of the present staff, as terms and a constant."""
    paid, present = _pay(variables, quarter)
    return [
        *_entering(variables, quarter),
        *_training(variables, quarter),
        *_buying(variables, quarter),
        *paid,
    ], -present


def penalties(variables: Variables, quarter: int) -> Amounts:
    """Return the penalty of what stays unmet in a quarter."""
    return [
        (variables.unmet[each.site, each.skill, quarter], each.penalty) for each in variables.problem.demands
    ]  # fmt: skip


def costs(variables: Variables, value: Mapping[pulp.LpVariable, float]) -> tuple[QuarterCosts, ...]:
    """Return the costs of each quarter where variables have these values."""

    def total(terms: Terms) -> float:
        return sum((value[variable] * price for variable, price in terms), 0.0)

    return tuple(
        QuarterCosts(
            entries=total(_entering(variables, quarter)),
            training=total(_training(variables, quarter)),
            outsourcing=total(_buying(variables, quarter)),
            pay=total(_pay(variables, quarter)[0]) - _pay(variables, quarter)[1],
            penalty=total(penalties(variables, quarter)),
        )
        for quarter in range(variables.problem.quarters)
    )


def _entering(variables: Variables, quarter: int) -> Iterator[tuple[pulp.LpVariable, float]]:
    return ((variables.entered[each.id, quarter], each.cost) for each in variables.problem.entries)


def _training(variables: Variables, quarter: int) -> Iterator[tuple[pulp.LpVariable, float]]:
    courses = {each.id: each for each in variables.problem.courses}
    for (_, course, began), classes in variables.classes.items():
        if began == quarter:
            yield classes, courses[course].class_cost
    for (_, course, _, began), learners in variables.learners.items():
        if began == quarter:
            yield learners, courses[course].cost


def _buying(variables: Variables, quarter: int) -> Iterator[tuple[pulp.LpVariable, float]]:
    return (
        (variables.outsourced[each.site, each.skill, quarter], each.cost) for each in variables.problem.outsourcing
    )  # fmt: skip


def _pay(variables: Variables, quarter: int) -> tuple[Amounts, float]:
    """Return the pay of everybody, and that of those who were there at the beginning, if none of them learnt."""
    problem = variables.problem
    profiles = {each.id: each for each in problem.profiles}
    paid: Amounts = []
    for (site, name, at), people in variables.people.items():
        if at == quarter:
            # Who begins a course is among these people still; who began one earlier is paid below.
            paid.append((people, profiles[name].pay))
            for step in variables.steps:
                if step.profile.id == name:
                    began = variables.learners.get((site, step.course.id, name, quarter))
                    away = [pair for pair in variables.pupils(step, site, quarter) if pair[0] is not began]
                    paid += [(learners, step.profile.pay * stayed) for learners, stayed in away]
    for entry in problem.entries:
        paid += [(people, entry.pay * stayed) for _, people, stayed in variables.newcomers(entry, quarter)]
    present = 0.0
    for each in problem.present:
        profile = profiles[each.profile]
        present += profile.pay * each.people * (1.0 - profile.attrition) ** quarter
    return paid, present
