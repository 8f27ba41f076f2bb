r"""
The rows of the workforce model, one family per function.

For site :math:`s`, profile :math:`p`, skill :math:`k`, entry :math:`i`, course :math:`j` and quarter :math:`t`, with
:math:`\sigma_p` = 1 − attrition, :math:`R_i` quarters of ramp and :math:`D_j` quarters of a course:

.. math::
    h_{spt} &= \sigma_p \bigl(h_{sp,t-1} - \textstyle\sum_j l_{sjp,t-1}\bigr)
        + \sum_{i \to sp} \sigma_p^{R_i} e_{i,t-R_i} + \sum_{(j, q) \to p} \sigma_q^{D_j} l_{sjq,t-D_j} \\
    \textstyle\sum_j l_{sjpt} &\le h_{spt}, \quad \sum_p l_{sjpt} \le b_j c_{sjt}, \quad
        \sum_{sp} l_{sjpt} \le \bar l_j, \quad e_{it} \le \bar e_i \\
    \textstyle\sum_k y_{spkt} &\le h_{spt} - \sum_j l_{sjpt}
        + \sum_{i, a < R_i} r_{ia} \sigma_p^a e_{i,t-a} + \sum_{j, a < D_j} w_j \sigma_p^a l_{sjp,t-a} \\
    m_{skt} &\le \varphi \sum_{p \ni k} \bigl(h_{spt} - \textstyle\sum_j l_{sjpt}\bigr), \quad
        \sum_p y_{spkt} \ge m_{skt} \\
    \textstyle\sum_p y_{spkt} - m_{skt} + o_{skt} + u_{skt} &\ge d_{skt}, \quad \text{spent}_t \le B_t, \quad
        \textstyle\sum_t \text{spent}_t \le B

===============  ==================================  ==========================================================
Symbol           Code                                Unit
===============  ==================================  ==========================================================
:math:`e, l, c`  ``Variables.entered`` and others    whole people who enter or begin a course, whole classes
:math:`h`        ``Variables.people``                expected people, neither new nor learning since earlier
:math:`y`        ``Variables.served``                FTE of work and mentoring in a skill
:math:`m`        ``mentoring``                       FTE that mentees in a skill need: their minutes ÷ minutes_per_fte
:math:`o, u`     ``Variables.outsourced, unmet``     FTE
:math:`r, w`     ``Entry.ramp, working_share``       share of full productivity
:math:`b`        ``Course.class_size``               learners
:math:`\varphi`  ``mentor_share``                    share of time
===============  ==================================  ==========================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import pulp

from optimizer.staffing.workforce.items import Profile
from optimizer.staffing.workforce.money import spending
from optimizer.staffing.workforce.variables import Terms, Variables, mentoring

Sense = Literal["=", "<=", ">="]


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its family and what it is about, its terms, and its limit."""

    family: str
    key: tuple[str | int, ...]
    terms: dict[pulp.LpVariable, float]
    sense: Sense
    limit: float


def head_count_rows(variables: Variables) -> Iterator[Row]:
    """Head count: who was there and stayed, less those who went on a course, and those who join."""
    present = {(each.site, each.profile): each.people for each in variables.problem.present}
    for site, profile, quarter in _places(variables):
        terms = [(variables.people[site, profile.id, quarter], 1.0)]
        terms += [(joiner, -share) for joiner, share in variables.joiners(site, profile, quarter)]
        if quarter:
            stays = 1.0 - profile.attrition
            terms += [(variable, -stays * share) for variable, share in _at_work(variables, site, profile, quarter - 1)]
        limit = 0.0 if quarter else present.get((site, profile.id), 0.0)
        yield Row("head count", (site, profile.id, quarter), _sum(terms), "=", limit)


def start_rows(variables: Variables) -> Iterator[Row]:
    """Start: only those begin a course who are there."""
    for site, profile, quarter in _places(variables):
        starters = [(each, 1.0) for each in variables.starters(site, profile, quarter)]
        if starters:
            terms = [*starters, (variables.people[site, profile.id, quarter], -1.0)]
            yield Row("start", (site, profile.id, quarter), _sum(terms), "<=", 0.0)


def class_rows(variables: Variables) -> Iterator[Row]:
    """Classes: no class holds more learners than its size."""
    size = {each.id: float(each.class_size) for each in variables.problem.courses}
    for (site, course, quarter), classes in variables.classes.items():
        terms = [(each, 1.0) for each in _beginners(variables, course, quarter, site)]
        yield Row("class", (site, course, quarter), _sum([*terms, (classes, -size[course])]), "<=", 0.0)


def seat_rows(variables: Variables) -> Iterator[Row]:
    """Seats: no more begin a course in a quarter than it has seats over all sites."""
    for course in variables.problem.courses:
        for quarter in range(variables.problem.quarters):
            terms = [(each, 1.0) for each in _beginners(variables, course.id, quarter)]
            if course.seats is not None and terms:
                yield Row("seat", (course.id, quarter), _sum(terms), "<=", float(course.seats))


def entry_rows(variables: Variables) -> Iterator[Row]:
    """Entries: no more come in a quarter than can be found or were approved; a row, so that its dual is a price."""
    most = {each.id: float(each.most) for each in variables.problem.entries}
    for (entry, quarter), people in variables.entered.items():
        yield Row("entry", (entry, quarter), {people: 1.0}, "<=", most[entry])


