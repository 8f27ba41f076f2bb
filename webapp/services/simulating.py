"""
Simulations: what another policy of routing would have done with a day's real contacts.

Every policy meets the same draws of what the log does not tell (common random numbers). Intervals hold with 95 %
confidence for this day: they say what the log leaves open, not how other days would have gone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from optimizer.days import Interval, compare_days
from optimizer.hindsight import bound_value
from optimizer.routing import RULES, Router
from optimizer.simulate import DayOutcome, simulate_day
from webapp.errors import InvalidInputError, NotFoundError
from webapp.models import Simulation, Site
from webapp.services import audit, jobs, simulated_days
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.simulated_days import SimulatedDay

JOB_KIND = "simulation.run"
POLICIES: Mapping[str, str] = {
    "longest-idle": "Longest idle",
    "best-skill": "Best skill",
    "static-priority": "Static priority",
    "greedy-fit": "Greedy fit",
    "bid-price": "Bid price",
    "bid-price-cover": "Bid price with cover",
    "batch": "Rolling batch",
}
"""Policies that may be chosen, in the order in which they are shown."""

DEFAULT_POLICIES = ("longest-idle", "best-skill", "greedy-fit", "bid-price-cover")
BASELINE = "longest-idle"
"""What others are put beside; the first of the policies where it was not chosen."""

SEEDS = 20
LEAST_SEEDS, MOST_SEEDS = 2, 100
TARGET_SECONDS = 20
MOST_TARGET_SECONDS = 3600
FIRST_SEED = 1

NO_TONE = "No weights of tone are kept: tone-weighted value equals value."

MEASURES: Mapping[str, Callable[[DayOutcome], float]] = {
    "value": lambda day: day.value,
    "tone_value": lambda day: day.tone_value,
    "service_level": lambda day: day.service_level,
    "abandonment": lambda day: day.abandonment,
    "wait_seconds": lambda day: day.mean_wait_seconds,
    "occupancy": lambda day: day.occupancy,
    "occupancy_spread": lambda day: day.occupancy_spread,
}


@dataclass(frozen=True, slots=True)
class SimulationRequest:
    """What a scheduler asks for."""

    policies: tuple[str, ...] = DEFAULT_POLICIES
    seeds: int = SEEDS
    target_seconds: int = TARGET_SECONDS

    @property
    def baseline(self) -> str:
        """What the other policies are put beside."""
        return BASELINE if BASELINE in self.policies else self.policies[0]


@dataclass(frozen=True, slots=True)
class Line:
    """
    One policy's row of a result: intervals by measure.

    ``share`` is that of the hindsight optimum; ``beside`` the paired differences to the baseline, None for itself.
    """

    policy: str
    words: str
    measures: Mapping[str, Interval]
    share: Interval
    beside: Mapping[str, Interval] | None


def check(request: SimulationRequest) -> None:
    """
    Check what was asked for.

    Raises
    ------
    InvalidInputError
        If no policy, or an unknown one, was chosen, or a number is out of range.
    """
    if not request.policies:
        raise InvalidInputError("Choose at least one policy.", field="policies")
    for name in request.policies:
        if name not in POLICIES:
            raise InvalidInputError(f"There is no policy {name!r}. Policies: {', '.join(POLICIES)}.", field="policies")
    if not LEAST_SEEDS <= request.seeds <= MOST_SEEDS:
        raise InvalidInputError(f"Between {LEAST_SEEDS} and {MOST_SEEDS} draws make an interval.", field="seeds")
    if not 1 <= request.target_seconds <= MOST_TARGET_SECONDS:
        raise InvalidInputError(f"The target lies between 1 and {MOST_TARGET_SECONDS} seconds.", field="target_seconds")


def request_simulation(
    session: Session, site: Site, day_on: dt.date, *, request: SimulationRequest, by: Actor
) -> Simulation:
    """
    Queue a simulation of a day.

    Raises
    ------
    InvalidInputError
        If the request is wrong, the day has not ended yet, no contacts are known on it, or nobody was on shift.
    """
    check(request)
    if day_on >= by.at.astimezone(ZoneInfo(site.time_zone)).date():
        raise InvalidInputError("Only days that have ended can be simulated.", field="day")
    # Read here as well, so that a day without contacts is told at once and not by a failed job.
    simulated_days.read_day(session, site, day_on, target_seconds=request.target_seconds)
    simulation = Simulation(
        site_id=site.id,
        day_on=day_on,
        policies=[name for name in POLICIES if name in request.policies],
        seeds=request.seeds,
        first_seed=FIRST_SEED,
        target_seconds=request.target_seconds,
        created_at=by.at,
    )
    session.add(simulation)
    session.flush()
    simulation.job_id = jobs.enqueue(session, JOB_KIND, {"simulation_id": simulation.id}, by=by).id
    audit.record(
        session,
        "request_simulation",
        simulation,
        by=by,
        detail={
            "site_id": site.id,
            "day": day_on.isoformat(),
            "policies": simulation.policies,
            "seeds": request.seeds,
        },
    )
    session.flush()
    return simulation


def get_simulation(session: Session, simulation_id: int, *, viewer: Viewer) -> Simulation:
    """
    Return a simulation of a site whose plans the viewer sees.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    found = session.scalar(
        select(Simulation)
        .join(Simulation.site)
        .where(Simulation.id == simulation_id, viewer.sees_site(Permission.VIEW_PLANS))
        .options(joinedload(Simulation.site), joinedload(Simulation.job))
    )
    if found is None:
        raise NotFoundError("There is no such simulation.")
    return found


def list_simulations(session: Session, site: Site, *, limit: int = 30) -> list[Simulation]:
    """Return the newest simulations of a site."""
    return list(
        session.scalars(
            select(Simulation)
            .where(Simulation.site_id == site.id)
            .options(joinedload(Simulation.job))
            .order_by(Simulation.id.desc())
            .limit(limit)
        )
    )


