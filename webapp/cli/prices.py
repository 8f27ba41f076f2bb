"""``mainstay prices``: the shadow prices of a plan file as CSV."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import click

from optimizer.control import Control
from optimizer.files import read_plan, read_problem
from optimizer.plan import Plan
from optimizer.price_tables import HEADERS, KINDS, RANGE_HEADER, Row, cells_of, price_rows, with_ranges
from optimizer.problem import Problem
from optimizer.ranges import OutOfTimeError, floor_price, price_ranges
from optimizer.reading import ProblemError
from webapp.cli.console import cli
from webapp.web.tables import guard_cell

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@cli.command()
@click.argument("plan", type=_FILE)
@click.option(
    "--of", "kind", type=click.Choice(KINDS), default="agent", show_default=True,
    help="Minutes of agents, minutes of a skill at a level, or limits.",
)  # fmt: skip
@click.option(
    "--ranges",
    "problem",
    type=_FILE,
    help="The plan's problem: adds between which prices each is unique, and that of ε.",
)
@click.option("--seconds", type=click.FloatRange(min=0), default=60.0, show_default=True, help="Most time for ranges.")
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="Where to write the table.")
def prices(plan: Path, kind: str, problem: Path | None, seconds: float, out: Path | None) -> None:
    """
    Write the shadow prices of PLAN, a file of the optimizer's format, as CSV.

    A price is what one more unit would gain, in points; intervals count from 0.
    """
    try:
        answer = read_plan(plan)
        asked = None if problem is None else read_problem(problem)
    except ProblemError as error:
        raise click.ClickException("\n".join(f"{where}: {what}" for where, what in error.errors)) from error
    header, rows = HEADERS[kind], price_rows(answer, kind)
    if asked is not None:
        if kind == "skill":
            raise click.BadParameter(
                "The price of a skill is a mean over agents: ask for theirs.", param_hint="--ranges"
            )
        _check_same(asked, answer)
        header, rows = (*header, *RANGE_HEADER), _with_ranges(asked, answer, kind, seconds)
    _write(header, rows, out)


def _check_same(problem: Problem, plan: Plan) -> None:
    """Refuse a problem that the plan cannot answer; one that only differs in effort, such as its seconds, may pass."""
    rows = {agent.id: len(agent.capacity) for agent in problem.agents}
    work = {engagement.id for engagement in problem.engagements}
    answered = {each.engagement for each in plan.assignments} | {each.engagement for each in plan.unassigned}
    if answered != work or {agent: len(row) for agent, row in plan.prices.agent.items()} != rows:
        raise click.BadParameter("This is not the problem that the plan answers.", param_hint="--ranges")


def _with_ranges(problem: Problem, plan: Plan, kind: str, seconds: float) -> list[Row]:
    control = Control()
    control.deadline_at = control.began_at + seconds
    capacity = {agent.id: agent.capacity for agent in problem.agents}
    try:
        found = price_ranges(problem, cells_of(plan, kind, capacity), plan=plan, control=control)
        rows = with_ranges(plan, kind, found)
        epsilon = floor_price(problem, plan, control=control) if kind == "policy" else None
    except OutOfTimeError as error:
        raise click.ClickException("There was no time for ranges; give more --seconds.") from error
    if epsilon is not None:
        path, unit = "$.policy.growth_epsilon", "point of growth per point"
        rows.append(("growth_epsilon", path, "", unit, epsilon.low, epsilon.low, epsilon.high, int(epsilon.exact)))
    return rows


def _write(header: tuple[str, ...], rows: list[Row], out: Path | None) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([guard_cell(value) for value in row] for row in rows)
    if out is None:
        click.echo(buffer.getvalue(), nl=False)
    else:
        out.write_text(buffer.getvalue(), encoding="utf-8")
        click.echo(f"{len(rows)} prices written to {out}.")
