"""
The independent checker of workforce plans: every rule stated a second time, on purpose.

It follows people quarter by quarter from the decisions alone and shares no code with the model, so that a mistake there
is not repeated here; whoever mends a rule mends it twice. Cost: O(decisions × quarters + sites × profiles × quarters).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from optimizer.plan import Status
from optimizer.staffing.workforce.answer import Classes, WorkforcePlan
from optimizer.staffing.workforce.items import Course, Profile
from optimizer.staffing.workforce.ledger import Ledger
from optimizer.staffing.workforce.problem import WorkforceProblem

__all__ = ["WorkforceViolation", "verify_workforce"]

_FTE = 1e-5
"""FTE by which a sum may differ: the solver's accuracy over a few dozen terms."""
_MONEY = 1e-6
"""Share of the money by which sums may differ."""


@dataclass(frozen=True, slots=True)
class WorkforceViolation:
    """One rule that a workforce plan breaks: its short name, and what is wrong with figures."""

    rule: str
    message: str


def verify_workforce(problem: WorkforceProblem, plan: WorkforcePlan) -> tuple[WorkforceViolation, ...]:
    """Return every rule that a plan breaks; none for a valid plan."""
    if not plan.has_plan:
        return tuple(_check_empty(plan))
    found = tuple(_check_references(problem, plan))
    # What refers to something unknown cannot be followed any further.
    if found:
        return found
    ledger = Ledger(problem, plan)
    return (
        *_check_entries(problem, plan),
        *_check_courses(problem, plan),
        *_check_people(problem, plan, ledger),
        *_check_mentoring(problem, plan, ledger),
        *_check_demand(problem, plan),
        *_check_money(problem, plan, ledger),
        *_check_certificate(plan),
    )


def _check_empty(plan: WorkforcePlan) -> Iterator[WorkforceViolation]:
    if plan.entered or plan.learners or plan.served:
        yield WorkforceViolation("status", "There is no objective, yet somebody comes, learns or works.")
    if plan.status in {Status.OPTIMAL, Status.FEASIBLE}:
        yield WorkforceViolation("status", f"Status {plan.status} without an objective.")


def _check_references(problem: WorkforceProblem, plan: WorkforcePlan) -> Iterator[WorkforceViolation]:
    known: dict[str, set[Any]] = {
        "entry": {each.id for each in problem.entries},
        "course": {each.id for each in problem.courses},
        "profile": {each.id for each in problem.profiles},
        "site": set(problem.sites),
        "quarter": set(range(problem.quarters)),
    }
    amounts = {"people", "classes", "fte"}
    for name in ("entered", "learners", "classes", "head_counts", "served", "mentoring", "outsourced", "unmet"):
        for row in getattr(plan, name):
            for field in row.__slots__:
                value = getattr(row, field)
                if field in known and value not in known[field]:
                    yield WorkforceViolation("reference", f"{name}: {value!r} is no {field} of the problem.")
                if field in amounts and not value >= 0:
                    yield WorkforceViolation("amount", f"{name}: {value} is negative or no number.")
    if len(plan.costs) != problem.quarters:
        yield WorkforceViolation("reference", f"Costs of {len(plan.costs)} quarters, not {problem.quarters}.")


def _check_entries(problem: WorkforceProblem, plan: WorkforcePlan) -> Iterator[WorkforceViolation]:
    come: Counter[tuple[str, int]] = Counter()
    for row in plan.entered:
        come[row.entry, row.quarter] += row.people
        if row.people != int(row.people):
            yield WorkforceViolation("whole", f"{row.people} people come by {row.entry}.")
    for entry in problem.entries:
        for quarter in range(problem.quarters):
            if come[entry.id, quarter] > entry.most:
                yield WorkforceViolation(
                    "entry",
                    f"{come[entry.id, quarter]} come by {entry.id} in quarter {quarter}, of at most {entry.most}.",
                )


def _check_courses(problem: WorkforceProblem, plan: WorkforcePlan) -> Iterator[WorkforceViolation]:
    courses = {each.id: each for each in problem.courses}
    profiles = {each.id: each for each in problem.profiles}
    at_site: Counter[tuple[str, str, int]] = Counter()
    everywhere: Counter[tuple[str, int]] = Counter()
    for row in plan.learners:
        at_site[row.site, row.course, row.quarter] += row.people
        everywhere[row.course, row.quarter] += row.people
        if row.people != int(row.people):
            yield WorkforceViolation("whole", f"{row.people} people learn in {row.course}.")
        if not _is_open(courses[row.course], profiles[row.profile], problem):
            yield WorkforceViolation("course", f"{row.course} is not open to {row.profile}.")
    held = _count_classes(plan.classes)
    for (site, name, quarter), people in at_site.items():
        most = held[site, name, quarter] * courses[name].class_size
        if people > most:
            yield WorkforceViolation("class", f"{people} in classes of {name} at {site} in {quarter} that hold {most}.")
    for (name, quarter), people in everywhere.items():
        seats = courses[name].seats
        if seats is not None and people > seats:
            yield WorkforceViolation("seat", f"{people} begin {name} in quarter {quarter} on {seats} seats.")
    if any(row.classes != int(row.classes) for row in plan.classes):
        yield WorkforceViolation("whole", "A part of a class is held.")


def _count_classes(classes: tuple[Classes, ...]) -> Counter[tuple[str, str, int]]:
    held: Counter[tuple[str, str, int]] = Counter()
    for row in classes:
        held[row.site, row.course, row.quarter] += row.classes
    return held


