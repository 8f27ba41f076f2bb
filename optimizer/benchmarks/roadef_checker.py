"""
The checker of the ROADEF challenge 2007: whether a solution is feasible, what it costs, and what is wrong with it.

Written from the challenge's subject alone. The cost is 28 *t1* + 14 *t2* + 4 *t3* + *t4*, with *t1* to *t3* the end of
the last intervention of that priority and *t4* the end of the last of all, in minutes of working time from the first
day on; what is hired out does not count.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from optimizer.benchmarks.roadef import DAY_MINUTES, PRIORITY_WEIGHTS, RoadefInstance, RoadefSolution, Visit


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on a solution.

    Attributes
    ----------
    cost
        Of the visits as they stand, even if they break a rule.
    faults
        What is wrong, in words; none if the solution is feasible.
    """

    cost: int
    faults: tuple[str, ...]

    @property
    def feasible(self) -> bool:
        """Whether no rule is broken."""
        return not self.faults


def check(instance: RoadefInstance, solution: RoadefSolution) -> Verdict:
    """Return the verdict on a solution of an instance."""
    checker = _Checker(instance, solution)
    faults = list(checker.unknown_names())
    # What names something unknown cannot be weighed any further.
    if not faults:
        faults = [
            *checker.teams(),
            *checker.visits(),
            *checker.overlaps(),
            *checker.precedences(),
            *checker.hired_out(),
        ]
    return Verdict(checker.cost(), tuple(faults))


class _Checker:
    def __init__(self, instance: RoadefInstance, solution: RoadefSolution) -> None:
        self.instance = instance
        self.solution = solution
        self.interventions = {each.number: each for each in instance.interventions}
        self.technicians = {each.number: each for each in instance.technicians}
        self.visit_of = {visit.intervention: visit for visit in solution.visits}

    def members(self, visit: Visit) -> tuple[int, ...]:
        teams = self.solution.teams.get(visit.day, ())
        return teams[visit.team] if 0 < visit.team < len(teams) else ()

    def end_of(self, visit: Visit) -> int:
        return visit.start + self.interventions[visit.intervention].minutes

    def cost(self) -> int:
        ends: dict[int, int] = defaultdict(int)
        for visit in self.solution.visits:
            if visit.intervention in self.interventions:
                end = DAY_MINUTES * (visit.day - 1) + self.end_of(visit)
                priority = self.interventions[visit.intervention].priority
                ends[priority] = max(ends[priority], end)
        last = max(ends.values(), default=0)
        return sum(PRIORITY_WEIGHTS[priority] * ends[priority] for priority in (1, 2, 3)) + PRIORITY_WEIGHTS[4] * last

    def unknown_names(self) -> Iterator[str]:
        for visit in self.solution.visits:
            if visit.intervention not in self.interventions:
                yield f"there is no intervention {visit.intervention}"
        for number, times in Counter(visit.intervention for visit in self.solution.visits).items():
            if times > 1:
                yield f"intervention {number} is scheduled {times} times"
        for day, teams in self.solution.teams.items():
            for number in sorted({number for team in teams for number in team} - set(self.technicians)):
                yield f"there is no technician {number}, who is in a team on day {day}"

    def teams(self) -> Iterator[str]:
        for day, teams in self.solution.teams.items():
            for number, times in Counter(number for team in teams for number in team).items():
                if times > 1:
                    yield f"technician {number} is in {times} teams on day {day}"
            for number in sorted({number for team in teams[1:] for number in team}):
                if day in self.technicians[number].days_off:
                    yield f"technician {number} has day {day} off and is in a team"

    def visits(self) -> Iterator[str]:
        for visit in self.solution.visits:
            number = visit.intervention
            if visit.day < 1 or visit.start < 0:
                yield f"intervention {number} starts before the first day or minute"
            if self.end_of(visit) > DAY_MINUTES:
                yield f"intervention {number} ends after minute {DAY_MINUTES} of its day"
            if not 0 < visit.team < len(self.solution.teams.get(visit.day, ())):
                yield f"intervention {number} is given to team {visit.team}, which does not work on day {visit.day}"
            else:
                yield from self._skills(visit)

    def _skills(self, visit: Visit) -> Iterator[str]:
        team = [self.technicians[number] for number in self.members(visit)]
        for domain, levels in enumerate(self.interventions[visit.intervention].demand):
            for level, needed in enumerate(levels, start=1):
                found = sum(member.levels[domain] >= level for member in team)
                if found < needed:
                    yield (
                        f"intervention {visit.intervention} needs {needed} of level {level} in domain {domain + 1}; "
                        f"its team has {found}"
                    )

    def overlaps(self) -> Iterator[str]:
        by_team: dict[tuple[int, int], list[Visit]] = defaultdict(list)
        for visit in self.solution.visits:
            by_team[visit.day, visit.team].append(visit)
        for visits in by_team.values():
            ordered = sorted(visits, key=lambda visit: (visit.start, visit.intervention))
            running = ordered[0]
            for _, later in pairwise(ordered):
                if later.start < self.end_of(running):
                    first, second = sorted((running.intervention, later.intervention))
                    yield f"interventions {first} and {second} overlap in one team"
                running = max(running, later, key=self.end_of)

    def precedences(self) -> Iterator[str]:
        for visit in self.solution.visits:
            for number in self.interventions[visit.intervention].predecessors:
                before = self.visit_of.get(number)
                if before is not None and (before.day, self.end_of(before)) > (visit.day, visit.start):
                    yield f"intervention {visit.intervention} starts before its predecessor {number} is finished"

    def hired_out(self) -> Iterator[str]:
        out = [each for each in self.instance.interventions if each.number not in self.visit_of]
        cost = sum(each.cost for each in out)
        if cost > self.instance.budget:
            names = ", ".join(str(each.number) for each in out)
            yield f"hiring out interventions {names} costs {cost}, the budget is {self.instance.budget}"
        for visit in self.solution.visits:
            for number in self.interventions[visit.intervention].predecessors:
                if number not in self.visit_of:
                    yield f"intervention {visit.intervention} is done though its predecessor {number} is hired out"
