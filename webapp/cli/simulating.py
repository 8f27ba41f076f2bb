"""``mainstay simulate``: what another policy of routing would have done with a day's real contacts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import click

from optimizer.days import Interval
from webapp.cli.console import cli, get_database, show
from webapp.cli.planning import find_site
from webapp.services import simulated_days, simulating
from webapp.services.simulating import Line, SimulationRequest

_HEAD = f"{'policy':<22} {'value':>18} {'of hindsight':>16} {'in time':>14} {'gave up':>14} {'wait, s':>14} {'busy':>7}"


@cli.command("simulate")
@click.option("--site", "site_code", required=True, metavar="CODE")
@click.option("--day", type=click.DateTime(formats=["%Y-%m-%d"]), required=True, metavar="YYYY-MM-DD")
@click.option(
    "--policies",
    default=",".join(simulating.DEFAULT_POLICIES),
    show_default=True,
    help=f"Separated by commas: {', '.join(simulating.POLICIES)}.",
)
@click.option("--seeds", type=int, default=simulating.SEEDS, show_default=True, help="Draws of what a log cannot tell.")
@click.option("--first-seed", type=click.IntRange(min=0, max=2**30), default=simulating.FIRST_SEED, show_default=True)
@click.option("--target", type=int, default=simulating.TARGET_SECONDS, show_default=True, help="Seconds to answer in.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def simulate_command(
    *, site_code: str, day: dt.datetime, policies: str, seeds: int, first_seed: int, target: int, as_json: bool
) -> None:
    """
    Simulate a site's day of live contacts under several policies of routing.

    Arrivals and handle times are those of the call log; nothing is stored. Intervals hold with 95 % confidence.
    """
    named = tuple(name.strip() for name in policies.split(",") if name.strip())
    request = SimulationRequest(policies=named, seeds=seeds, target_seconds=target)
    simulating.check(request)
    with get_database().reading() as session:
        site = find_site(session, site_code)
        found = simulated_days.read_day(session, site, day.date(), target_seconds=target)
    result = simulating.simulate(simulated_days.with_prices(found), request, first_seed=first_seed) or {}
    told = {"site": site_code, "day": day.date().isoformat(), "inputs": dict(found.inputs), **result}
    show(told, as_json=as_json, lines=_lines(found.inputs, result, target))


def _lines(inputs: Any, result: Any, target: int) -> list[str]:
    logged = inputs["as_logged"]
    types = f"{inputs['types']} type{'' if inputs['types'] == 1 else 's'}"
    return [
        f"Contacts: {inputs['contacts']}, of {types}; agents on shift: {inputs['agents']}",
        f"As logged: {logged['service_level']:.1%} in {target} s, {logged['abandonment']:.1%} gave up",
        _HEAD,
        *(_row(line) for line in simulating.lines(result)),
        *simulating.conclude(result, target_seconds=target),
        simulating.NO_TONE,
    ]


def _row(line: Line) -> str:
    measures = line.measures
    parts: Sequence[str] = (
        f"{line.policy:<22}",
        f"{_around(measures['value'], 1.0):>18}",
        f"{_around(line.share, 100.0):>14} %",
        f"{_around(measures['service_level'], 100.0):>12} %",
        f"{_around(measures['abandonment'], 100.0):>12} %",
        f"{_around(measures['wait_seconds'], 1.0):>14}",
        f"{measures['occupancy'].mean:>7.1%}",
    )
    return " ".join(parts)


def _around(interval: Interval, times: float) -> str:
    return f"{times * interval.mean:.1f} ± {times * interval.half_width:.1f}"
