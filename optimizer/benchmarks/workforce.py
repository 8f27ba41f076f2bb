"""
A workforce plan of 5 sites, 8 quarters and 40 skills: seconds, proven gap and memory.

``python -m optimizer.benchmarks.workforce [--seeds 1 2 3] [--gap 0.005] [--seconds 60]`` prints one line for each
seeded problem. Figures are made up, of the size of a real organisation of 1,200 people.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from optimizer.control import Control
from optimizer.staffing.workforce import (
    Course,
    Demand,
    Entry,
    EntryKind,
    Outsourcing,
    Present,
    Profile,
    WorkforcePlan,
    WorkforceProblem,
    plan_workforce,
    with_reachable_profiles,
)
from optimizer.staffing.workforce.verify import verify_workforce


@dataclass(frozen=True, slots=True)
class CentreShape:
    """Size of a made-up organisation.

    Attributes
    ----------
    profiles
        Combinations of skills that people have at the beginning; courses lead to more.
    people
        At each site, about.
    """

    sites: int = 5
    quarters: int = 8
    skills: int = 40
    profiles: int = 30
    courses: int = 40
    people: int = 240


@dataclass(frozen=True, slots=True)
class WorkforceRun:
    """What one plan took.

    Attributes
    ----------
    cpu_seconds
        Of this process: what the wall time would be on a machine that does nothing else.
    violations
        Rules that the independent checker found broken.
    """

    seed: int
    plan: WorkforcePlan
    cpu_seconds: float
    violations: int

    def line(self) -> str:
        """Return the run as one line of text."""
        plan = self.plan
        found = "no plan" if plan.gap is None else f"gap {plan.gap:.3%}, objective {plan.objective:,.0f}"
        return (
            f"seed {self.seed}: {plan.status}, {found} (doing nothing {plan.do_nothing or 0:,.0f}), "
            f"{plan.seconds:.1f} s ({self.cpu_seconds:.1f} of processor), {plan.peak_mb:.0f} MB, "
            f"{self.violations} violations"
        )


def make_workforce(shape: CentreShape, seed: int) -> WorkforceProblem:
    """Return a seeded problem: demand drifts, so that some skills run short while others have people to spare."""
    chance = np.random.default_rng(seed)
    sites = tuple(f"site-{number}" for number in range(shape.sites))
    skills = [f"skill-{number:02d}" for number in range(shape.skills)]
    profiles = [
        Profile(
            id=f"profile-{number:02d}",
            skills=frozenset({skills[number % shape.skills], *chance.choice(skills, 2, replace=False).tolist()}),
            pay=round(float(chance.uniform(9_000, 12_000)), -2),
            attrition=round(float(chance.uniform(0.02, 0.06)), 3),
        )
        for number in range(shape.profiles)
    ]
    present = tuple(
        Present(site, profile.id, float(chance.poisson(shape.people / shape.profiles)))
        for site in sites
        for profile in profiles
    )
    problem = WorkforceProblem(
        quarters=shape.quarters,
        sites=sites,
        profiles=tuple(profiles),
        present=present,
        demands=tuple(_demands(shape, sites, skills, chance)),
        courses=tuple(_courses(shape, skills, chance)),
        entries=tuple(_entries(sites, profiles, chance)),
        outsourcing=tuple(Outsourcing(site, skill, 18_000.0, 1.0) for site in sites for skill in skills[::4]),
        budget=float(shape.sites * shape.quarters * shape.people * 400),
    )
    return with_reachable_profiles(problem)


def _demands(
    shape: CentreShape, sites: Iterable[str], skills: Iterable[str], chance: np.random.Generator
) -> Iterator[Demand]:
    mean = shape.people / shape.skills
    for skill in skills:
        drift = chance.normal(0.02, 0.08)
        penalty = round(float(chance.uniform(15_000, 30_000)), -2)
        for site in sites:
            first = mean * chance.uniform(0.5, 1.5)
            growth = np.maximum(1.0 + drift * np.arange(shape.quarters), 0.2)
            yield Demand(site, skill, tuple(np.round(first * growth, 2).tolist()), penalty)


def _courses(shape: CentreShape, skills: list[str], chance: np.random.Generator) -> Iterator[Course]:
    for number in range(shape.courses):
        adds, asks = skills[number % len(skills)], skills[(number + 7) % len(skills)]
        yield Course(
            id=f"course-{number:02d}",
            adds=adds,
            requires=frozenset({asks}),
            quarters=int(chance.integers(1, 3)),
            cost=800.0,
            class_cost=2_000.0,
            class_size=8,
            seats=12,
            mentor_minutes=600.0,
            working_share=0.6,
        )


def _entries(sites: Iterable[str], profiles: list[Profile], chance: np.random.Generator) -> Iterator[Entry]:
    for site in sites:
        for profile in profiles:
            name = f"{site} {profile.id}"
            pay = 0.9 * profile.pay
            if chance.random() < 0.5:
                yield Entry(f"{name} hire", EntryKind.HIRE, site, profile.id, 6_000.0, pay, 3, (0.3, 0.7), 1_200.0)
            if chance.random() < 0.2:
                yield Entry(f"{name} in", EntryKind.PROMOTE_IN, site, profile.id, 2_000.0, pay, 1, (0.6,), 600.0)


def run_workforce(shape: CentreShape, seeds: Iterable[int], *, gap: float, seconds: float) -> Iterator[WorkforceRun]:
    """Yield what each seeded problem took."""
    for seed in seeds:
        problem = make_workforce(shape, seed)
        began = time.process_time()
        plan = plan_workforce(problem, gap=gap, control=Control(deadline_at=time.monotonic() + seconds))
        yield WorkforceRun(seed, plan, time.process_time() - began, len(verify_workforce(problem, plan)))


def main(arguments: list[str] | None = None) -> int:
    """Print what the problems of the command line took."""
    parser = argparse.ArgumentParser(prog="python -m optimizer.benchmarks.workforce", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--gap", type=float, default=0.005)
    parser.add_argument("--seconds", type=float, default=60.0)
    chosen = parser.parse_args(arguments)
    for run in run_workforce(CentreShape(), chosen.seeds, gap=chosen.gap, seconds=chosen.seconds):
        sys.stdout.write(run.line() + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
