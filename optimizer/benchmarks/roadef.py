"""
The ROADEF challenge 2007: technicians and interventions of a telephone company.

Interventions ask for technicians by domain and level; technicians form teams that stay together for a day of 120
minutes. `read_instance` and `read_solution` read the challenge's files, `optimizer.benchmarks.roadef_checker` judges a
solution, and `RoadefInstance.to_problem` is a view of one day for the optimizer.

References
----------
Dutot, P.-F., Laugier, A. and Bustos, A.-M. (2006): Technicians and interventions scheduling for telecommunications.
France Telecom R&D, subject of the ROADEF challenge 2007.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from optimizer.benchmarks.generator import START
from optimizer.policy import Policy
from optimizer.problem import Agent, Engagement, Problem, Requirement
from optimizer.work import HIGHEST_LEVEL

DAY_MINUTES = 120
PRIORITY_WEIGHTS = {1: 28, 2: 14, 3: 4, 4: 1}
"""Weight of the end of each priority class in the cost; that of class 4 counts the end of everything."""

INTERVAL_MINUTES = 15
CHANNEL = "field"


class RoadefFormatError(ValueError):
    """A file is not of the challenge's format; the text says where."""


@dataclass(frozen=True, slots=True)
class Intervention:
    """One piece of work.

    Attributes
    ----------
    minutes
        Duration, whoever does it.
    predecessors
        Interventions that have to be finished before this one starts.
    priority
        1 to 4, 1 most urgent.
    cost
        What hiring it out takes of the budget.
    demand
        For each domain and level from 1 on: how many technicians of at least that level the team needs.
    """

    number: int
    minutes: int
    predecessors: tuple[int, ...]
    priority: int
    cost: int
    demand: tuple[tuple[int, ...], ...]

    def seats(self) -> Iterator[dict[int, int]]:
        """Yield the levels by domain that each seat of the team asks for, the most demanding seat first.

        Seat *s* asks in each domain for the highest level that at least *s* technicians must have.
        """
        most = max((count for levels in self.demand for count in levels), default=0)
        for seat in range(1, most + 1):
            highest = (sum(count >= seat for count in levels) for levels in self.demand)
            yield {domain: level for domain, level in enumerate(highest, start=1) if level}


@dataclass(frozen=True, slots=True)
class Technician:
    """A technician: level in each domain, and days off (counted from 1)."""

    number: int
    levels: tuple[int, ...]
    days_off: frozenset[int]


@dataclass(frozen=True, slots=True)
class RoadefInstance:
    """An instance of the challenge; `budget` is the most that hiring out may cost."""

    name: str
    budget: int
    interventions: tuple[Intervention, ...]
    technicians: tuple[Technician, ...]

    def to_problem(self, day: int = 1, policy: Policy | None = None) -> Problem:
        """Return one day as a problem: every seat of every intervention that may start, for every technician.

        Domains are skills, a seat of a team is an engagement of the intervention's minutes and is worth minutes ×
        priority weight, the more the earlier it starts. Interventions with predecessors are left out.

        Notes
        -----
        What is lost: the seats of an intervention need not start together, and a plan may fill some of them; a seat
        asks one person for the levels of all domains, where a team may share them between two; no intervention is
        hired out. It measures real structures of skills, and says nothing about the challenge's cost.

        Raises
        ------
        ValueError
            If a level is above the optimizer's highest.
        """
        highest = max((level for each in self.technicians for level in each.levels), default=0)
        if highest > HIGHEST_LEVEL:
            raise ValueError(f"{self.name} has level {highest}; the optimizer knows levels up to {HIGHEST_LEVEL}")
        intervals = DAY_MINUTES // INTERVAL_MINUTES
        free = [each for each in self.interventions if not each.predecessors and each.minutes <= DAY_MINUTES]
        return Problem(
            start=START,
            interval_minutes=float(INTERVAL_MINUTES),
            intervals=intervals,
            max_carry=float(INTERVAL_MINUTES),
            agents=tuple(
                Agent(
                    id=f"t{each.number:04d}",
                    skills={_domain(domain): level for domain, level in enumerate(each.levels, start=1) if level},
                    capacity=(0.0 if day in each.days_off else float(INTERVAL_MINUTES),) * intervals,
                )
                for each in self.technicians
            ),
            engagements=tuple(
                _engagement(each, position, levels, intervals)
                for each in free
                for position, levels in enumerate(each.seats(), start=1)
            ),
            policy=policy or Policy(name="roadef", weights={"service": 1.0}),
        )


def _domain(number: int) -> str:
    return f"d{number:02d}"


