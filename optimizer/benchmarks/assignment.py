"""Our optimizer and other solvers on the same problems, one after the other, every plan checked by the same code."""

import math
import os
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from optimizer.benchmarks.instances import Instance
from optimizer.benchmarks.peers import solve_by_peer
from optimizer.control import relative_gap
from optimizer.plan import Plan, Progress
from optimizer.problem import Problem
from optimizer.process import solve_in_child
from optimizer.verify import verify

OURS = "ours"
TARGETS = (0.01, 0.005, 0.001)
"""Relative distances whose times are told."""

ROUNDED_MODELS = frozenset({"cpsat"})
"""Solvers of a rounded model: their bounds are told, and not taken for bounds of the problem."""

PACKAGES = ("highspy", "numpy", "ortools", "pulp", "scipy")

_EQUAL = 1e-9
_SUMMATION = 1e-6
"""Relative error that a solver's own tolerances may bring into a bound."""


@dataclass(frozen=True, slots=True)
class Run:
    """One solver on one problem.

    Attributes
    ----------
    solver
        ``ours`` or the name of a peer.
    objective, gap
        Of the first tier, as the solver claims; None without a plan that `verify` lets pass.
    bound
        What the solver claims that no plan exceeds; it may have one without a plan.
    bound_holds
        False if a valid plan, or the best value that the literature knows, exceeds the bound; None without a bound.
    violations
        What `verify` found; a plan with violations counts as none.
    seconds, first_plan_seconds
        Until its answer, and until its first plan; None if there is none.
    peak_mb
        None if the process was ended before it could tell.
    to_best, to_bound
        Distance of its plan from the best value known and from the best bound, relative to its own value.
    seconds_to
        Seconds until it had a plan within each of `TARGETS` of the best value known; None if it never had.
    seconds_to_proven
        Seconds until it had proven each of `TARGETS` itself.
    """

    solver: str
    version: str
    route: str
    status: str
    objective: float | None
    bound: float | None
    bound_holds: bool | None
    gap: float | None
    seconds: float
    peak_mb: float | None
    assigned: int
    violations: tuple[str, ...]
    message: str
    first_plan_seconds: float | None
    to_best: float | None
    to_bound: float | None
    seconds_to: Mapping[str, float | None]
    seconds_to_proven: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All solvers on one problem.

    Attributes
    ----------
    best
        Best value known: the literature's, or the best of all runs if that is better or the only one.
    best_bound
        Lowest bound of all runs, those of `ROUNDED_MODELS` left out; None if there is none.
    """

    name: str
    seed: int
    agents: int
    engagements: int
    intervals: int
    best_known: float | None
    best: float | None
    best_bound: float | None
    runs: tuple[Run, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as JSON data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a solver answered on a problem, what `verify` says of it, and all that the solver told on the way."""

    solver: str
    plan: Plan
    violations: tuple[str, ...]
    told: tuple[Progress, ...]

    @property
    def objective(self) -> float | None:
        """Points of a plan that `verify` lets pass, else None."""
        return None if self.violations else self.plan.objective


Solve = Callable[..., Plan]


def compare(
    instances: Iterable[Instance], against: Sequence[str] = (), *, memory_mb: int | None = None
) -> Iterator[Comparison]:
    """Solve each instance by us and by each peer, never two at the same time, and yield what came of it.

    Parameters
    ----------
    against
        Names of peers, as `optimizer.benchmarks.peers.PEERS`.
    memory_mb
        Most address space of each solver's process.
    """
    solvers: dict[str, Solve] = {OURS: solve_in_child}
    solvers |= {name: partial(_ask_peer, name) for name in against}
    for instance in instances:
        yield weigh(instance, [_solve(name, solve, instance.problem, memory_mb) for name, solve in solvers.items()])


def _ask_peer(name: str, problem: Problem, **options: Any) -> Plan:
    return solve_by_peer(problem, name, **options)


def _solve(name: str, solve: Solve, problem: Problem, memory_mb: int | None) -> Answer:
    told: list[Progress] = []
    plan = solve(problem, on_progress=told.append, memory_mb=memory_mb)
    violations = tuple(f"{each.rule}: {each.message}" for each in verify(problem, plan))
    return Answer(name, plan, violations, tuple(told))


def weigh(instance: Instance, answers: Sequence[Answer]) -> Comparison:
    """Return the comparison of the answers on one instance."""
    found = [each.objective for each in answers if each.objective is not None]
    best = max([*found, *([] if instance.best_known is None else [instance.best_known])], default=None)
    bounds = [each.plan.bound for each in answers if each.plan.bound is not None and each.solver not in ROUNDED_MODELS]
    best_bound = min(bounds, default=None)
    problem = instance.problem
    return Comparison(
        name=instance.name,
        seed=instance.seed,
        agents=len(problem.agents),
        engagements=len(problem.engagements),
        intervals=problem.intervals,
        best_known=instance.best_known,
        best=best,
        best_bound=best_bound,
        runs=tuple(_run(each, best, best_bound) for each in answers),
    )


def _run(answer: Answer, best: float | None, best_bound: float | None) -> Run:
    plan, objective = answer.plan, answer.objective
    incumbents = [(told.seconds, told.incumbent) for told in answer.told if told.incumbent is not None]
    proven = [(told.seconds, told.gap) for told in answer.told if told.gap is not None]
    if objective is not None:
        incumbents.append((plan.seconds, objective))
        proven += [] if plan.gap is None else [(plan.seconds, plan.gap)]
    distances = [] if best is None else [(seconds, relative_gap(value, best)) for seconds, value in incumbents]
    return Run(
        solver=answer.solver,
        version=plan.solver,
        route=plan.route,
        status=plan.status.value,
        objective=objective,
        bound=plan.bound,
        bound_holds=_holds(plan.bound, best),
        gap=None if objective is None else plan.gap,
        seconds=plan.seconds,
        peak_mb=plan.peak_mb or None,
        assigned=len(plan.assignments),
        violations=answer.violations,
        message=plan.message,
        first_plan_seconds=min((seconds for seconds, _ in incumbents), default=None),
        to_best=None if objective is None or best is None else relative_gap(objective, best),
        to_bound=None if objective is None or best_bound is None else relative_gap(objective, best_bound),
        seconds_to=_first_within(distances),
        seconds_to_proven=_first_within(proven),
    )


def _holds(bound: float | None, best: float | None) -> bool | None:
    if bound is None or best is None:
        return None
    return bound >= best - _SUMMATION * max(1.0, abs(best))


def _first_within(points: Iterable[tuple[float, float]]) -> dict[str, float | None]:
    """Return the first second at which the distance is within each target."""
    known = sorted(points)
    return {
        f"{target:.1%}": next((seconds for seconds, distance in known if distance <= target + _EQUAL), None)
        for target in TARGETS
    }


def judge(ours: float | None, peer: float | None) -> str:
    """Return ``better``, ``equal`` or ``worse``: how our value stands to a peer's, any plan being better than none."""
    if ours is None or peer is None:
        return "equal" if ours is peer else "worse" if ours is None else "better"
    if math.isclose(ours, peer, rel_tol=_EQUAL, abs_tol=_EQUAL):
        return "equal"
    return "better" if ours > peer else "worse"


def versions() -> dict[str, str | int | None]:
    """Return what the figures depend on: Python, packages, and how many processors the machine has."""
    found: dict[str, str | int | None] = {"python": platform.python_version(), "processors": os.cpu_count()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found
