"""Problem and plan files: what the console command ``mainstay assign`` does, without its options parser."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path
from typing import Any
from uuid import uuid4

from optimizer.parsing import parse_file
from optimizer.plan import Plan, Progress, Status
from optimizer.policy import Policy
from optimizer.problem import Problem, ProblemError
from optimizer.process import solve_in_child
from optimizer.reading import Findings, integer, number
from optimizer.verify import verify


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
    warm: Path | str | None = None,
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
    warm
        The plan file of an earlier solve to begin from.

    Returns
    -------
    Answer
        With exit code 0 if a plan was found, 2 if the input was refused, 3 if the problem is infeasible or no plan was
        found, 4 if the solver failed. A plan file is written in all cases but 2: it says why there is no plan. It is
        written whole or not at all.
    """
    try:
        earlier = None if warm is None else read_plan(warm)
    except ProblemError as error:
        return Answer(ExitCode.REFUSED, errors=tuple(f"{warm}: {where}: {what}" for where, what in error.errors))
    try:
        problem = read_problem(path, memory_mb=memory_mb)
        problem = replace(problem, policy=_changed(problem.policy, time_limit_s, seed))
        plan = solve_in_child(
            problem, on_progress=on_progress, should_cancel=should_cancel, memory_mb=memory_mb, warm=earlier
        )
    except ProblemError as error:
        return Answer(ExitCode.REFUSED, errors=tuple(f"{where}: {what}" for where, what in error.errors))
    answer = judge(problem, plan)
    if out is not None and answer.plan is not None:
        try:
            write_whole(Path(out), json.dumps(answer.plan.to_json(), indent=1) + "\n")
        except OSError as error:
            message = f"the plan can not be written to {out}: {error.strerror}"
            return Answer(ExitCode.SOLVER_ERROR, answer.plan, (*answer.errors, message))
    return answer


def _changed(policy: Policy, time_limit_s: float | None, seed: int | None) -> Policy:
    """Return the policy with what was asked for outside the file, refused by the same path as in the file."""
    findings = Findings().at("policy")
    changes: dict[str, Any] = {}
    if time_limit_s is not None:
        changes["time_limit_s"] = number(time_limit_s, findings.at("time_limit_s"))
    if seed is not None:
        changes["seed"] = integer(seed, findings.at("seed"))
    findings.raise_if_any()
    with findings.below():
        policy = replace(policy, **changes)
    findings.raise_if_any()
    return policy


def read_problem(path: Path | str, *, memory_mb: int | None = None) -> Problem:
    """Read a problem file.

    Raises
    ------
    ProblemError
        If it cannot be read, is too large for the memory, is not JSON or not a problem.
    """
    return Problem.from_json(parse_file(Path(path), memory_mb=memory_mb))


def read_plan(path: Path | str) -> Plan:
    """Read a plan file.

    Raises
    ------
    ProblemError
        If it is not JSON or not a plan.
    """
    return Plan.from_json(parse_file(Path(path)))


def write_whole(file: Path, text: str) -> None:
    """Write a text file so that whoever reads it finds the old content or the whole new one, whatever happens.

    Raises
    ------
    OSError
        If it cannot be written; the old content stands.
    """
    if file.exists() and not file.is_file():
        # A terminal or a pipe can not be replaced, and has nothing that could be lost.
        file.write_text(text, encoding="utf-8")
        return
    # Through a link, and not in place of it.
    target = file.resolve()
    part = target.with_name(f".{uuid4().hex}.part")
    try:
        with part.open("x", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def judge(problem: Problem, plan: Plan) -> Answer:
    """Return the exit code that a plan deserves once the independent checker has seen it.

    A plan that breaks a rule is not passed on: in its place stands an empty one that says so.
    """
    violations = verify(problem, plan)
    if violations:
        message = f"The solver's plan breaks a rule. {violations[0].rule}: {violations[0].message}"
        nothing = Plan(Status.SOLVER_ERROR, seed=plan.seed, problem=plan.problem, solver=plan.solver, message=message)
        return Answer(ExitCode.SOLVER_ERROR, nothing, tuple(f"{each.rule}: {each.message}" for each in violations))
    if plan.status is Status.SOLVER_ERROR:
        return Answer(ExitCode.SOLVER_ERROR, plan, (plan.message,))
    if plan.objective is None:
        return Answer(ExitCode.NO_PLAN, plan, tuple(f"{each.path}: {each.message}" for each in plan.conflicts))
    return Answer(ExitCode.PLAN, plan)
