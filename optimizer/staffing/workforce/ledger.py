"""What follows from the decisions of a workforce plan, counted forwards: people, time and money. For `verify` alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from optimizer.staffing.workforce.answer import WorkforcePlan
from optimizer.staffing.workforce.problem import WorkforceProblem

Place = tuple[str, str, int]


class Ledger:
    """People followed from quarter to quarter.

    Attributes
    ----------
    people, beginning, working
        By site, profile and quarter: who is there, how many of them begin a course, and the FTE of all who work, those
        who are new or learning by their share.
    mentoring
        FTE that mentees need, by site, skill and quarter.
    """

    def __init__(self, problem: WorkforceProblem, plan: WorkforcePlan) -> None:
        self.problem = problem
        self.plan = plan
        self.people: defaultdict[Place, float] = defaultdict(float)
        self.beginning: defaultdict[Place, float] = defaultdict(float)
        self.working: defaultdict[Place, float] = defaultdict(float)
        self.mentoring: defaultdict[Place, float] = defaultdict(float)
        self._paid: defaultdict[int, float] = defaultdict(float)
        self._profiles = {each.id: each for each in problem.profiles}
        self._follow_newcomers()
        self._follow_learners()
        self._follow_people()

    def places(self) -> Iterator[Place]:
        """Yield every site, profile and quarter."""
        for site in self.problem.sites:
            for profile in self.problem.profiles:
                for quarter in range(self.problem.quarters):
                    yield site, profile.id, quarter

    def at_work(self, site: str, profile: str, quarter: int) -> float:
        """Return who is there, knows the work and does not begin a course."""
        return self.people[site, profile, quarter] - self.beginning[site, profile, quarter]

    def _follow_newcomers(self) -> None:
        entries = {each.id: each for each in self.problem.entries}
        for row in self.plan.entered:
            entry = entries[row.entry]
            profile = self._profiles[entry.profile]
            people, quarter = float(row.people), row.quarter
            for share in entry.ramp:
                if quarter == self.problem.quarters:
                    break
                self.working[entry.site, profile.id, quarter] += share * people
                self._paid[quarter] += entry.pay * people
                for skill in profile.skills:
                    minutes = people * entry.mentor_minutes / len(profile.skills)
                    self.mentoring[entry.site, skill, quarter] += minutes / self.problem.minutes_per_fte
                people -= profile.attrition * people
                quarter += 1
            self.people[entry.site, profile.id, quarter] += people

    def _follow_learners(self) -> None:
        courses = {each.id: each for each in self.problem.courses}
        for row in self.plan.learners:
            course, profile = courses[row.course], self._profiles[row.profile]
            people, end = float(row.people), row.quarter + course.quarters
            self.beginning[row.site, row.profile, row.quarter] += people
            for quarter in range(row.quarter, min(end, self.problem.quarters)):
                self.working[row.site, row.profile, quarter] += course.working_share * people
                self._paid[quarter] += profile.pay * people
                minutes = people * course.mentor_minutes
                self.mentoring[row.site, course.adds, quarter] += minutes / self.problem.minutes_per_fte
                people -= profile.attrition * people
            after = profile.skills | {course.adds}
            for target in self.problem.profiles:
                if target.skills == after:
                    self.people[row.site, target.id, end] += people

    def _follow_people(self) -> None:
        for each in self.problem.present:
            self.people[each.site, each.profile, 0] += each.people
        for site, name, quarter in self.places():
            stay = self.at_work(site, name, quarter)
            self.working[site, name, quarter] += stay
            self._paid[quarter] += self._profiles[name].pay * stay
            self.people[site, name, quarter + 1] += stay - self._profiles[name].attrition * stay

    def payroll(self, quarter: int) -> float:
        """Return the pay of those who were there at the beginning and stayed, had nothing been done."""
        pay = 0.0
        for each in self.problem.present:
            people, profile = each.people, self._profiles[each.profile]
            for _ in range(quarter):
                people -= profile.attrition * people
            pay += profile.pay * people
        return pay

    def costs(self, quarter: int) -> dict[str, float]:
        """Return what a quarter costs, by the fields of `QuarterCosts`."""
        entry = {each.id: each.cost for each in self.problem.entries}
        course = {each.id: each for each in self.problem.courses}
        offer = {(each.site, each.skill): each.cost for each in self.problem.outsourcing}
        penalty = {(each.site, each.skill): each.penalty for each in self.problem.demands}
        plan = self.plan
        learning = sum(course[row.course].cost * row.people for row in plan.learners if row.quarter == quarter)
        holding = sum(course[row.course].class_cost * row.classes for row in plan.classes if row.quarter == quarter)
        return {
            "entries": sum(entry[row.entry] * row.people for row in plan.entered if row.quarter == quarter),
            "training": learning + holding,
            "outsourcing": sum(
                offer.get((row.site, row.skill), 0.0) * row.fte for row in plan.outsourced if row.quarter == quarter
            ),
            "pay": self._paid[quarter] - self.payroll(quarter),
            "penalty": sum(
                penalty.get((row.site, row.skill), 0.0) * row.fte for row in plan.unmet if row.quarter == quarter
            ),
        }
