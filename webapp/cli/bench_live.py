"""``mainstay bench routing`` and ``mainstay bench cross-training``: rules of live routing, and lessons, compared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean, median

import click

from optimizer.benchmarks.bank import BankLogError
from optimizer.benchmarks.bank_calls import list_bank_days
from optimizer.benchmarks.crosstraining import SHAPES, TrainingRun, run_training
from optimizer.benchmarks.generator import Shape
from optimizer.benchmarks.instances import InstanceError, parse_size
from optimizer.benchmarks.routing import CentreShape, DecisionTimes, draw_day, time_decisions, try_rules
from optimizer.days import Difference, Interval, compare_days, pool
from optimizer.routing import RECOMMENDED, RULES
from optimizer.simulate import DayOutcome
from webapp.cli.bench import bench

LARGE = 1000
_HEAD = f"{'rule':<18} {'in 20 s':>8} {'gave up':>8} {'busy':>7}  value, in 20 s, gave up of {{ours}} beside it"


@bench.command()
@click.option("--load", type=click.FloatRange(min=0, min_open=True), default=0.95, show_default=True)
@click.option("--agents", type=click.IntRange(min=1), default=60, show_default=True)
@click.option("--seeds", type=click.IntRange(min=1), default=20, show_default=True, help="Draws of a day.")
@click.option("--first-seed", type=click.IntRange(min=0, max=2**30), default=1001, show_default=True)
@click.option("--bank", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Real days: the bank's log.")
@click.option("--ours", type=click.Choice(sorted(RULES)), default=RECOMMENDED, show_default=True)
@click.option("--times", is_flag=True, help=f"Time the decisions of each rule with {LARGE} agents, too.")
@click.option("--json", "as_json", is_flag=True, help="Everything as JSON.")
def routing(
    *, load: float, agents: int, seeds: int, first_seed: int, bank: Path | None, ours: str, times: bool, as_json: bool
) -> None:
    """
    Try each rule of live routing on the same days and compare.

    The days are drawn, one for each seed, or with --bank those of a real log; then each seed draws anew what a log
    cannot tell, such as the patience of those who were served. Differences are paired by day, with 95 % confidence.
    """
    drawn = range(first_seed, first_seed + seeds)
    if bank is None:
        outcomes = try_rules(draw_day(CentreShape(agents=agents, load=load), seed) for seed in drawn)
    else:
        outcomes = _try_on_log(bank, drawn)
    if not outcomes[ours]:
        raise click.BadParameter("the log has too few working days", param_hint="--bank")
    spent = {name: time_decisions(rule, agents=LARGE) for name, rule in RULES.items()} if times else {}
    differences = {name: compare_days(outcomes[ours], theirs) for name, theirs in outcomes.items()}
    if as_json:
        written = {
            name: {
                "days": len(found),
                **_means(found),
                f"{ours} beside it": asdict(differences[name]),
                **({"microseconds": asdict(spent[name])} if spent else {}),
            }
            for name, found in outcomes.items()
        }
        click.echo(json.dumps({"options": click.get_current_context().params, "rules": written}, indent=1, default=str))
        return
    click.echo(f"{len(outcomes[ours])} days")
    click.echo(_HEAD.format(ours=ours))
    for name, found in outcomes.items():
        click.echo(_rule_line(name, found, differences[name]))
    for name, each in spent.items():
        click.echo(_time_line(name, each))


def _try_on_log(path: Path, seeds: Sequence[int]) -> dict[str, tuple[DayOutcome, ...]]:
    outcomes: dict[str, list[DayOutcome]] = {name: [] for name in RULES}
    try:
        for day in list_bank_days(path, seeds=seeds):
            for name, found in try_rules(day).items():
                outcomes[name].append(pool(found))
    except BankLogError as error:
        raise click.BadParameter(str(error), param_hint="--bank") from error
    return {name: tuple(found) for name, found in outcomes.items()}


def _means(found: Sequence[DayOutcome]) -> dict[str, float]:
    return {
        "service_level": fmean(day.service_level for day in found),
        "abandonment": fmean(day.abandonment for day in found),
        "occupancy": fmean(day.occupancy for day in found),
        "value": fmean(day.value for day in found),
    }


def _rule_line(name: str, found: Sequence[DayOutcome], beside: Difference) -> str:
    means = _means(found)
    shares = f"{means['service_level']:>8.1%} {means['abandonment']:>8.1%} {means['occupancy']:>7.1%}"
    parts = (beside.value, beside.service_level, beside.abandonment)
    return f"{name:<18} {shares}  {', '.join(map(_points, parts))}"


def _points(interval: Interval) -> str:
    return f"{100 * interval.mean:+.2f} ± {100 * interval.half_width:.2f} %"


def _time_line(name: str, each: DecisionTimes) -> str:
    return (
        f"{name:<18} {each.events} events: median {each.median:.1f} µs, 99 in 100 below {each.percentile_99:.1f} µs, "
        f"{each.per_decision:.1f} µs for each decision"
    )


@bench.command("cross-training")
@click.option("--seeds", type=click.IntRange(min=1), default=5, show_default=True, help="How many days of each shape.")
@click.option("--first-seed", type=click.IntRange(min=0, max=2**30), default=1001, show_default=True)
@click.option("--size", help="Agents x engagements, such as 40x300; days of 20 to 60 agents without it.")
@click.option("--top", type=click.IntRange(min=1), default=5, show_default=True, help="How many lessons to prove.")
@click.option("--brute-force", is_flag=True, help="Solve every lesson too; takes minutes for a day.")
@click.option("--json", "as_json", is_flag=True, help="Everything as JSON.")
def cross_training(
    *, seeds: int, first_seed: int, size: str | None, top: int, brute_force: bool, as_json: bool
) -> None:
    """Prove the best lessons of random days and count the LPs that it took."""
    runs: list[TrainingRun] = []
    for shape in SHAPES if size is None else (_shape(size),):
        for seed in range(first_seed, first_seed + seeds):
            runs += run_training(shape, [seed], top=top, brute_force=brute_force)
            if not as_json:
                click.echo(_training_line(runs[-1]))
    if as_json:
        click.echo(json.dumps([asdict(run) | {"share": run.share} for run in runs], indent=1))
        return
    click.echo(f"Median share of the LPs of brute force: {median(run.share for run in runs):.1%}")


def _shape(size: str) -> Shape:
    try:
        agents, engagements = parse_size(size)
    except InstanceError as error:
        raise click.BadParameter(str(error), param_hint="--size") from error
    return replace(SHAPES[0], agents=agents, engagements=engagements)


def _training_line(run: TrainingRun) -> str:
    gain = "nothing" if run.best_gain is None else f"{run.best_gain:.2f}"
    line = (
        f"{run.shape.agents} x {run.shape.engagements}, seed {run.seed}: {run.solves} of {run.lessons} lessons solved "
        f"({run.share:.1%}), {'proven' if run.certified else 'not proven'}, best gain {gain}, {run.seconds:.1f} s"
    )
    if run.brute_gain is not None and run.brute_seconds is not None:
        line += f"; brute force {run.brute_gain:.2f} in {run.brute_seconds:.1f} s"
    return line
