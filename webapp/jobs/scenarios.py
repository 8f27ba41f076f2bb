"""The jobs that solve a scenario, and a past day under several weights."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from webapp.jobs.registry import JobContext, job
from webapp.models import Scenario, WeightTrial
from webapp.services.planning import runs, scenarios, weight_trials
from webapp.services.planning.earlier import find_earlier


@job(scenarios.JOB_KIND)
def solve_scenario(context: JobContext) -> None:
    """Build the problem of a scenario from the live data, let the optimizer answer, and keep both with the scenario."""
    scenario_id = int(context.payload["scenario_id"])
    with context.database.reading() as session:
        scenario = session.get_one(Scenario, scenario_id)
        today = context.clock().astimezone(ZoneInfo(scenario.site.time_zone)).date()
        built = scenarios.prepare(session, scenario, today=today)
        earlier = find_earlier(session, scenario.site_id, scenario.day_on, horizon=built.horizon)
    answer = runs.solve(
        built.problem,
        report=context.reporter(),
        should_cancel=context.should_cancel,
        memory_mb=context.options.get("solver_memory_mb"),
        earlier=earlier,
    )
    with context.database.transaction() as session:
        if context.cancelled.is_set():
            context.end_cancelled(session)
            return
        scenarios.finish(session, session.get_one(Scenario, scenario_id), built, answer, by=context.actor())
        context.complete(session, {"scenario_id": scenario_id, "status": answer.status.value})


@job(weight_trials.JOB_KIND)
def try_weights(context: JobContext) -> None:
    """Solve a day that is over for each weight of a grid, and keep what came of each."""
    trial_id = int(context.payload["trial_id"])
    with context.database.reading() as session:
        trial = session.get_one(WeightTrial, trial_id)
        problems, published = weight_trials.load(session, trial)
        grid = [float(weight) for weight in trial.grid]
    points = weight_trials.try_weights(
        problems,
        published,
        grid=grid,
        report=context.reporter(),
        should_cancel=context.should_cancel,
        solve=weight_trials.solver(
            should_cancel=context.should_cancel, memory_mb=context.options.get("solver_memory_mb")
        ),
    )
    with context.database.transaction() as session:
        if points is None or context.cancelled.is_set():
            context.end_cancelled(session)
            return
        weight_trials.finish(session, session.get_one(WeightTrial, trial_id), points, by=context.actor())
        context.complete(session, {"trial_id": trial_id})
