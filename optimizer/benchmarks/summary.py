"""Medians, ratios, wins and losses over the problems of a benchmark."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from optimizer.benchmarks.assignment import OURS, TARGETS, Comparison, Run, judge


@dataclass(frozen=True, slots=True)
class Medians:
    """One solver over all problems.

    A problem without the figure counts as infinitely bad, so that who fails on most has no median: it is None then.

    Attributes
    ----------
    plans, invalid
        Problems with a plan that `verify` lets pass, and with one that it refuses.
    """

    solver: str
    problems: int
    plans: int
    invalid: int
    gap: float | None
    to_best: float | None
    to_bound: float | None
    seconds: float | None
    first_plan_seconds: float | None
    seconds_to: dict[str, float | None]
    seconds_to_proven: dict[str, float | None]
    peak_mb: float | None


@dataclass(frozen=True, slots=True)
class Ratios:
    """Ours beside one peer: how often better, equal or worse in value, and medians of ours ÷ the peer's.

    Attributes
    ----------
    to_bound
        Ratio of the distances from the best bound; below 1 is ours nearer. Problems where the peer has no plan, or is
        at the bound itself, are left out.
    """

    peer: str
    better: int
    equal: int
    worse: int
    to_bound: float | None
    seconds: float | None
    peak_mb: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """What a benchmark says as a whole."""

    medians: tuple[Medians, ...]
    ratios: tuple[Ratios, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the summary as JSON data."""
        return asdict(self)


def summarise(comparisons: Sequence[Comparison]) -> Summary:
    """Return medians by solver and ratios of ours to each peer, over comparisons with the same solvers."""
    names = [run.solver for run in comparisons[0].runs] if comparisons else []
    runs = {name: [_of(comparison, name) for comparison in comparisons] for name in names}
    return Summary(
        medians=tuple(_medians(name, found) for name, found in runs.items()),
        ratios=tuple(_ratios(name, runs[OURS], found) for name, found in runs.items() if name != OURS),
    )


def _of(comparison: Comparison, name: str) -> Run:
    return next(run for run in comparison.runs if run.solver == name)


def _medians(name: str, runs: Sequence[Run]) -> Medians:
    labels = [f"{target:.1%}" for target in TARGETS]
    return Medians(
        solver=name,
        problems=len(runs),
        plans=sum(run.objective is not None for run in runs),
        invalid=sum(bool(run.violations) for run in runs),
        gap=_middle(run.gap for run in runs),
        to_best=_middle(run.to_best for run in runs),
        to_bound=_middle(run.to_bound for run in runs),
        seconds=_middle(run.seconds for run in runs),
        first_plan_seconds=_middle(run.first_plan_seconds for run in runs),
        seconds_to={label: _middle(run.seconds_to[label] for run in runs) for label in labels},
        seconds_to_proven={label: _middle(run.seconds_to_proven[label] for run in runs) for label in labels},
        peak_mb=_middle(run.peak_mb for run in runs),
    )


def _ratios(peer: str, ours: Sequence[Run], theirs: Sequence[Run]) -> Ratios:
    pairs = list(zip(ours, theirs, strict=True))
    verdicts = Counter(judge(own.objective, other.objective) for own, other in pairs)
    return Ratios(
        peer=peer,
        better=verdicts["better"],
        equal=verdicts["equal"],
        worse=verdicts["worse"],
        to_bound=_middle_ratio((own.to_bound, other.to_bound) for own, other in pairs),
        seconds=_middle_ratio((own.seconds, other.seconds) for own, other in pairs),
        peak_mb=_middle_ratio((own.peak_mb, other.peak_mb) for own, other in pairs),
    )


def _middle(figures: Iterable[float | None]) -> float | None:
    return _finite(median([math.inf if figure is None else figure for figure in figures]))


def _middle_ratio(pairs: Iterable[tuple[float | None, float | None]]) -> float | None:
    ratios = [math.inf if own is None else own / other for own, other in pairs if other is not None and other > 0]
    return _finite(median(ratios)) if ratios else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