def _is_open(course: Course, profile: Profile, problem: WorkforceProblem) -> bool:
    after = profile.skills | {course.adds}
    fits = course.requires <= profile.skills and course.adds not in profile.skills
    return fits and any(each.skills == after for each in problem.profiles)


def _check_people(problem: WorkforceProblem, plan: WorkforcePlan, ledger: Ledger) -> Iterator[WorkforceViolation]:
    told = {(row.site, row.profile, row.quarter): row.people for row in plan.head_counts}
    used: defaultdict[tuple[str, str, int], float] = defaultdict(float)
    skills = {each.id: each.skills for each in problem.profiles}
    for row in plan.served:
        used[row.site, row.profile, row.quarter] += row.fte
        if row.skill not in skills[row.profile]:
            yield WorkforceViolation("skill", f"{row.profile} serves {row.skill} without having it.")
    for place in ledger.places():
        people, begin = ledger.people[place], ledger.beginning[place]
        if abs(told.get(place, 0.0) - people) > _FTE:
            yield WorkforceViolation(
                "head count", f"{told.get(place, 0.0)} people are told of at {place}, not {people}."
            )
        if begin > people + _FTE:
            yield WorkforceViolation("start", f"{begin} of {people} people begin a course at {place}.")
        if used[place] > ledger.working[place] + _FTE:
            yield WorkforceViolation("supply", f"{used[place]} FTE work of {ledger.working[place]} at {place}.")


def _check_mentoring(problem: WorkforceProblem, plan: WorkforcePlan, ledger: Ledger) -> Iterator[WorkforceViolation]:
    told = {(row.site, row.skill, row.quarter): row.fte for row in plan.mentoring}
    own: defaultdict[tuple[str, str, int], float] = defaultdict(float)
    for row in plan.served:
        own[row.site, row.skill, row.quarter] += row.fte
    for place in {*told, *ledger.mentoring}:
        site, skill, quarter = place
        needed = ledger.mentoring[place]
        able = sum(ledger.at_work(site, each.id, quarter) for each in problem.profiles if skill in each.skills)
        if abs(told.get(place, 0.0) - needed) > _FTE:
            yield WorkforceViolation("mentoring", f"{told.get(place, 0.0)} FTE of mentoring at {place}, not {needed}.")
        if needed > problem.mentor_share * able + _FTE:
            yield WorkforceViolation("mentors", f"{needed} FTE of mentoring by {able} people at {place}.")
        if needed > own[place] + _FTE:
            yield WorkforceViolation("own people", f"{needed} FTE of mentoring of {own[place]} served at {place}.")


def _check_demand(problem: WorkforceProblem, plan: WorkforcePlan) -> Iterator[WorkforceViolation]:
    done: defaultdict[tuple[str, str, int], float] = defaultdict(float)
    bought: defaultdict[tuple[str, str, int], float] = defaultdict(float)
    for served in plan.served:
        done[served.site, served.skill, served.quarter] += served.fte
    for mentored in plan.mentoring:
        done[mentored.site, mentored.skill, mentored.quarter] -= mentored.fte
    for other in plan.outsourced:
        bought[other.site, other.skill, other.quarter] += other.fte
    for unmet in plan.unmet:
        done[unmet.site, unmet.skill, unmet.quarter] += unmet.fte
    offers = {(each.site, each.skill): each.most for each in problem.outsourcing}
    for place, fte in bought.items():
        if fte > offers.get(place[:2], 0.0) + _FTE:
            yield WorkforceViolation("outsourcing", f"{fte} FTE are bought at {place}.")
    for demand in problem.demands:
        for quarter, fte in enumerate(demand.fte):
            place = (demand.site, demand.skill, quarter)
            if done[place] + bought[place] < fte - _FTE:
                yield WorkforceViolation("demand", f"{done[place] + bought[place]} of {fte} FTE at {place}.")


def _check_money(problem: WorkforceProblem, plan: WorkforcePlan, ledger: Ledger) -> Iterator[WorkforceViolation]:
    size = max(1.0, abs(plan.objective or 0.0), sum(ledger.payroll(quarter) for quarter in range(problem.quarters)))
    room = _MONEY * size
    for quarter, told in enumerate(plan.costs):
        for name, money in ledger.costs(quarter).items():
            if abs(getattr(told, name) - money) > room:
                yield WorkforceViolation("costs", f"{name} of quarter {quarter}: {getattr(told, name)}, not {money}.")
        if problem.budget_by_quarter is not None and told.spent > problem.budget_by_quarter[quarter] + room:
            yield WorkforceViolation("budget of quarter", f"{told.spent} is spent in quarter {quarter}.")
    spent = sum(each.spent for each in plan.costs)
    if problem.budget is not None and spent > problem.budget + room:
        yield WorkforceViolation("budget", f"{spent} of {problem.budget} is spent.")
    total = sum(each.total for each in plan.costs)
    if abs(total - (plan.objective or 0.0)) > room:
        yield WorkforceViolation("objective", f"The objective is {plan.objective}; costs and penalties are {total}.")


def _check_certificate(plan: WorkforcePlan) -> Iterator[WorkforceViolation]:
    objective, bound = plan.objective or 0.0, plan.bound
    if bound is None or plan.gap is None or bound > objective:
        yield WorkforceViolation("bound", f"A bound of {bound} for a plan of {objective}.")
    elif abs((objective - bound) / max(abs(objective), 1e-9) - plan.gap) > _MONEY:
        yield WorkforceViolation("gap", f"A gap of {plan.gap} between {objective} and {bound}.")
