r"""
The generalized assignment problem (GAP) of the literature as a problem of the optimizer.

*n* jobs go to *m* agents; job *j* takes :math:`a_{ij}` of agent *i*'s capacity :math:`b_i` and costs, or earns,
:math:`c_{ij}`; every job is assigned exactly once. One interval, no carry-over, `values` and `minutes_by_agent` alone
say exactly this, so an optimum of one is an optimum of the other.
"""

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from optimizer.benchmarks.generator import START
from optimizer.policy import Policy
from optimizer.problem import Agent, Engagement, Problem
from optimizer.roster import Floats

LARGEST_FILE_BYTES = 64 * 1024 * 1024
"""Unpacked size above which a file is refused: the largest of the OR-Library has 2 MB."""


class GapFormatError(ValueError):
    """A file is not of the OR-Library's format; the text says why."""


@dataclass(frozen=True, slots=True)
class GapInstance:
    """One instance, without saying whether its objective is to be minimised or maximised.

    Attributes
    ----------
    objective, resource
        Cost or profit, and capacity taken, of each agent × job.
    capacity
        Capacity of each agent.
    """

    name: str
    objective: Floats
    resource: Floats
    capacity: Floats

    def to_problem(self, *, maximise: bool, policy: Policy | None = None) -> Problem:
        """Return the instance as a problem whose first tier is the profit, or the cost times −1.

        Parameters
        ----------
        maximise
            Whether `objective` is a profit; else it is a cost. Every job is assigned exactly once in both.
        policy
            Its gap, time limit and seed; all weights are 0, because the values are given.
        """
        sign = 1.0 if maximise else -1.0
        agents, jobs = self.objective.shape
        ids = [f"a{number:04d}" for number in range(agents)]
        # A job has to fit into the one interval with whoever takes it.
        interval = float(max(self.capacity.max(), self.resource.max()))
        return Problem(
            start=START,
            interval_minutes=interval,
            intervals=1,
            agents=tuple(
                Agent(id=identity, skills={}, capacity=(float(minutes),))
                for identity, minutes in zip(ids, self.capacity, strict=True)
            ),
            engagements=tuple(
                Engagement(
                    id=f"j{job:05d}",
                    minutes=float(self.resource[:, job].mean()),
                    channel="job",
                    earliest=0,
                    due=0,
                    latest=0,
                    priority=1,
                    value=0.0,
                    requires=(),
                    values=dict(zip(ids, (sign * self.objective[:, job]).tolist(), strict=True)),
                    minutes_by_agent=dict(zip(ids, self.resource[:, job].tolist(), strict=True)),
                    must_assign=True,
                )
                for job in range(jobs)
            ),
            policy=policy or Policy(name="gap", weights={}),
        )


def read_gap(path: Path) -> tuple[GapInstance, ...]:
    """Read a file of the OR-Library, be it packed as ``.zip`` or not.

    Both formats are known: ``gap1.txt`` to ``gap12.txt`` begin with their number of instances, files such as
    ``a05100`` hold one. An instance is *m*, *n*, the objective by agent, the resource by agent, the capacities.

    Returns
    -------
    tuple
        Named as in the library's list of optima: ``c0515_1`` is the first with 5 agents and 15 jobs of its file.

    Raises
    ------
    GapFormatError
        If there are too few or too many numbers, or something is no number.

    References
    ----------
    Beasley, J. E. (1990): OR-Library: distributing test problems by electronic mail. JORSA 41 (11), 1069-1072.
    """
    numbers = _numbers(path)
    for several in (True, False):
        found = tuple(_split(path.stem, numbers, several=several))
        if found:
            return found
    raise GapFormatError(f"{path.name} holds {len(numbers)} numbers, which do not make whole instances")


def read_bounds(path: Path) -> Mapping[str, float]:
    """Read a list of best known values: ``name_Max`` or ``name_Min``, then lower and upper bound on the optimum.

    Returns
    -------
    Mapping
        For ``_Max`` the greatest value known, for ``_Min`` the least cost known.
    """
    best = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip():
            name, lower, upper = line.split()
            best[name] = float(lower) if name.endswith("_Max") else float(upper)
    return best


def _numbers(path: Path) -> Floats:
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as packed:
                member = packed.infolist()[0]
                if member.file_size > LARGEST_FILE_BYTES:
                    raise GapFormatError(f"{path.name} unpacks to {member.file_size} bytes")
                words = packed.read(member).split()
        else:
            words = path.read_bytes().split()
        numbers = np.array([float(word) for word in words])
    except (ValueError, IndexError) as error:
        raise GapFormatError(f"{path.name} is no list of numbers: {error}") from error
    if not np.isfinite(numbers).all():
        raise GapFormatError(f"{path.name} holds a number that is not finite")
    return numbers


def _split(stem: str, numbers: Floats, *, several: bool) -> Iterator[GapInstance]:
    """Yield the instances if the numbers make exactly one, or as many as the first number says; else nothing."""
    count = int(numbers[0]) if several and len(numbers) else 1
    position, shapes = int(several), []
    for _ in range(count):
        if position + 2 > len(numbers):
            return
        agents, jobs = int(numbers[position]), int(numbers[position + 1])
        after = position + 2 + 2 * agents * jobs + agents
        if agents < 1 or jobs < 1 or after > len(numbers):
            return
        shapes.append((position + 2, agents, jobs))
        position = after
    if position != len(numbers):
        return
    for number, (first, agents, jobs) in enumerate(shapes, start=1):
        middle, end = first + agents * jobs, first + 2 * agents * jobs
        yield GapInstance(
            name=f"c{agents:02d}{jobs:02d}_{number}" if several else stem,
            objective=numbers[first:middle].reshape(agents, jobs),
            resource=numbers[middle:end].reshape(agents, jobs),
            capacity=numbers[end : end + agents],
        )