def _engagement(intervention: Intervention, seat: int, levels: dict[int, int], intervals: int) -> Engagement:
    # The last start from which a technician with the whole day can finish.
    latest = intervals - -(-intervention.minutes // INTERVAL_MINUTES)
    return Engagement(
        id=f"i{intervention.number:04d}-{seat}",
        minutes=float(intervention.minutes),
        channel=CHANNEL,
        earliest=0,
        due=0,
        latest=latest,
        priority=1,
        value=float(intervention.minutes * PRIORITY_WEIGHTS[intervention.priority]),
        requires=tuple(Requirement(_domain(domain), level) for domain, level in sorted(levels.items())),
    )


@dataclass(frozen=True, slots=True)
class Visit:
    """When and by which team (1 and up) an intervention is done; `start` in minutes of the day (counted from 1)."""

    intervention: int
    day: int
    start: int
    team: int


@dataclass(frozen=True, slots=True)
class RoadefSolution:
    """A solution: visits, and for each day its teams; team 0 are those who do not work. No visit means hired out."""

    visits: tuple[Visit, ...]
    teams: dict[int, tuple[tuple[int, ...], ...]]


def read_instance(folder: Path) -> RoadefInstance:
    """Read the files ``instance``, ``interv_list`` and ``tech_list`` of a folder.

    Raises
    ------
    RoadefFormatError
        If a line is not as the challenge defines it.
    """
    name, domains, levels, _, _, budget = _rows(folder / "instance")[0]
    size, depth = _whole(domains), _whole(levels)
    interventions = []
    for row in _rows(folder / "interv_list"):
        (number, minutes), predecessors, (priority, cost, *demand) = _around_brackets(row)
        if len(demand) != size * depth:
            raise RoadefFormatError(f"intervention {number} has {len(demand)} demands, not {size} × {depth}")
        by_domain = tuple(tuple(demand[first : first + depth]) for first in range(0, len(demand), depth))
        interventions.append(Intervention(number, minutes, predecessors, priority, cost, by_domain))
    technicians = []
    for row in _rows(folder / "tech_list"):
        (number, *skills), days_off, _ = _around_brackets(row)
        if len(skills) != size:
            raise RoadefFormatError(f"technician {number} has {len(skills)} levels, not {size}")
        technicians.append(Technician(number, tuple(skills), frozenset(days_off)))
    return RoadefInstance(name, _whole(budget), tuple(interventions), tuple(technicians))


def read_solution(folder: Path) -> RoadefSolution:
    """Read the files ``interv_dates`` and ``tech_teams`` of a folder.

    Raises
    ------
    RoadefFormatError
        If a line is not as the challenge defines it.
    """
    visits = []
    for row in _rows(folder / "interv_dates", header=False):
        if len(row) != 4:
            raise RoadefFormatError(f"interv_dates has {' '.join(row)!r} where four numbers belong")
        visits.append(Visit(*map(_whole, row)))
    teams: dict[int, tuple[tuple[int, ...], ...]] = {}
    for row in _rows(folder / "tech_teams", header=False):
        line = " ".join(row)
        if not re.fullmatch(r"\d+( \[( \d+)* \])*", line):
            raise RoadefFormatError(f"tech_teams has {line!r} where a day and its teams belong")
        found = re.findall(r"\[([ \d]*)\]", line)
        teams[_whole(row[0])] = tuple(tuple(map(int, members.split())) for members in found)
    return RoadefSolution(tuple(visits), teams)


def _rows(path: Path, *, header: bool = True) -> list[list[str]]:
    """Return the words of each line that is not empty, brackets as words of their own."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RoadefFormatError(f"{path.name} can not be read: {error}") from error
    rows = [re.sub(r"([\[\]])", r" \1 ", line).split() for line in lines if line.strip()]
    if header and len(rows) < 2:
        raise RoadefFormatError(f"{path.name} has no line after its header")
    return rows[int(header) :]


def _around_brackets(row: Sequence[str]) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Return the numbers before, between and after the one pair of brackets of a line."""
    try:
        opening, closing = row.index("["), row.index("]")
    except ValueError:
        raise RoadefFormatError(f"{' '.join(row)!r} has no list in brackets") from None
    parts = row[:opening], row[opening + 1 : closing], row[closing + 1 :]
    before, between, after = (tuple(map(_whole, part)) for part in parts)
    return before, between, after


def _whole(word: str) -> int:
    try:
        return int(word)
    except ValueError:
        raise RoadefFormatError(f"{word!r} stands where a whole number belongs") from None
