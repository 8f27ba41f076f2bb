"""Cross-training value beside brute force: how many LPs prove the best lessons of a random day."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from time import perf_counter

from optimizer.assignment.lessons import SolvedProblem
from optimizer.benchmarks.generator import Shape, generate
from optimizer.control import Control
from optimizer.crosstraining import Lesson, cross_training_value, teach
from optimizer.problem import Problem

SHAPES: tuple[Shape, ...] = (
    Shape(agents=20, engagements=120, intervals=16, load=0.7, forecast=0.3),
    Shape(agents=40, engagements=300, intervals=16, load=0.7, forecast=0.3),
    Shape(agents=60, engagements=200, intervals=16, load=0.5, forecast=0.5),
)
"""Days of 20 to 60 agents with forecast."""


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """What it took to prove the best lessons of one day.

    Attributes
    ----------
    lessons, solves
        Numbers of lessons and of LPs that were solved with one.
    seconds, brute_seconds
        Wall time, of brute force too where it was run.
    best_gain, brute_gain
        Points of the best lesson; None where nothing gains, or brute force was not run.
    """

    shape: Shape
    seed: int
    lessons: int
    solves: int
    certified: bool
    seconds: float
    best_gain: float | None
    brute_gain: float | None = None
    brute_seconds: float | None = None

    @property
    def share(self) -> float:
        """Solves ÷ lessons: brute force needs 1."""
        return self.solves / self.lessons if self.lessons else 0.0


def run_training(shape: Shape, seeds: Iterable[int], *, top: int = 5, brute_force: bool = False) -> list[TrainingRun]:
    """Return what the best `top` lessons of random days took, and if asked what solving every lesson finds."""
    return [_run(generate(shape, seed), shape, seed, top, brute_force=brute_force) for seed in seeds]


def _run(problem: Problem, shape: Shape, seed: int, top: int, *, brute_force: bool) -> TrainingRun:
    began = perf_counter()
    value = cross_training_value(problem, top=top)
    seconds = perf_counter() - began
    brute_gain, brute_seconds = None, None
    if brute_force:
        began = perf_counter()
        brute_gain = solve_every_lesson(problem, (gain.lesson for gain in value.gains))
        brute_seconds = perf_counter() - began
    return TrainingRun(
        shape=shape,
        seed=seed,
        lessons=len(value.gains),
        solves=value.solves,
        certified=value.certified,
        seconds=seconds,
        best_gain=None if value.best is None else value.best.least,
        brute_gain=brute_gain,
        brute_seconds=brute_seconds,
    )


def solve_every_lesson(problem: Problem, lessons: Iterable[Lesson]) -> float:
    """Return the best gain of lessons by solving the LP with each of them, 0 if there are none."""
    base = _value(problem)
    return max((_value(teach(problem, lesson)) - base for lesson in lessons), default=0.0)


def _value(problem: Problem) -> float:
    solved = SolvedProblem.of(problem, Control(), set())
    return -inf if solved is None else solved.value
