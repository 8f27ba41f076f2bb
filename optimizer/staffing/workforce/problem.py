"""The whole of what a workforce plan is asked: people, demand, ways to change, and the money for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from optimizer.reading import Findings, text
from optimizer.staffing.workforce.items import (
    Course,
    Demand,
    Entry,
    Outsourcing,
    Present,
    Profile,
    check_number,
    check_whole,
)

__all__ = ["WorkforceProblem", "with_reachable_profiles"]

MOST_QUARTERS = 40
"""Ten years: beyond it nobody has a forecast."""


@dataclass(frozen=True, slots=True)
class WorkforceProblem:
    """Who should be hired, promoted in, trained or outsourced when, to meet a demand within a budget.

    Attributes
    ----------
    quarters
        Length of the horizon; quarter 0 is the first.
    profiles
        Every combination of skills that people have or may come to have. A course is open to a profile only if the
        profile that it leads to is listed too; `with_reachable_profiles` lists them.
    mentor_share
        Most that mentoring in one skill takes of the time of a site's people who have it and are neither new nor
        learning, in [0, 1].
    minutes_per_fte
        Productive minutes of a person in a quarter, by which mentor minutes become FTE.
    budget, budget_by_quarter
        Money beyond the pay of the people who are there at the beginning (less attrition): entries, courses,
        outsourcing, newcomers' pay and raises. None for no limit. Doing nothing always costs nothing.
    """

    quarters: int
    sites: tuple[str, ...]
    profiles: tuple[Profile, ...]
    present: tuple[Present, ...]
    demands: tuple[Demand, ...]
    courses: tuple[Course, ...] = ()
    entries: tuple[Entry, ...] = ()
    outsourcing: tuple[Outsourcing, ...] = ()
    mentor_share: float = 0.1
    minutes_per_fte: float = 27_000.0
    budget: float | None = None
    budget_by_quarter: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        findings = Findings()
        for index, site in enumerate(self.sites):
            text(site, findings.at("sites", index))
        quarters = check_whole(self.quarters, findings.at("quarters"))
        findings.at("quarters").require(1 <= quarters <= MOST_QUARTERS, f"must be between 1 and {MOST_QUARTERS}")
        findings.at("sites").require(self.sites, "must name at least one site")
        findings.at("demands").require(self.demands, "must name at least one demand")
        check_number(self.mentor_share, findings.at("mentor_share"), most=1.0)
        minutes = check_number(self.minutes_per_fte, findings.at("minutes_per_fte"))
        findings.at("minutes_per_fte").require(minutes > 0, "must be above 0")
        findings.raise_if_any()
        self._check_unique(findings)
        self._check_references(findings)
        self._check_lengths(findings)
        self._check_budget(findings)
        findings.raise_if_any()

    def _check_unique(self, findings: Findings) -> None:
        for name, keys in (
            ("sites", self.sites),
            ("profiles", [each.id for each in self.profiles]),
            ("profiles", [tuple(sorted(each.skills)) for each in self.profiles]),
            ("present", [(each.site, each.profile) for each in self.present]),
            ("demands", [(each.site, each.skill) for each in self.demands]),
            ("courses", [each.id for each in self.courses]),
            ("entries", [each.id for each in self.entries]),
            ("outsourcing", [(each.site, each.skill) for each in self.outsourcing]),
        ):
            for index, key in _repeated(keys):
                findings.at(name, index).add(f"repeats {key!r}, which stands above already")

    def _check_references(self, findings: Findings) -> None:
        sites, profiles = set(self.sites), {each.id for each in self.profiles}
        for name in ("present", "demands", "entries", "outsourcing"):
            for index, each in enumerate(getattr(self, name)):
                where = findings.at(name, index)
                where.at("site").require(each.site in sites, f"{each.site!r} is not one of the sites")
        for name in ("present", "entries"):
            for index, each in enumerate(getattr(self, name)):
                where = findings.at(name, index)
                where.at("profile").require(each.profile in profiles, f"{each.profile!r} is not one of the profiles")
        demanded = {(each.site, each.skill) for each in self.demands}
        for index, offer in enumerate(self.outsourcing):
            where = findings.at("outsourcing", index, "skill")
            where.require((offer.site, offer.skill) in demanded, f"nobody asks for {offer.skill!r} at {offer.site!r}")

    def _check_lengths(self, findings: Findings) -> None:
        for index, demand in enumerate(self.demands):
            where = findings.at("demands", index, "fte")
            where.require(len(demand.fte) == self.quarters, f"must have {self.quarters} numbers, not {len(demand.fte)}")

    def _check_budget(self, findings: Findings) -> None:
        if self.budget is not None:
            check_number(self.budget, findings.at("budget"))
        if self.budget_by_quarter is not None:
            where, count = findings.at("budget_by_quarter"), len(self.budget_by_quarter)
            where.require(count == self.quarters, f"must have {self.quarters} numbers, not {count}")
            for quarter, money in enumerate(self.budget_by_quarter):
                check_number(money, where.at(quarter))


def with_reachable_profiles(problem: WorkforceProblem, *, courses: int = 1) -> WorkforceProblem:
    """Return the problem with the profiles that people come to have by that many courses in a row.

    A new profile is named after its skills and has the pay and attrition of the one that it comes from: a raise for
    what people learn is a decision, so that profiles with a pay of their own are listed by hand. O(profiles × courses)
    a step.
    """
    by_skills = {each.skills: each for each in problem.profiles}
    edge = list(problem.profiles)
    for _ in range(courses):
        reached = []
        for profile in edge:
            for course in problem.courses:
                skills = profile.skills | {course.adds}
                if course.requires <= profile.skills and skills not in by_skills:
                    by_skills[skills] = replace(profile, id=" + ".join(sorted(skills)), skills=skills)
                    reached.append(by_skills[skills])
        edge = reached
    return replace(problem, profiles=tuple(by_skills.values()))


def _repeated(keys: Iterable[object]) -> Iterator[tuple[int, object]]:
    seen = set()
    for index, key in enumerate(keys):
        if key in seen:
            yield index, key
        seen.add(key)
