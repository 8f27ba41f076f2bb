"""``mainstay bench routing`` and ``mainstay bench cross-training``: rules of live routing, and lessons, compared."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean, median

import click
import numpy as np

from optimizer.benchmarks.bank import BankLogError
from optimizer.benchmarks.bank_calls import list_bank_days
from optimizer.benchmarks.crosstraining import SHAPES, TrainingRun, run_training
from optimizer.benchmarks.generator import Shape
from optimizer.benchmarks.instances import InstanceError, parse_size
from optimizer.benchmarks.routing import CentreShape, DecisionTimes, RoutedDay, draw_day, time_decisions, try_rules
from optimizer.days import Difference, Interval, compare_days, join
from optimizer.hindsight import bound_value
from optimizer.routing import RECOMMENDED, TRIED, Rule
from optimizer.simulate import DayOutcome
from webapp.cli.bench import bench

LARGE = 1000
_HEAD = f"{'rule':<28} {'value':>16} {'of hindsight':>15} {'in 20 s':>8} {'gave up':>8} {'busy':>7} {'spread':>7}"
_BESIDE = "{ours} beside each, paired: value, in 20 s, gave up; * where the intervals of its value do not overlap"


@dataclass(frozen=True, slots=True)
class _Tried:
    """What became of the same days under each rule, and what hindsight could have reached."""

    outcomes: dict[str, tuple[DayOutcome, ...]]
    bounds: tuple[float, ...]


@bench.command()
@click.option("--load", type=click.FloatRange(min=0, min_open=True), default=0.95, show_default=True)
@click.option("--agents", type=click.IntRange(min=1), default=60, show_default=True)
@click.option("--seeds", type=click.IntRange(min=1), default=20, show_default=True, help="Draws of a day.")
@click.option("--first-seed", type=click.IntRange(min=0, max=2**30), default=1001, show_default=True)
@click.option("--bank", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Real days: the bank's log.")
@click.option("--by-day", is_flag=True, help="Put the days of the log side by side, and not the draws.")
@click.option("--ours", type=click.Choice(sorted(TRIED)), default=RECOMMENDED, show_default=True)
@click.option("--rules", "names", multiple=True, type=click.Choice(sorted(TRIED)), help="Only these, besides ours.")
@click.option("--reprice", type=click.FloatRange(min=0), default=0.0, help="Try new prices every so many minutes, too.")
@click.option("--times", is_flag=True, help=f"Time the decisions of each rule with {LARGE} agents, too.")
@click.option("--json", "as_json", is_flag=True, help="Everything as JSON.")
def routing(
    *,
    load: float,
    agents: int,
    seeds: int,
    first_seed: int,
    bank: Path | None,
    by_day: bool,
    ours: str,
    names: tuple[str, ...],
    reprice: float,
    times: bool,
    as_json: bool,
) -> None:
    """
    Try each rule of live routing on the same days and compare.

    The days are drawn, one for each seed, and their values scaled to the hindsight optimum of the day. With --bank they
    are those of a real log, all of them together once for each seed, which draws anew what a log cannot tell, such as
    the patience of those who were served; with --by-day each day counts once, with all its draws. The share of
    hindsight is that of a bound: no rule could have reached more. Intervals hold with 95 % confidence.
    """
    drawn = range(first_seed, first_seed + seeds)
    rules = {name: rule for name, rule in TRIED.items() if not names or name in {*names, ours}}
    if bank is None:
        shape = CentreShape(agents=agents, load=load)
        tried = _try([[draw_day(shape, seed)] for seed in drawn], rules, 60.0 * reprice)
    else:
        tried = _try(_days_of_log(bank, drawn, by_day=by_day), rules, 60.0 * reprice)
    spent = {name: time_decisions(rule, agents=LARGE) for name, rule in rules.items()} if times else {}
    differences = {name: compare_days(tried.outcomes[ours], theirs) for name, theirs in tried.outcomes.items()}
    if as_json:
        written = {
            name: {
                "days": len(found),
                **_means(found),
                "values": [day.value for day in found],
                "of hindsight": asdict(_share(found, tried.bounds)),
                f"{ours} beside it": asdict(differences[name]),
                **({"microseconds": asdict(spent[name])} if name in spent else {}),
            }
            for name, found in tried.outcomes.items()
        }
        click.echo(json.dumps({"options": click.get_current_context().params, "rules": written}, indent=1, default=str))
        return
    click.echo(f"{len(tried.bounds)} {'draws of the log' if bank and not by_day else 'days'}")
    click.echo(_HEAD)
    for name, found in tried.outcomes.items():
        click.echo(_rule_line(name, found, tried.bounds, scaled=bank is None or by_day))
    click.echo(_BESIDE.format(ours=ours))
    for name, found in tried.outcomes.items():
        apart = not _share(found, tried.bounds).overlaps(_share(tried.outcomes[ours], tried.bounds))
        click.echo(_difference_line(name, differences[name], apart=apart))
    for name, each in spent.items():
        click.echo(_time_line(name, each))


def _days_of_log(path: Path, seeds: Sequence[int], *, by_day: bool) -> list[list[RoutedDay]]:
    """Return for each seed the days of the log, or for each day its draws."""
    try:
        days = list(list_bank_days(path, seeds=seeds))
    except BankLogError as error:
        raise click.BadParameter(str(error), param_hint="--bank") from error
    if not days:
        raise click.BadParameter("the log has too few working days", param_hint="--bank")
    return days if by_day else [list(drawn) for drawn in zip(*days, strict=True)]


def _try(groups: Sequence[Sequence[RoutedDay]], rules: Mapping[str, Rule], reprice_seconds: float) -> _Tried:
    """Try rules on groups of days; the days of a group are counted together."""
    outcomes: dict[str, list[DayOutcome]] = {}
    bounds = []
    for days in groups:
        for name, found in try_rules(days, rules, reprice_seconds=reprice_seconds).items():
            outcomes.setdefault(name, []).append(join(found))
        bounds.append(sum(bound_value(day.problem, day.desk, day.calls) for day in days))
    return _Tried({name: tuple(found) for name, found in outcomes.items()}, tuple(bounds))


def _share(found: Sequence[DayOutcome], bounds: Sequence[float]) -> Interval:
    shares = [day.value / bound if bound else 1.0 for day, bound in zip(found, bounds, strict=True)]
    return Interval.of(np.array(shares))


def _means(found: Sequence[DayOutcome]) -> dict[str, float]:
    return {
        "service_level": fmean(day.service_level for day in found),
        "abandonment": fmean(day.abandonment for day in found),
        "occupancy": fmean(day.occupancy for day in found),
        "occupancy_spread": fmean(day.occupancy_spread for day in found),
        "value": fmean(day.value for day in found),
    }


def _rule_line(name: str, found: Sequence[DayOutcome], bounds: Sequence[float], *, scaled: bool) -> str:
    means, share = _means(found), _share(found, bounds)
    value = Interval.of(np.array([day.value for day in found]))
    # Drawn days differ in size: only their shares can be put side by side.
    points = f"{value.mean:.0f}" if scaled else f"{value.mean:.0f} ± {value.half_width:.0f}"
    return (
        f"{name:<28} {points:>16} {100 * share.mean:>7.2f} ± {100 * share.half_width:.2f} "
        f"{means['service_level']:>8.1%} {means['abandonment']:>8.1%} {means['occupancy']:>7.1%} "
        f"{means['occupancy_spread']:>7.1%}"
    )


def _difference_line(name: str, beside: Difference, *, apart: bool) -> str:
    parts = (beside.value, beside.service_level, beside.abandonment)
    return f"{name:<28} {', '.join(map(_points, parts))}{' *' if apart else ''}"


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