def request_of(simulation: Simulation) -> SimulationRequest:
    """Return what was asked for."""
    return SimulationRequest(
        policies=tuple(str(each) for each in simulation.policies),
        seeds=simulation.seeds,
        target_seconds=simulation.target_seconds,
    )


def simulate(
    day: SimulatedDay,
    request: SimulationRequest,
    *,
    first_seed: int = FIRST_SEED,
    report: Callable[[float, dict[str, Any]], None] = lambda _share, _figures: None,
    should_cancel: Callable[[], bool] = lambda: False,
) -> dict[str, Any] | None:
    """
    Simulate a day under each policy and return the result as plain JSON; None if it was cancelled.

    Parameters
    ----------
    day
        With its prices, see :func:`webapp.services.simulated_days.with_prices`.
    request
        Policies, draws and target.
    first_seed
        Seed of the first draw.
    report
        Told the share that is done, with figures.
    should_cancel
        Asked before each simulated day.
    """
    outcomes: dict[str, list[DayOutcome]] = {name: [] for name in request.policies}
    shares: dict[str, list[float]] = {name: [] for name in request.policies}
    bounds = []
    steps = request.seeds * len(request.policies)
    for number in range(request.seeds):
        calls = simulated_days.draw(day, first_seed + number)
        bound = bound_value(day.problem, day.desk, calls)
        bounds.append(bound)
        for place, name in enumerate(request.policies):
            if should_cancel():
                return None
            done = number * len(request.policies) + place
            report(done / steps, {"done": done, "of": steps})
            found = simulate_day(
                day.problem, Router(day.desk, RULES[name]), calls, target_seconds=request.target_seconds
            )
            outcomes[name].append(found)
            shares[name].append(found.value / bound if bound else 1.0)
    return {
        "baseline": request.baseline,
        "hindsight": asdict(Interval.of(np.array(bounds))),
        "policies": {
            name: {
                "measures": {measure: asdict(_interval(found, read)) for measure, read in MEASURES.items()},
                "share": asdict(Interval.of(np.array(shares[name]))),
                "beside": None if name == request.baseline else asdict(compare_days(found, outcomes[request.baseline])),
            }
            for name, found in outcomes.items()
        },
    }


def _interval(found: Sequence[DayOutcome], read: Callable[[DayOutcome], float]) -> Interval:
    return Interval.of(np.array([read(day) for day in found]))


def finish(session: Session, simulation: Simulation, day: SimulatedDay, result: dict[str, Any], *, by: Actor) -> None:
    """Keep what came out of a simulation."""
    simulation.inputs = dict(day.inputs)
    simulation.result = result
    audit.record(session, "finish_simulation", simulation, by=by, detail={"site_id": simulation.site_id})
    session.flush()


def lines(result: Mapping[str, Any]) -> list[Line]:
    """Return the rows of a result, in the order of :data:`POLICIES`."""
    return [
        Line(
            policy=name,
            words=POLICIES[name],
            measures={measure: Interval(**each) for measure, each in result["policies"][name]["measures"].items()},
            share=Interval(**result["policies"][name]["share"]),
            beside=_beside(result["policies"][name]["beside"]),
        )
        for name in POLICIES
        if name in result["policies"]
    ]


def _beside(found: Mapping[str, Any] | None) -> dict[str, Interval] | None:
    return None if found is None else {measure: Interval(**each) for measure, each in found.items()}


def conclude(result: Mapping[str, Any], *, target_seconds: int) -> list[str]:
    """Return in plain words what each policy would have changed, and what is smaller than chance."""
    found = lines(result)
    baseline = POLICIES[result["baseline"]]
    said = [_sentence(line, baseline, target_seconds) for line in found if line.beside is not None]
    best = max(found, key=lambda line: line.share.mean)
    rivals = [line for line in found if line is not best and line.share.overlaps(best.share)]
    reached = (
        f"{best.words} reached {100 * best.share.mean:.1f} % of what somebody could have who knew every call before"
    )
    if rivals and len(found) > 1:
        names = " and ".join(line.words.lower() for line in rivals)
        said.insert(0, f"{reached}. Its interval overlaps with that of {names}: which is better is open.")
    else:
        said.insert(0, f"{reached}{', more than any other policy' if len(found) > 1 else ''}.")
    return said


def _sentence(line: Line, baseline: str, target_seconds: int) -> str:
    beside = line.beside or {}
    parts = [
        _change(beside["value"], "% value", "more", "less"),
        _change(beside["service_level"], f"points answered within {target_seconds} seconds", "more", "fewer"),
        _change(beside["abandonment"], "points given up", "more", "fewer"),
    ]
    told = [part for part in parts if part]
    if not told:
        return f"{line.words} beside {baseline.lower()}: all differences are smaller than chance."
    chance = "" if len(told) == len(parts) else "; other differences are smaller than chance"
    return f"{line.words} beside {baseline.lower()}: {', '.join(told)}{chance}."


def _change(interval: Interval, of: str, more: str, less: str) -> str:
    """Return a change in words, empty if it is smaller than chance."""
    if not interval.decided:
        return ""
    unit, what = of.split(" ", 1)
    digits = 1 if interval.half_width >= 0.0005 else 2
    size = f"{100 * abs(interval.mean):.{digits}f} ± {100 * interval.half_width:.{digits}f}"
    return f"{size} {unit} {more if interval.mean > 0 else less} {what}"


def find_best(simulation: Simulation) -> Line | None:
    """Return the policy that reached the largest share of hindsight, None where there is no result."""
    return max(lines(simulation.result), key=lambda line: line.share.mean) if simulation.result else None
