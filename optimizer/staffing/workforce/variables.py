"""What a workforce plan decides, as PuLP variables, and the cohorts that follow from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product

import pulp

from optimizer.staffing.workforce.items import Course, Entry, Profile
from optimizer.staffing.workforce.problem import WorkforceProblem

Terms = Iterable[tuple[pulp.LpVariable, float]]


@dataclass(frozen=True, slots=True)
class Step:
    """A course that people of one profile can take, and the profile that it leads to."""

    course: Course
    profile: Profile
    leads_to: Profile


def list_steps(problem: WorkforceProblem) -> list[Step]:
    """Return every step from a listed profile to a listed one. O(profiles × courses)."""
    by_skills = {each.skills: each for each in problem.profiles}
    steps = []
    for profile in problem.profiles:
        for course in problem.courses:
            leads_to = by_skills.get(profile.skills | {course.adds})
            if course.requires <= profile.skills and leads_to not in (None, profile):
                steps.append(Step(course, profile, leads_to))
    return steps


@dataclass(slots=True)
class Variables:
    r"""
    All variables of a problem, by what they are about; the last part of each key is the quarter.

    Attributes
    ----------
    entered
        :math:`e`, whole people by entry.
    learners
        :math:`l`, whole people by site, course and profile. A course that ends after the horizon helps nothing and has
        no variable.
    classes
        :math:`c`, whole classes by site and course.
    people
        :math:`h`, expected people by site and profile.
    served
        :math:`y`, FTE by site, profile and skill, mentoring included.
    outsourced, unmet
        :math:`o` and :math:`u`, FTE by site and skill.
    """

    problem: WorkforceProblem
    steps: list[Step]
    entered: dict[tuple[str, int], pulp.LpVariable] = field(default_factory=dict)
    learners: dict[tuple[str, str, str, int], pulp.LpVariable] = field(default_factory=dict)
    classes: dict[tuple[str, str, int], pulp.LpVariable] = field(default_factory=dict)
    people: dict[tuple[str, str, int], pulp.LpVariable] = field(default_factory=dict)
    served: dict[tuple[str, str, str, int], pulp.LpVariable] = field(default_factory=dict)
    outsourced: dict[tuple[str, str, int], pulp.LpVariable] = field(default_factory=dict)
    unmet: dict[tuple[str, str, int], pulp.LpVariable] = field(default_factory=dict)

    @property
    def whole(self) -> list[pulp.LpVariable]:
        """The variables that are whole numbers."""
        return [*self.entered.values(), *self.learners.values(), *self.classes.values()]

    def starters(self, site: str, profile: Profile, quarter: int) -> Iterator[pulp.LpVariable]:
        """Yield who of a profile begins a course in a quarter."""
        for step in self.steps:
            if step.profile.id == profile.id:
                found = self.learners.get((site, step.course.id, profile.id, quarter))
                if found is not None:
                    yield found

    def newcomers(self, entry: Entry, quarter: int) -> Iterator[tuple[int, pulp.LpVariable, float]]:
        """Yield those who still find their feet: quarters since they came, how many came, share that stayed."""
        stays = 1.0 - self.profile(entry.profile).attrition
        for age in range(min(len(entry.ramp), quarter + 1)):
            yield age, self.entered[entry.id, quarter - age], stays**age

    def pupils(self, step: Step, site: str, quarter: int) -> Iterator[tuple[pulp.LpVariable, float]]:
        """Yield those who are on a course: how many began, share that stayed."""
        stays = 1.0 - step.profile.attrition
        for age in range(min(step.course.quarters, quarter + 1)):
            found = self.learners.get((site, step.course.id, step.profile.id, quarter - age))
            if found is not None:
                yield found, stays**age

    def joiners(self, site: str, profile: Profile, quarter: int) -> Iterator[tuple[pulp.LpVariable, float]]:
        """Yield those who join the people of a profile: newcomers who found their feet, learners who are done."""
        for entry in self.problem.entries:
            since = quarter - len(entry.ramp)
            if (entry.site, entry.profile) == (site, profile.id) and since >= 0:
                yield self.entered[entry.id, since], (1.0 - profile.attrition) ** len(entry.ramp)
        for step in self.steps:
            began = (site, step.course.id, step.profile.id, quarter - step.course.quarters)
            if step.leads_to.id == profile.id and began in self.learners:
                yield self.learners[began], (1.0 - step.profile.attrition) ** step.course.quarters

    def profile(self, name: str) -> Profile:
        """Return a profile by its id."""
        return next(each for each in self.problem.profiles if each.id == name)


def add_variables(problem: WorkforceProblem, model: pulp.LpProblem) -> Variables:
    """Add all variables of a problem to a PuLP model. Names are numbers, padded because PuLP sorts by name."""
    variables = Variables(problem, list_steps(problem))

    def add(most: float | None = None, kind: str = pulp.LpContinuous) -> pulp.LpVariable:
        return model.add_variable(f"v{model.numVariables():09d}", 0.0, most, kind)

    _add_people(variables, add)
    _add_work(variables, add)
    return variables


def _add_people(variables: Variables, add: Callable[..., pulp.LpVariable]) -> None:
    """Add who enters, who begins a course in how many classes, and who is there."""
    problem = variables.problem
    for entry in problem.entries:
        for quarter in range(problem.quarters):
            variables.entered[entry.id, quarter] = add(kind=pulp.LpInteger)
    for site, step in product(problem.sites, variables.steps):
        for quarter in range(problem.quarters - step.course.quarters):
            variables.learners[site, step.course.id, step.profile.id, quarter] = add(kind=pulp.LpInteger)
            if (site, step.course.id, quarter) not in variables.classes:
                variables.classes[site, step.course.id, quarter] = add(kind=pulp.LpInteger)
    for site, profile, quarter in product(problem.sites, problem.profiles, range(problem.quarters)):
        variables.people[site, profile.id, quarter] = add()


def _add_work(variables: Variables, add: Callable[..., pulp.LpVariable]) -> None:
    """Add who does how much of the work in each skill: one's own people, others, nobody."""
    problem = variables.problem
    offers = {(each.site, each.skill): each.most for each in problem.outsourcing}
    for demand in problem.demands:
        able = [each.id for each in problem.profiles if demand.skill in each.skills]
        for quarter, fte in enumerate(demand.fte):
            place = (demand.site, demand.skill, quarter)
            variables.unmet[place] = add(fte)
            if place[:2] in offers:
                variables.outsourced[place] = add(offers[place[:2]])
            for profile in able:
                variables.served[demand.site, profile, demand.skill, quarter] = add()


def mentoring(variables: Variables) -> dict[tuple[str, str, int], list[tuple[pulp.LpVariable, float]]]:
    """Return the FTE of mentoring that people need, as terms by site, skill and quarter.

    A learner is mentored in what the course adds, a newcomer in each skill of the profile alike.
    """
    problem = variables.problem
    needs: dict[tuple[str, str, int], list[tuple[pulp.LpVariable, float]]] = {}
    for entry, quarter in product(problem.entries, range(problem.quarters)):
        skills = variables.profile(entry.profile).skills
        fte = entry.mentor_minutes / len(skills) / problem.minutes_per_fte
        for _, people, stayed in variables.newcomers(entry, quarter) if fte else ():
            for skill in sorted(skills):
                needs.setdefault((entry.site, skill, quarter), []).append((people, fte * stayed))
    for site, step, quarter in product(problem.sites, variables.steps, range(problem.quarters)):
        fte = step.course.mentor_minutes / problem.minutes_per_fte
        for people, stayed in variables.pupils(step, site, quarter) if fte else ():
            needs.setdefault((site, step.course.adds, quarter), []).append((people, fte * stayed))
    return needs
