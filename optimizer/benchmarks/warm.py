"""Plan again after an absence: from the plan as it was, beside from scratch."""

from dataclasses import dataclass, replace

from optimizer.benchmarks.generator import Shape, generate
from optimizer.control import relative_gap
from optimizer.plan import Plan, Progress
from optimizer.policy import Policy
from optimizer.problem import Problem
from optimizer.process import solve_in_child
from optimizer.verify import verify


@dataclass(frozen=True, slots=True)
class Replanned:
    """Two solves of the same changed day.

    Attributes
    ----------
    warm_seconds, scratch_seconds
        Until the plan was within `within` of the best plan of both runs; None if it never was.
    warm_points, scratch_points
        What each ended with, in points of the first tier.
    violations
        Rules broken by either plan.
    """

    seed: int
    within: float
    warm_seconds: float | None
    scratch_seconds: float | None
    warm_points: float
    scratch_points: float
    violations: int


def replan_after_absence(shape: Shape, seed: int, *, seconds: float, gap: float, within: float = 0.001) -> Replanned:
    """Solve a drawn day, take one agent out, and solve it again with the plan and without.

    Parameters
    ----------
    seconds
        Time limit of each of the three solves.
    gap
        Where each may stop.
    """
    policy = Policy(weights={"service": 1.0, "match": 0.2}, gap=gap, time_limit_s=seconds)
    problem = generate(shape, seed, policy)
    published = Plan.from_json(solve_in_child(problem).to_json())
    today = _without_first_at_work(problem, published)
    warm, warm_told = _solve(today, published)
    scratch, scratch_told = _solve(today, None)
    best = max(warm.objective or 0.0, scratch.objective or 0.0)
    return Replanned(
        seed=seed,
        within=within,
        warm_seconds=_until(warm_told, warm, best, within),
        scratch_seconds=_until(scratch_told, scratch, best, within),
        warm_points=warm.objective or 0.0,
        scratch_points=scratch.objective or 0.0,
        violations=len(verify(today, warm)) + len(verify(today, scratch)),
    )


def _without_first_at_work(problem: Problem, plan: Plan) -> Problem:
    """Return the day without the first agent to whom the plan gives work."""
    missing = next(agent.id for agent in problem.agents if any(each.agent == agent.id for each in plan.assignments))
    none = (0.0,) * problem.intervals
    agents = tuple(replace(agent, capacity=none) if agent.id == missing else agent for agent in problem.agents)
    return replace(problem, agents=agents)


def _solve(problem: Problem, warm: Plan | None) -> tuple[Plan, list[Progress]]:
    told: list[Progress] = []
    plan = solve_in_child(problem, on_progress=told.append, warm=warm)
    return plan, told


def _until(told: list[Progress], plan: Plan, best: float, within: float) -> float | None:
    for progress in told:
        if progress.incumbent is not None and relative_gap(progress.incumbent, best) <= within:
            return progress.seconds
    return plan.seconds if relative_gap(plan.objective or 0.0, best) <= within else None
