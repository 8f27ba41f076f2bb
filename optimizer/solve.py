"""Solve a problem in this process. Callers that must not be harmed use `optimizer.process.solve_in_child`."""

import resource
import sys
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
from optimizer.plan import Plan, Status, StoppedBy
from optimizer.problem import Problem, ProblemError
from optimizer.roster import Roster

ROUTE = "sifting LP, Lagrangian greedy, dive, exchange, neighbourhoods, branch and cut on a core of columns"

EXPLAINING_SHARE = 0.05
"""Share of the time kept for reasons and prices, at least `EXPLAINING_SECONDS`."""

EXPLAINING_SECONDS = 0.5


class UnsupportedError(ProblemError):
    """The problem uses a part of the format that this version of the solver does not implement."""


def check_supported(problem: Problem) -> None:
    """Refuse what the solver would otherwise have to ignore.

    Raises
    ------
    UnsupportedError
        With the path of every such field.
    """
    refused = [
        (f"$.engagements[{index}].shadow", "lead-and-shadow pairs are not supported by this version of the solver")
        for index, engagement in enumerate(problem.engagements)
        if engagement.shadow
    ]
    if refused:
        (path, message), *more = refused
        raise UnsupportedError(path, message, *more)


def solve(problem: Problem, control: Control | None = None, *, publish: Callable[[Plan], None] | None = None) -> Plan:
    """Solve a problem.

    Parameters
    ----------
    control
        Deadline, cancel and progress; by default the policy's time limit from now on.
    publish
        Told about every better plan on the way, without its reasons and prices.

    Raises
    ------
    UnsupportedError
        If the problem uses a part of the format that the solver does not implement.
    """
    check_supported(problem)
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
    return _sign(problem, control, plan)


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
    # Linux counts the peak in kilobytes, macOS in bytes.
    unit = 1024.0 * 1024.0 if sys.platform == "darwin" else 1024.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return plan.with_changes(
        seconds=round(control.seconds(), 3),
        peak_mb=round(peak, 1),
        solver=_solver_name(),
        route=ROUTE,
        seed=problem.policy.seed,
        problem=problem.digest(),
    )
