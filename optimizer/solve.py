"""Solve a problem in this process. Callers that must not be harmed use `optimizer.process.solve_in_child`."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib.metadata import version

import highspy

from optimizer.answer import write_plan
from optimizer.assignment.asks import Asks
from optimizer.assignment.conflicts import find_conflicts
from optimizer.assignment.earlier import Earlier
from optimizer.assignment.listing import list_model
from optimizer.assignment.model import Model, build_model
from optimizer.assignment.search import Incumbent
from optimizer.assignment.tiers import Outcome, solve_tiers
from optimizer.assignment.unlisted import leave_unlisted
from optimizer.control import Control
from optimizer.fit import Fit
from optimizer.memory import peak_memory_mb
from optimizer.plan import Plan, Status, StoppedBy
from optimizer.problem import Problem
from optimizer.roster import Roster

EXPLAINING_SHARE = 0.05
"""Share of the time kept for reasons and prices, at least `EXPLAINING_SECONDS`."""

EXPLAINING_SECONDS = 1.0

LATE_SECONDS = 0.7
"""How long reasons may be sought after the time limit, or after a search that overran it."""

LATEST_SECONDS = 1.5
"""How long after the time limit at most; a plan without any reasons is of little use to people."""


def solve(
    problem: Problem,
    control: Control | None = None,
    *,
    publish: Callable[[Plan], None] | None = None,
    warm: Plan | None = None,
) -> Plan:
    """Solve a problem.

    Parameters
    ----------
    control
        Deadline, cancel and progress; by default the policy's time limit from now on.
    publish
        Told about every better plan on the way, without its reasons and prices, and without the digest of the problem,
        which would take longer than finding a better plan.
    warm
        An earlier plan for the same or a similar problem: its assignments and prices are where the search begins. It
        changes how soon a plan is found, not which plans are allowed.
    """
    control = control or Control()
    control.deadline_at = min(control.deadline_at, control.began_at + problem.policy.time_limit_s)
    # HiGHS keeps its threads for the life of a process and refuses to solve with another number of them.
    highspy.Highs.resetGlobalScheduler(True)  # noqa: FBT003  A compiled function takes no keywords.
    control.enter("reading")
    fit = Fit(Roster.of(problem))

    def tell(model: Model, incumbent: Incumbent) -> None:
        control.report(incumbent=incumbent.objective)
        if publish is not None:
            publish(_sign(problem, control, _interim(fit, model, incumbent)))

    model = _prepare(fit, warm, control, tell)
    reserve = max(EXPLAINING_SECONDS, EXPLAINING_SHARE * problem.policy.time_limit_s)
    searching = replace(control, deadline_at=control.deadline_at - min(reserve, 0.3 * control.remaining()))
    outcome = solve_tiers(model, searching, lambda incumbent: tell(model, incumbent))
    if outcome.incumbent is not None:
        control.enter("explaining")
        plan = write_plan(fit, outcome, outcome.incumbent, _for_reasons(control)).with_changes(route=outcome.route)
    elif outcome.infeasible:
        control.enter("explaining")
        plan = Plan(Status.INFEASIBLE, conflicts=find_conflicts(fit, control), stopped_by=StoppedBy.GAP)
    else:
        plan = Plan(_status_without_plan(outcome), stopped_by=outcome.stopped_by)
    return _sign(problem, control, plan.with_changes(problem=problem.digest()))


def _for_reasons(control: Control) -> Control:
    """Return the control of the search for reasons, which gets a moment even if the search took all the time."""
    over = max(0.0, control.seconds() - (control.deadline_at - control.began_at))
    return replace(control, deadline_at=control.deadline_at + min(over + LATE_SECONDS, LATEST_SECONDS))


def _prepare(fit: Fit, warm: Plan | None, control: Control, tell: Callable[[Model, Incumbent], None]) -> Model:
    """Return the model, its columns listed as far as memory allows, and what an earlier plan teaches."""
    asks, earlier = Asks.of(fit.roster.problem), None if warm is None else Earlier.of(fit, warm)
    unlisted = leave_unlisted(fit)
    if unlisted is not None:
        model = list_model(unlisted, asks, control, tell, earlier)
    else:
        model = build_model(fit, asks)
        if earlier is not None and earlier.prices is not None:
            model = replace(model, duals=model.duals_at(earlier.prices))
    return model if earlier is None else replace(model, earlier=earlier.find(model))


def _status_without_plan(outcome: Outcome) -> Status:
    return Status.CANCELLED if outcome.stopped_by is StoppedBy.CANCEL else Status.TIME_LIMIT_NO_PLAN


def _interim(fit: Fit, model: Model, incumbent: Incumbent) -> Plan:
    outcome = Outcome(model, incumbent, (), None, StoppedBy.CLOCK)
    return write_plan(fit, outcome, incumbent)


@cache
def _solver_name() -> str:
    return f"HiGHS {version('highspy')} through PuLP {version('pulp')}"


def _sign(problem: Problem, control: Control, plan: Plan) -> Plan:
    """Return the plan with what is known about the run itself."""
    return plan.with_changes(
        seconds=round(control.seconds(), 3),
        peak_mb=round(peak_memory_mb(), 1),
        solver=_solver_name(),
        seed=problem.policy.seed,
    )
