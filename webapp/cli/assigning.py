"""``mainstay assign``: solve a problem file, without a database."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import click

from optimizer.files import assign_file
from optimizer.plan import Progress
from webapp.cli.console import cli
from webapp.services.planning.words import status_words


@cli.command()
@click.argument("problem", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="Where to write the plan.")
@click.option("--progress", is_flag=True, help="Report the search on standard error.")
@click.option("--memory-mb", type=click.IntRange(min=64), help="Most memory; a file that cannot fit is refused.")
@click.option("--seconds", type=float, help="Time limit in place of the file's.")
@click.option("--seed", type=int, help="Seed in place of the file's.")
def assign(
    problem: Path, out: Path | None, memory_mb: int | None, seconds: float | None, seed: int | None, *, progress: bool
) -> None:
    """
    Solve PROBLEM, a file of the optimizer's format, and write the plan.

    Exit code 0: a plan is written; 2: the input is refused; 3: infeasible, or no plan found; 4: the solver failed.
    Ctrl-C ends the search and keeps the best plan so far; a second one ends the command without a plan.
    """
    if out is not None and not out.parent.is_dir():
        # Found before the solve: its result would be lost.
        raise click.BadParameter(f"There is no folder {out.parent}.", param_hint="--out")
    with _interrupts_asked() as asked:
        answer = assign_file(
            problem,
            out,
            on_progress=_tell if progress else None,
            should_cancel=asked,
            time_limit_s=seconds,
            seed=seed,
            memory_mb=memory_mb,
        )
    for error in answer.errors:
        click.echo(error, err=True)
    plan = answer.plan
    if plan is not None:
        value = f", {plan.objective:.2f} points" if plan.objective is not None else ""
        gap = f", gap {plan.gap:.3%}" if plan.gap is not None else ""
        click.echo(f"{status_words(plan.status.value)}{value}{gap}, {plan.seconds:.1f} s.")
    sys.exit(int(answer.exit_code))


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
