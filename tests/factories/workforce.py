"""Small workforce problems, and their optimum by trying everything, in code of its own."""

from __future__ import annotations

from itertools import product
from math import ceil
from typing import Any

import numpy as np
from scipy.optimize import linprog

from optimizer.staffing.workforce import Course, Demand, Entry, EntryKind, Outsourcing, Present, Profile
from optimizer.staffing.workforce import WorkforceProblem as Problem

MINUTES = 1_000.0


def a_workforce(**changes):
    """Return one site with two people who can do ``mail``, a demand for two of them, and nothing to decide."""
    fields: dict[str, Any] = {
        "quarters": 2,
        "sites": ("home",),
        "profiles": (Profile("mail", frozenset({"mail"}), pay=10.0),),
        "present": (Present("home", "mail", 2.0),),
        "demands": (Demand("home", "mail", (2.0, 2.0), penalty=100.0),),
        "minutes_per_fte": MINUTES,
    }
    return Problem(**(fields | changes))


def a_random_workforce(seed):
    """Return a tiny seeded problem: one site, two skills, two or three quarters, at most five whole decisions or so."""
    chance = np.random.default_rng(seed)
    quarters = int(chance.integers(2, 4))
    profiles = (
        Profile("a", frozenset({"x"}), pay=10.0, attrition=float(chance.choice([0.0, 0.1, 0.25]))),
        Profile("ab", frozenset({"x", "y"}), pay=float(chance.choice([10.0, 12.0])), attrition=0.1),
    )
    course = Course(
        "c", "y", int(chance.integers(1, 3)), cost=5.0, class_cost=float(chance.integers(0, 20)),
        class_size=int(chance.integers(1, 3)), seats=int(chance.integers(1, 3)),
        mentor_minutes=float(chance.choice([0.0, 100.0])), working_share=float(chance.choice([0.0, 0.5])),
    )  # fmt: skip
    entry = Entry(
        "h", EntryKind.HIRE, "s", str(chance.choice(["a", "ab"])), cost=float(chance.integers(0, 60)), pay=9.0, most=1,
        ramp=tuple(chance.uniform(0, 1, int(chance.integers(0, 3))).round(2).tolist()),
        mentor_minutes=float(chance.choice([0.0, 200.0])),
    )  # fmt: skip
    return Problem(
        quarters=quarters,
        sites=("s",),
        profiles=profiles,
        present=(Present("s", "a", float(chance.integers(1, 4))), Present("s", "ab", float(chance.integers(0, 2)))),
        demands=tuple(
            Demand("s", skill, tuple(chance.uniform(0, 3, quarters).round(1).tolist()), float(chance.integers(30, 90)))
            for skill in ("x", "y")
        ),
        courses=(course,),
        entries=(entry,),
        outsourcing=(Outsourcing("s", "y", 40.0, 0.5),),
        mentor_share=float(chance.choice([0.1, 0.5])),
        minutes_per_fte=MINUTES,
        budget=float(chance.integers(0, 200)) if chance.random() < 0.7 else None,
        budget_by_quarter=tuple([60.0] * quarters) if chance.random() < 0.3 else None,
    )


def cheapest_by_trying_everything(problem):
    """Return the least money of a problem of `a_random_workforce`: an LP for each choice of whole people."""
    (course,), (entry,) = problem.courses, problem.entries
    hires = product(range(entry.most + 1), repeat=problem.quarters)
    learners = list(product(range(course.seats + 1), repeat=problem.quarters))
    return min(_money(problem, come, begin) for come in hires for begin in learners)


