"""The job that simulates a day under several policies of routing."""

from __future__ import annotations

from webapp.jobs.registry import JobContext, job
from webapp.models import Simulation
from webapp.services import simulated_days, simulating


@job(simulating.JOB_KIND)
def run_simulation(context: JobContext) -> None:
    """Read the day, simulate it, and keep what came out as the job ends."""
    simulation_id = int(context.payload["simulation_id"])
    with context.database.reading() as session:
        simulation = session.get_one(Simulation, simulation_id)
        request, first_seed = simulating.request_of(simulation), simulation.first_seed
        day = simulated_days.read_day(
            session, simulation.site, simulation.day_on, target_seconds=simulation.target_seconds
        )
    day = simulated_days.with_prices(day, should_cancel=context.should_cancel)
    result = simulating.simulate(
        day, request, first_seed=first_seed, report=context.reporter(), should_cancel=context.should_cancel
    )
    with context.database.transaction() as session:
        if result is None:
            context.end_cancelled(session)
            return
        simulation = session.get_one(Simulation, simulation_id)
        simulating.finish(session, simulation, day, result, by=context.actor())
        context.complete(session, {"simulation_id": simulation_id})
