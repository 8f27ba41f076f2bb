"""Problem and plan files: what the console command ``mainstay assign`` does, without its options parser."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path
from typing import Any

from optimizer.plan import Plan, Progress, Status
from optimizer.problem import Problem, ProblemError
from optimizer.process import solve_in_child
from optimizer.reading import Findings
from optimizer.verify import verify

LARGEST_FILE_MB = 2_048
"""Size of a problem file above which it is refused without `memory_mb`."""

MEMORY_PER_FILE_BYTE = 12
"""Bytes that parsing and the model take for each byte of the file, measured at 80 × 900 and 200 × 2,000."""

FIXED_MEMORY_MB = 150


class ExitCode(IntEnum):
    """Exit codes of ``mainstay assign``."""

    PLAN = 0
    REFUSED = 2
    NO_PLAN = 3
    SOLVER_ERROR = 4


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a problem file.

    Attributes
    ----------
    plan
        The plan; None if the input was refused.
    errors
        What was refused or went wrong, as ``path: message`` lines.
    """

    exit_code: ExitCode
    plan: Plan | None = None
    errors: tuple[str, ...] = ()


def assign_file(
    path: Path | str,
    out: Path | str | None = None,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    should_cancel: Callable[[], bool] | None = None,
    time_limit_s: float | None = None,
    seed: int | None = None,
    memory_mb: int | None = None,
) -> Answer:
    """Solve a problem file and write the plan.

    Parameters
    ----------
    path, out
        The problem file, and where the plan is to be written; None writes nothing.
    time_limit_s, seed
        In place of those of the file's policy.
    memory_mb
        Most memory of the solver; a file that can not fit is refused before it is parsed.

    Returns
    -------
    Answer
        With exit code 0 if a plan was found, 2 if the input was refused, 3 if the problem is infeasible or no plan was
        found, 4 if the solver failed. A plan file is written in all cases but 2: it says why there is no plan.
    """
    try:
        problem = read_problem(path, memory_mb=memory_mb)
        changes: dict[str, Any] = {"time_limit_s": time_limit_s, "seed": seed}
        given = {name: value for name, value in changes.items() if value is not None}
        if given:
            problem = replace(problem, policy=replace(problem.policy, **given))
        plan = solve_in_child(problem, on_progress=on_progress, should_cancel=should_cancel, memory_mb=memory_mb)
    except ProblemError as error:
        return Answer(ExitCode.REFUSED, errors=tuple(f"{where}: {what}" for where, what in error.errors))
    code, errors = _judge(problem, plan)
    if out is not None:
        Path(out).write_text(json.dumps(plan.to_json(), indent=1) + "\n", encoding="utf-8")
    return Answer(code, plan, errors)


def read_problem(path: Path | str, *, memory_mb: int | None = None) -> Problem:
    """Read a problem file.

    Raises
    ------
    ProblemError
        If it cannot be read, is too large for the memory, is not JSON or not a problem.
    """
    file = Path(path)
    try:
        size = file.stat().st_size
    except OSError as error:
        raise ProblemError("$", f"the file can not be read: {error.strerror}") from error
    needed = FIXED_MEMORY_MB + size * MEMORY_PER_FILE_BYTE / 1e6
    if memory_mb is not None and needed > memory_mb:
        message = f"the file of {size / 1e6:.0f} MB needs about {needed:.0f} MB of memory; the limit is {memory_mb} MB"
        raise ProblemError("$", message)
    if size > LARGEST_FILE_MB * 1e6:
        raise ProblemError("$", f"the file of {size / 1e6:.0f} MB is larger than {LARGEST_FILE_MB} MB")
    return Problem.from_json(_parse(file))


def read_plan(path: Path | str) -> Plan:
    """Read a plan file.

    Raises
    ------
    ProblemError
        If it is not JSON or not a plan.
    """
    return Plan.from_json(_parse(Path(path)))


def _parse(file: Path) -> object:
    repeated = Findings()

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            repeated.add(f"an object has the field {twice!r} twice")
        return fields

    try:
        parsed: object = json.loads(file.read_text(encoding="utf-8-sig"), object_pairs_hook=build)
    except OSError as error:
        raise ProblemError("$", f"the file can not be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ProblemError("$", f"the file is not UTF-8: byte {error.start}") from error
    except RecursionError as error:
        raise ProblemError("$", "the file is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise ProblemError("$", f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from error
    repeated.raise_if_any()
    return parsed


def _judge(problem: Problem, plan: Plan) -> tuple[ExitCode, tuple[str, ...]]:
    """Return the exit code of a plan, after the independent checker has seen it."""
    if plan.status is Status.SOLVER_ERROR:
        return ExitCode.SOLVER_ERROR, (plan.message,)
    if plan.objective is None:
        return ExitCode.NO_PLAN, tuple(f"{each.path}: {each.message}" for each in plan.conflicts)
    violations = verify(problem, plan)
    if violations:
        return ExitCode.SOLVER_ERROR, tuple(f"{each.rule}: {each.message}" for each in violations)
    return ExitCode.PLAN, ()
