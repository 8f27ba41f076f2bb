"""``mainstay assign``: solve a problem file, without a database."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import click

from optimizer import Problem, Sentences, solve_in_child, weigh_terms
from optimizer.files import ExitCode, assign_file, read_problem
from optimizer.plan import Plan, Progress
from webapp.cli.console import cli
from webapp.services.planning.words import status_words, term_words


@cli.command()
@click.argument("problem", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="Where to write the plan.")
@click.option("--progress", is_flag=True, help="Report the search on standard error.")
@click.option("--memory-mb", type=click.IntRange(min=64), help="Most memory; a file that cannot fit is refused.")
@click.option("--seconds", type=float, help="Time limit in place of the file's.")
@click.option("--seed", type=int, help="Seed in place of the file's.")
@click.option(
    "--warm", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A plan file of an earlier solve to begin from: yesterday's, or the published one.",
)  # fmt: skip
@click.option(
    "--explain-weights", "weights", type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write what each weight of the policy changes.",
)  # fmt: skip
@click.option(
    "--explain-seconds", type=click.FloatRange(min=0, min_open=True), default=120.0, show_default=True,
    help="Time for --explain-weights, all its solves together.",
)  # fmt: skip
def assign(
    problem: Path,
    out: Path | None,
    memory_mb: int | None,
    seconds: float | None,
    seed: int | None,
    *,
    warm: Path | None,
    weights: Path | None,
    explain_seconds: float,
    progress: bool,
) -> None:
    """
    Solve PROBLEM, a file of the optimizer's format, and write the plan.

    Exit code 0: a plan is written; 2: the input is refused; 3: infeasible, or no plan found; 4: the solver failed.
    Ctrl-C ends the search and keeps the best plan so far; a second one ends the command without a plan.
    """
    for option, path in (("--out", out), ("--explain-weights", weights)):
        if path is not None and not path.parent.is_dir():
            # Found before the solve: its result would be lost.
            raise click.BadParameter(f"There is no folder {path.parent}.", param_hint=option)
    with _interrupts_asked() as asked:
        answer = assign_file(
            problem,
            out,
            on_progress=_tell if progress else None,
            should_cancel=asked,
            time_limit_s=seconds,
            seed=seed,
            memory_mb=memory_mb,
            warm=warm,
        )
    for error in answer.errors:
        click.echo(error, err=True)
    plan = answer.plan
    if plan is not None:
        value = f", {plan.objective:.2f} points" if plan.objective is not None else ""
        gap = f", gap {plan.gap:.3%}" if plan.gap is not None else ""
        click.echo(f"{status_words(plan.status.value)}{value}{gap}, {plan.seconds:.1f} s.")
    if weights is not None and answer.exit_code is ExitCode.PLAN and plan is not None:
        _explain_weights(read_problem(problem, memory_mb=memory_mb), plan, weights, explain_seconds)
    sys.exit(int(answer.exit_code))


def _explain_weights(problem: Problem, plan: Plan, path: Path, seconds: float) -> None:
    """Solve again without each weight, write what that changes, and say it."""
    with _interrupts_asked() as asked:
        costs = weigh_terms(
            problem, plan, seconds=seconds, resolve=lambda other: solve_in_child(other, should_cancel=asked)
        )
    path.write_text(json.dumps(costs.to_json(), indent=1) + "\n", encoding="utf-8")
    for line in Sentences(translate=term_words).weights(costs):
        click.echo(line)


@contextlib.contextmanager
def _interrupts_asked() -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C, and what a batch system sends before it kills, ask for the best plan so far; twice ends at once."""
    asked = threading.Event()

    def ask(_signal: int, _frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        # Not through Python's streams: the signal may have come while they were writing.
        os.write(2, b"Ending the search; the best plan so far is kept.\n")

    before = {each: signal.signal(each, ask) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked.is_set
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _tell(progress: Progress) -> None:
    value = f"  {progress.incumbent:.2f}" if progress.incumbent is not None else ""
    gap = f"  gap {progress.gap:.3%}" if progress.gap is not None else ""
    click.echo(f"{progress.seconds:7.1f} s  {progress.phase}{value}{gap}", err=True)
