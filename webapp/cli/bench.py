"""``mainstay bench``: the optimizer beside other solvers, on problems that anybody can make again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace

import click

from optimizer.benchmarks.assignment import Comparison, Run, compare, versions
from optimizer.benchmarks.generator import Shape, breadth_for
from optimizer.benchmarks.instances import KINDS, Instance, InstanceError, Selection, list_instances, parse_size
from optimizer.benchmarks.peers import PEERS, PeerMissingError, check_peer
from optimizer.benchmarks.summary import Medians, Summary, summarise
from optimizer.benchmarks.warm import replan_after_absence
from webapp.cli.console import cli

_HEAD = f"  {'':<6} {'value':>14} {'own gap':>8} {'to best':>8} {'to bound':>8} {'seconds':>8} {'first':>7}"
_TIMES = "within 1 % / 0.5 % / 0.1 % of the best; proven"


@cli.group()
def bench() -> None:
    """Measure the optimizer."""


@bench.command()
@click.option("--size", default="50x500", show_default=True, help="Agents x engagements of drawn problems.")
@click.option("--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="How many problems to draw.")
@click.option("--first-seed", type=click.IntRange(min=0, max=2**30), default=1001, show_default=True)
@click.option("--against", default="", help=f"Other solvers, with commas between them: {', '.join(PEERS)}.")
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), default=60.0, show_default=True)
@click.option(
    "--gap", type=click.FloatRange(0, 1, max_open=True), default=1e-4, show_default=True, help="Where ours stops."
)
@click.option("--instances", "kind", default="random", show_default=True, help=f"One of: {KINDS}.")
@click.option("--intervals", type=click.IntRange(min=1), default=16, show_default=True)
@click.option("--carry", type=click.FloatRange(min=0), default=15.0, show_default=True, help="Minutes of carry-over.")
@click.option("--forecast", type=click.FloatRange(min=0), default=0.0, show_default=True, help="Share of the capacity.")
@click.option("--load", type=click.FloatRange(min=0, min_open=True), default=0.9, show_default=True)
@click.option("--eligible", type=float, help="Share of eligible pairs; about 0.19 without it.")
@click.option("--rich", is_flag=True, help="With stretch work, limits, known customers and chats.")
@click.option("--memory-mb", type=click.IntRange(min=64), help="Most memory of each solver.")
@click.option("--json", "as_json", is_flag=True, help="Everything as JSON, at the end.")
def assign(
    *,
    size: str,
    seeds: int,
    first_seed: int,
    against: str,
    seconds: float,
    gap: float,
    kind: str,
    intervals: int,
    carry: float,
    forecast: float,
    load: float,
    eligible: float | None,
    memory_mb: int | None,
    rich: bool,
    as_json: bool,
) -> None:
    """
    Solve problems by us and by other solvers, one after the other, and compare.

    Each solver has a process of its own, one thread and the same seconds; ours counts from the problem in memory, the
    others from there too, with the writing of their model. Every plan is checked by the same independent code.
    """
    peers = _peers(against)
    shape = Shape(*_size(size), intervals=intervals, max_carry=carry, forecast=forecast, load=load, rich=rich)
    if eligible is not None:
        shape = replace(shape, breadth=_breadth(eligible))
    selection = Selection(kind, shape, range(first_seed, first_seed + seeds), seconds, gap)
    comparisons = []
    for comparison in compare(_instances(selection), peers, memory_mb=memory_mb):
        comparisons.append(comparison)
        if not as_json:
            click.echo("\n".join(_lines(comparison)))
    summary = summarise(comparisons)
    if as_json:
        options = {key: value for key, value in click.get_current_context().params.items() if key != "as_json"}
        written = {"options": options, "versions": versions(), "summary": summary.to_json()}
        click.echo(json.dumps(written | {"problems": [each.to_json() for each in comparisons]}, indent=1))
    else:
        click.echo("\n".join(_summary_lines(summary)))


@bench.command()
@click.option("--size", default="200x2000", show_default=True, help="Agents x engagements of drawn problems.")
@click.option("--seeds", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--first-seed", type=click.IntRange(min=0, max=2**30), default=1001, show_default=True)
@click.option("--intervals", type=click.IntRange(min=1), default=16, show_default=True)
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), default=30.0, show_default=True)
@click.option("--gap", type=click.FloatRange(min=0, max=1, max_open=True), default=0.001, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Everything as JSON.")
def warm(*, size: str, seeds: int, first_seed: int, intervals: int, seconds: float, gap: float, as_json: bool) -> None:
    """Plan again after an absence: from the plan as it was, beside from scratch."""
    agents, engagements = _size(size)
    shape = Shape(agents=agents, engagements=engagements, intervals=intervals)
    found = [
        replan_after_absence(shape, seed, seconds=seconds, gap=gap) for seed in range(first_seed, first_seed + seeds)
    ]
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], indent=1))
        return
    click.echo(f"Seconds until within {found[0].within:.1%} of the best, and what each ended with")
    click.echo(f"{'seed':>6} {'warm':>8} {'scratch':>8} {'ratio':>7}")
    for each in found:
        spent = (each.warm_seconds, each.scratch_seconds)
        ratio = None if None in spent or not spent[0] else (spent[1] or 0.0) / spent[0]
        click.echo(
            f"{each.seed:>6} {_seconds(spent[0]):>8} {_seconds(spent[1]):>8} {_ratio(ratio):>7}"
            f"  {each.warm_points:.2f} and {each.scratch_points:.2f} points, {each.violations} rules broken"
        )


def _peers(against: str) -> list[str]:
    names = list(dict.fromkeys(name for part in against.split(",") if (name := part.strip())))
    for name in names:
        try:
            check_peer(name)
        except (ValueError, PeerMissingError) as error:
            raise click.BadParameter(str(error), param_hint="--against") from error
    return names


def _size(text: str) -> tuple[int, int]:
    try:
        return parse_size(text)
    except InstanceError as error:
        raise click.BadParameter(str(error), param_hint="--size") from error


def _breadth(eligible: float) -> float:
    try:
        return breadth_for(eligible)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--eligible") from error


def _instances(selection: Selection) -> Iterator[Instance]:
    try:
        yield from list_instances(selection)
    except InstanceError as error:
        raise click.BadParameter(str(error), param_hint="--instances") from error


def _lines(comparison: Comparison) -> list[str]:
    title = (
        f"{comparison.name}, seed {comparison.seed}: {comparison.agents} agents, {comparison.engagements} engagements"
    )
    known = "" if comparison.best_known is None else f", best known {comparison.best_known:.2f}"
    lines = [f"{title}, {comparison.intervals} intervals{known}", f"{_HEAD}  {'MB':>6}  {_TIMES}"]
    for run in comparison.runs:
        lines.append(f"  {run.solver:<6} {_value(run):>14} {_figures(run)}")
        lines += [f"         {run.status}: {run.message}"] if run.message else []
        lines += [f"         refused by verify: {each}" for each in run.violations[:3]]
        lines += ["         its bound is below a plan that is valid"] if run.bound_holds is False else []
    return lines


def _value(run: Run) -> str:
    return run.status if run.objective is None else f"{run.objective:.2f}"


def _figures(run: Run | Medians) -> str:
    shares = " ".join(f"{_share(each):>8}" for each in (run.gap, run.to_best, run.to_bound))
    peak = "–" if run.peak_mb is None else f"{run.peak_mb:.0f}"
    times = " / ".join(_seconds(each) for each in run.seconds_to.values())
    proven = " / ".join(_seconds(each) for each in run.seconds_to_proven.values())
    return f"{shares} {_seconds(run.seconds):>8} {_seconds(run.first_plan_seconds):>7}  {peak:>6}  {times}; {proven}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3%}"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _ratio(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _summary_lines(summary: Summary) -> list[str]:
    lines = ["", "Medians", f"{_HEAD}  {'MB':>6}  {_TIMES}"]
    for each in summary.medians:
        plans = f"{each.plans} of {each.problems}"
        lines.append(f"  {each.solver:<6} {plans:>14} {_figures(each)}")
        lines += [f"         {each.invalid} plans refused by verify"] if each.invalid else []
    for ratio in summary.ratios:
        lines.append(
            f"Ours against {ratio.peer}: better {ratio.better}, equal {ratio.equal}, worse {ratio.worse}. "
            f"Ours ÷ theirs: distance from the bound {_ratio(ratio.to_bound)}, seconds {_ratio(ratio.seconds)}, "
            f"memory {_ratio(ratio.peak_mb)}."
        )
    return lines
