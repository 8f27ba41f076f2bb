"""Solve a problem in this process. Callers that must not be harmed use `optimizer.process.solve_in_child`."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib.metadata import version

import highspy

from optimizer.answer import write_plan
from optimizer.assignment.asks import Asks
from optimizer.assignment.conflicts import find_conflicts
from optimizer.assignment.model import Model, build_model
from optimizer.assignment.search import Incumbent
from optimizer.assignment.tiers import Outcome, solve_tiers
from optimizer.control import Control
from optimizer.fit import Fit
from optimizer.memory import peak_memory_mb
from optimizer.plan import Plan, Status, StoppedBy
from optimizer.problem import Problem
from optimizer.roster import Roster

ROUTE = "sifting LP, Lagrangian greedy, dive, exchange, neighbourhoods, branch and cut on a core of columns"

EXPLAINING_SHARE = 0.05
"""Share of the time kept for reasons and prices, at least `EXPLAINING_SECONDS`."""

EXPLAINING_SECONDS = 0.5


def solve(problem: Problem, control: Control | None = None, *, publish: Callable[[Plan], None] | None = None) -> Plan:
    """Solve a problem.

    Parameters
    ----------
    control
        Deadline, cancel and progress; by default the policy's time limit from now on.
    publish
        Told about every better plan on the way, without its reasons and prices, and without the digest of the problem,
        which would take longer than finding a better plan.
    """
    control = control or Control()
    control.deadline_at = min(control.deadline_at, control.began_at + problem.policy.time_limit_s)
    # HiGHS keeps its threads for the life of a process and refuses to solve with another number of them.
    highspy.Highs.resetGlobalScheduler(True)  # noqa: FBT003  A compiled function takes no keywords.
    control.enter("reading")
    fit = Fit(Roster.of(problem))
    model = build_model(fit, Asks.of(problem))

    def pass_on(incumbent: Incumbent) -> None:
        if publish is not None:
            publish(_sign(problem, control, _interim(fit, model, incumbent)))

    reserve = max(EXPLAINING_SECONDS, EXPLAINING_SHARE * problem.policy.time_limit_s)
    searching = replace(control, deadline_at=control.deadline_at - min(reserve, 0.3 * control.remaining()))
    outcome = solve_tiers(model, searching, pass_on)
    if outcome.incumbent is not None:
        control.enter("explaining")
        plan = write_plan(fit, outcome, outcome.incumbent)
    elif outcome.infeasible:
        control.enter("explaining")
        plan = Plan(Status.INFEASIBLE, conflicts=find_conflicts(fit, control), stopped_by=StoppedBy.GAP)
    else:
        plan = Plan(_status_without_plan(outcome), stopped_by=outcome.stopped_by)
    return _sign(problem, control, plan.with_changes(problem=problem.digest()))


def _status_without_plan(outcome: Outcome) -> Status:
    return Status.CANCELLED if outcome.stopped_by is StoppedBy.CANCEL else Status.TIME_LIMIT_NO_PLAN


def _interim(fit: Fit, model: Model, incumbent: Incumbent) -> Plan:
    outcome = Outcome(model, incumbent, (), None, StoppedBy.CLOCK)
    return write_plan(fit, outcome, incumbent, explained=False)


@cache
def _solver_name() -> str:
    return f"HiGHS {version('highspy')} through PuLP {version('pulp')}"


def _sign(problem: Problem, control: Control, plan: Plan) -> Plan:
    """Return the plan with what is known about the run itself."""
    return plan.with_changes(
        seconds=round(control.seconds(), 3),
        peak_mb=round(peak_memory_mb(), 1),
        solver=_solver_name(),
        route=ROUTE,
        seed=problem.policy.seed,
    )
