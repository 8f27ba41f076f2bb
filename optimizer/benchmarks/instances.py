"""Which problems a benchmark runs on, named by short words such as ``random``, ``gapD`` or ``bank:log.csv``."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from optimizer.benchmarks.bank import list_days, read_bank_day
from optimizer.benchmarks.gap import read_bounds, read_gap
from optimizer.benchmarks.gap_classes import CLASSES, generate_gap
from optimizer.benchmarks.generator import Shape, generate
from optimizer.benchmarks.roadef import read_instance
from optimizer.policy import Policy
from optimizer.problem import Problem

FIRST_TIER_WEIGHTS: Mapping[str, float] = {"service": 1.0, "match": 0.2, "continuity": 0.2}
"""Weights of the first tier alone: peers are asked for no other, so ours are not asked either."""

KINDS = "random, gapC, gapD, gapE, gap:FILE, gapmax:FILE, roadef:FOLDER, bank:FILE or bank:FILE@YYYY-MM-DD"

_DAY = re.compile(r"(?P<path>.*)@(?P<day>\d{4}-\d{2}-\d{2})")


class InstanceError(ValueError):
    """A word names no instances, or its file cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One problem of a benchmark.

    Attributes
    ----------
    seed
        Seed that it was drawn with; that of the policy where it was read from a file.
    best_known
        Best value that the literature knows, in the sense of the first tier; None if there is none.
    """

    name: str
    seed: int
    problem: Problem
    best_known: float | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Which instances to make.

    Attributes
    ----------
    kind
        As `KINDS` lists.
    shape
        Shape of random instances; its agents and engagements are the size of drawn GAP instances too.
    seeds
        Seeds of drawn instances, one each.
    time_limit_s, gap
        Limits of each solve.
    """

    kind: str = "random"
    shape: Shape = field(default_factory=Shape)
    seeds: Sequence[int] = (1001,)
    time_limit_s: float = 60.0
    gap: float = 1e-4

    def policy(self, seed: int) -> Policy:
        """Return the policy of an instance: the first tier alone, one thread."""
        return Policy(name="bench", weights=FIRST_TIER_WEIGHTS, seed=seed, gap=self.gap, time_limit_s=self.time_limit_s)


def parse_size(text: str) -> tuple[int, int]:
    """Return agents and engagements of a size such as ``200x2000``.

    Raises
    ------
    InstanceError
        If it is none.
    """
    found = re.fullmatch(r"(\d{1,6})[x×](\d{1,7})", text.strip())
    agents, engagements = (int(found[1]), int(found[2])) if found else (0, 0)
    if agents < 1 or engagements < 1:
        raise InstanceError(f"{text!r} is no size such as 200x2000: agents, x, engagements")
    return agents, engagements


def list_instances(selection: Selection) -> Iterator[Instance]:
    """Yield the instances of a selection one after the other; large ones are made when they are asked for.

    Raises
    ------
    InstanceError
        If the word is none of `KINDS`, or its file cannot be read.
    """
    kind, _, rest = selection.kind.partition(":")
    make = _MAKERS.get(kind)
    if make is None or bool(rest) != (kind in _FROM_FILES):
        raise InstanceError(f"{selection.kind!r} is none of {KINDS}")
    try:
        yield from make(selection, rest)
    except (OSError, ValueError) as error:
        raise error if isinstance(error, InstanceError) else InstanceError(f"{selection.kind}: {error}") from error


def _random(selection: Selection, _: str) -> Iterator[Instance]:
    shape = selection.shape
    for seed in selection.seeds:
        yield Instance(f"{shape.agents}x{shape.engagements}", seed, generate(shape, seed, selection.policy(seed)))


def _drawn_gap(kind: str) -> Callable[[Selection, str], Iterator[Instance]]:
    def make(selection: Selection, _: str) -> Iterator[Instance]:
        for seed in selection.seeds:
            drawn = generate_gap(kind, selection.shape.agents, selection.shape.engagements, seed)
            yield Instance(drawn.name, seed, drawn.to_problem(maximise=False, policy=selection.policy(seed)))

    return make


def _read_gap(*, maximise: bool) -> Callable[[Selection, str], Iterator[Instance]]:
    sense, sign = ("Max", 1.0) if maximise else ("Min", -1.0)

    def make(selection: Selection, path: str) -> Iterator[Instance]:
        best: dict[str, float] = {}
        for listed in sorted(Path(path).parent.glob("bounds*.txt")):
            best |= read_bounds(listed)
        seed = selection.seeds[0]
        for read in read_gap(Path(path)):
            known = best.get(f"{read.name}_{sense}")
            problem = read.to_problem(maximise=maximise, policy=selection.policy(seed))
            yield Instance(f"{read.name} {sense}", seed, problem, None if known is None else sign * known)

    return make


def _roadef(selection: Selection, path: str) -> Iterator[Instance]:
    seed = selection.seeds[0]
    read = read_instance(Path(path))
    yield Instance(f"ROADEF {Path(path).name} day 1", seed, read.to_problem(policy=selection.policy(seed)))


def _bank(selection: Selection, path: str) -> Iterator[Instance]:
    seed = selection.seeds[0]
    given = _DAY.fullmatch(path)
    log = Path(given["path"] if given else path)
    for day in [date.fromisoformat(given["day"])] if given else list_days(log):
        problem = read_bank_day(log, day, selection.policy(seed))
        yield Instance(f"bank {day.isoformat()}", seed, problem)


_FROM_FILES = {"gap", "gapmax", "roadef", "bank"}

_MAKERS: Mapping[str, Callable[[Selection, str], Iterator[Instance]]] = {
    "random": _random,
    **{f"gap{kind}": _drawn_gap(kind) for kind in CLASSES},
    "gap": _read_gap(maximise=False),
    "gapmax": _read_gap(maximise=True),
    "roadef": _roadef,
    "bank": _bank,
}