def _money(problem, come, begin):  # noqa: C901  One loop over the quarters, as a person would count.
    """Return the least money with these hires and learners by quarter, infinite if it cannot be."""
    (course,), (entry,) = problem.courses, problem.entries
    by_name = {each.id: each for each in problem.profiles}
    keep = {name: 1 - each.attrition for name, each in by_name.items()}
    there = {"a": {0: 0.0}, "ab": {0: 0.0}}
    for each in problem.present:
        there[each.profile][0] += each.people
    best = 0.0
    spent_all = 0.0
    rooms = []
    for quarter in range(problem.quarters):
        if quarter - len(entry.ramp) >= 0:
            there[entry.profile][quarter] += come[quarter - len(entry.ramp)] * keep[entry.profile] ** len(entry.ramp)
        if quarter - course.quarters >= 0:
            there["ab"][quarter] += begin[quarter - course.quarters] * keep["a"] ** course.quarters
        free = {"a": there["a"][quarter] - begin[quarter], "ab": there["ab"][quarter]}
        if free["a"] < -1e-9:
            return np.inf
        for name, people in free.items():
            there[name][quarter + 1] = people * keep[name]
        able, mentored, pay = dict(free), {"x": 0.0, "y": 0.0}, 0.0
        pay += sum(by_name[name].pay * people for name, people in free.items())
        for age, share in enumerate(entry.ramp[: quarter + 1]):
            people = come[quarter - age] * keep[entry.profile] ** age
            able[entry.profile] += share * people
            pay += entry.pay * people
            for skill in by_name[entry.profile].skills:
                mentored[skill] += people * entry.mentor_minutes / len(by_name[entry.profile].skills) / MINUTES
        for age in range(min(course.quarters, quarter + 1)):
            people = begin[quarter - age] * keep["a"] ** age
            able["a"] += course.working_share * people
            pay += by_name["a"].pay * people
            mentored["y"] += people * course.mentor_minutes / MINUTES
        know = {"x": free["a"] + free["ab"], "y": free["ab"]}
        if any(mentored[skill] > problem.mentor_share * know[skill] + 1e-9 for skill in know):
            return np.inf
        idle = sum(each.people * by_name[each.profile].pay * keep[each.profile] ** quarter for each in problem.present)
        spent = entry.cost * come[quarter] + course.cost * begin[quarter] + pay - idle
        spent += course.class_cost * ceil(begin[quarter] / course.class_size)
        spent_all += spent
        rooms.append((able, mentored, spent))
        best += spent
    served = _least_penalty(problem, rooms, spent_all)
    return best + served


def _least_penalty(problem, rooms, spent):
    """Return the least of outsourcing and penalties; by quarter a→x, ab→x, ab→y, bought y, unmet x, unmet y."""
    offer = problem.outsourcing[0]
    demand = {each.skill: each for each in problem.demands}
    size, rows, limits, cost, bounds = 6 * len(rooms), [], [], [], []

    def row(first, factors, limit):
        rows.append(np.zeros(size))
        rows[-1][first : first + 6] = factors
        limits.append(limit)

    for quarter, (able, mentored, now) in enumerate(rooms):
        first = 6 * quarter
        cost += [0, 0, 0, offer.cost, demand["x"].penalty, demand["y"].penalty]
        bounds += [(0, None)] * 3 + [(0, offer.most), (0, None), (0, None)]
        row(first, [1, 0, 0, 0, 0, 0], able["a"])
        row(first, [0, 1, 1, 0, 0, 0], able["ab"])
        row(first, [-1, -1, 0, 0, 0, 0], -mentored["x"])
        row(first, [0, 0, -1, 0, 0, 0], -mentored["y"])
        row(first, [-1, -1, 0, 0, -1, 0], -mentored["x"] - demand["x"].fte[quarter])
        row(first, [0, 0, -1, -1, 0, -1], -mentored["y"] - demand["y"].fte[quarter])
        if problem.budget_by_quarter is not None:
            row(first, [0, 0, 0, offer.cost, 0, 0], problem.budget_by_quarter[quarter] - now)
    if problem.budget is not None:
        rows.append(np.tile([0, 0, 0, offer.cost, 0, 0], len(rooms)))
        limits.append(problem.budget - spent)
    result = linprog(cost, A_ub=np.array(rows), b_ub=np.array(limits), bounds=bounds)
    return result.fun if result.status == 0 else np.inf