def supply_rows(variables: Variables) -> Iterator[Row]:
    """Supply: work and mentoring take no more than the people of a profile can do."""
    served: dict[tuple[str, str, int], list[pulp.LpVariable]] = {}
    for (site, name, _, quarter), fte in variables.served.items():
        served.setdefault((site, name, quarter), []).append(fte)
    for site, profile, quarter in _places(variables):
        place = (site, profile.id, quarter)
        if place in served:
            offered = [
                *_at_work(variables, site, profile, quarter),
                *_partly_at_work(variables, site, profile, quarter),
            ]
            terms = [*((each, 1.0) for each in served[place]), *((each, -share) for each, share in offered)]
            yield Row("supply", place, _sum(terms), "<=", 0.0)


def mentor_rows(variables: Variables) -> Iterator[Row]:
    """Mentors: mentoring in a skill takes no more than a share of the time of those who know the work."""
    share = variables.problem.mentor_share
    for (site, skill, quarter), mentored in mentoring(variables).items():
        able = [each for each in variables.problem.profiles if skill in each.skills]
        at_work = [term for profile in able for term in _at_work(variables, site, profile, quarter)]
        terms = [*mentored, *((each, -share * part) for each, part in at_work)]
        yield Row("mentors", (site, skill, quarter), _sum(terms), "<=", 0.0)


def own_people_rows(variables: Variables) -> Iterator[Row]:
    """Mentoring is done by one's own people: nobody else's can, and it cannot be left undone."""
    able = _able(variables)
    for place, mentored in mentoring(variables).items():
        own = [(each, 1.0) for each in able.get(place, [])]
        yield Row("own people", place, _sum([*own, *((each, -fte) for each, fte in mentored)]), ">=", 0.0)


def demand_rows(variables: Variables) -> Iterator[Row]:
    """Demand: work is done by one's own people beside their mentoring, by others, or not at all."""
    able, mentored = _able(variables), mentoring(variables)
    for demand in variables.problem.demands:
        for quarter, fte in enumerate(demand.fte):
            place = (demand.site, demand.skill, quarter)
            done = [variables.unmet[place], *able.get(place, [])]
            done += [variables.outsourced[place]] if place in variables.outsourced else []
            terms = [*((each, 1.0) for each in done), *((each, -part) for each, part in mentored.get(place, []))]
            yield Row("demand", place, _sum(terms), ">=", fte)


def budget_rows(variables: Variables) -> Iterator[Row]:
    """Budget: what is spent beyond the pay of the present staff, in each quarter and in all."""
    problem = variables.problem
    spent = [spending(variables, quarter) for quarter in range(problem.quarters)]
    for quarter, most in enumerate(problem.budget_by_quarter or ()):
        terms, constant = spent[quarter]
        if terms:
            yield Row("budget of quarter", (quarter,), _sum(terms), "<=", most - constant)
    every = [term for terms, _ in spent for term in terms]
    if problem.budget is not None and every:
        constant = sum(constant for _, constant in spent)
        yield Row("budget", (), _sum(every), "<=", problem.budget - constant)


FAMILIES: tuple[Callable[[Variables], Iterator[Row]], ...] = (
    head_count_rows, start_rows, class_rows, seat_rows, entry_rows, supply_rows, mentor_rows, own_people_rows,
    demand_rows, budget_rows,
)  # fmt: skip


def _sum(terms: Terms) -> dict[pulp.LpVariable, float]:
    """Add up terms by variable: PuLP's own constructor from pairs would keep the last of them alone."""
    total: dict[pulp.LpVariable, float] = {}
    for variable, factor in terms:
        total[variable] = total.get(variable, 0.0) + factor
    return total


def _places(variables: Variables) -> Iterator[tuple[str, Profile, int]]:
    problem = variables.problem
    return (
        (site, profile, quarter)
        for site in problem.sites
        for profile in problem.profiles
        for quarter in range(problem.quarters)
    )


def _at_work(variables: Variables, site: str, profile: Profile, quarter: int) -> Terms:
    """Return who is there, knows the work and does not begin a course."""
    starters = ((each, -1.0) for each in variables.starters(site, profile, quarter))
    return [(variables.people[site, profile.id, quarter], 1.0), *starters]


def _partly_at_work(variables: Variables, site: str, profile: Profile, quarter: int) -> Terms:
    """Return who is new or on a course, by the share of their time that goes into work."""
    for entry in variables.problem.entries:
        if (entry.site, entry.profile) == (site, profile.id):
            for age, people, stayed in variables.newcomers(entry, quarter):
                yield people, entry.ramp[age] * stayed
    for step in variables.steps:
        if step.profile.id == profile.id:
            for people, stayed in variables.pupils(step, site, quarter):
                yield people, step.course.working_share * stayed


def _beginners(variables: Variables, course: str, quarter: int, site: str | None = None) -> list[pulp.LpVariable]:
    sites = variables.problem.sites if site is None else (site,)
    return [
        variables.learners[place, course, step.profile.id, quarter]
        for place in sites
        for step in variables.steps
        if step.course.id == course and (place, course, step.profile.id, quarter) in variables.learners
    ]


def _able(variables: Variables) -> dict[tuple[str, str, int], list[pulp.LpVariable]]:
    """Return what one's own people do, by site, skill and quarter."""
    found: dict[tuple[str, str, int], list[pulp.LpVariable]] = {}
    for (site, _, skill, quarter), fte in variables.served.items():
        found.setdefault((site, skill, quarter), []).append(fte)
    return found
