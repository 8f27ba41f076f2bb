"""
Solve in a child process of its own, which this process can stop at any moment.

The child is the leader of its own process group. It gets the problem on its standard input and answers with lines of
JSON: signs of life, better plans, and in the end the plan. This process enforces the deadline by killing the group; the
child ends by itself when its standard input closes, which happens even if this process is killed.
"""

import contextlib
import copyreg
import io
import json
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from optimizer.control import keep_quiet, never_cancel, relative_gap
from optimizer.plan import Plan, Progress, Status, StoppedBy
from optimizer.problem import Problem

GRACE_SECONDS = 1.7
"""How long after the limit a child that does not end by itself is killed."""

CANCEL_GRACE_SECONDS = 5.0
"""How long a cancelled child may take to write its best plan."""

LEAVING_SECONDS = 0.5
"""How long a child that has written its plan may take to end by itself."""

_TICK_SECONDS = 0.05
_LONGEST_ERROR = 2_000


def solve_in_child(
    problem: Problem,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    should_cancel: Callable[[], bool] | None = None,
    memory_mb: int | None = None,
    warm: Plan | None = None,
) -> Plan:
    """Solve a problem in a child process and return its plan, whatever happens to the child.

    Parameters
    ----------
    on_progress
        Told in this thread about phases, incumbents and bounds.
    should_cancel
        Asked in this thread about twenty times a second; True ends the run and keeps the best plan.
    memory_mb
        Most address space of the child; it fails with `solver_error` rather than take more.
    warm
        An earlier plan to begin from (`optimizer.solve.solve`).

    Returns
    -------
    Plan
        At most two seconds after the policy's time limit. If the child was killed at the limit, its best plan so far
        with status ``feasible``; if it crashed, status ``solver_error`` with the reason, and the best plan so far.
    """
    tell, asked = on_progress or keep_quiet, should_cancel or never_cancel
    return _Run(problem, tell, asked, memory_mb, ("optimizer.worker",), GRACE_SECONDS, warm).finish()


def run_child(
    problem: Problem,
    *command: str,
    on_progress: Callable[[Progress], None] | None = None,
    should_cancel: Callable[[], bool] | None = None,
    memory_mb: int | None = None,
    grace_seconds: float = GRACE_SECONDS,
) -> Plan:
    """Run ``python -m command`` on a problem as `solve_in_child` does with the solver's own module.

    Parameters
    ----------
    command
        A module whose `main` is `optimizer.worker.main` with work of its own, and its arguments.
    grace_seconds
        How long after the policy's time limit the child is killed.
    """
    run = _Run(problem, on_progress or keep_quiet, should_cancel or never_cancel, memory_mb, command, grace_seconds)
    return run.finish()


@dataclass(slots=True)
class _Run:
    """One child process and what it has said so far."""

    problem: Problem
    on_progress: Callable[[Progress], None]
    should_cancel: Callable[[], bool]
    memory_mb: int | None
    command: tuple[str, ...]
    grace_seconds: float
    warm: Plan | None = None
    began_at: float = field(default_factory=time.monotonic)
    best: Plan | None = None
    final: Plan | None = None
    bound: float | None = None
    cancelled_at: float | None = None
    overdue: bool = False
    error: str = ""

    def finish(self) -> Plan:
        """Run the child to its end and return the plan."""
        child = self._start()
        said: queue.Queue[bytes | None] = queue.Queue()
        errors: list[bytes] = []
        threads = [
            threading.Thread(target=_read_lines, args=(child.stdout, said), daemon=True),
            threading.Thread(target=_read_errors, args=(child.stderr, errors), daemon=True),
            threading.Thread(target=_write, args=(child.stdin, self._request()), daemon=True),
        ]
        for thread in threads:
            thread.start()
        try:
            self._listen(child, said)
        finally:
            _kill_group(child)
            for thread in threads:
                thread.join(timeout=1.0)
            for pipe in (child.stdin, child.stdout, child.stderr):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
        return self._answer(child.returncode, b"".join(errors))

    def _start(self) -> subprocess.Popen[bytes]:
        package_parent = str(Path(__file__).resolve().parent.parent)
        path = os.pathsep.join(filter(None, [package_parent, os.environ.get("PYTHONPATH")]))
        return subprocess.Popen(
            [sys.executable, "-m", *self.command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,
        )

    def _request(self) -> bytes:
        """Return a line of JSON and behind it, pickled, the problem and an earlier plan: both are validated already."""
        problem = _pickle((self.problem, self.warm))
        request = {
            "problem_bytes": len(problem),
            "deadline_at": self.began_at + self.problem.policy.time_limit_s,
            "began_at": self.began_at,
            "memory_mb": self.memory_mb,
            "parent": os.getpid(),
        }
        return json.dumps(request).encode() + b"\n" + problem

    def _listen(self, child: subprocess.Popen[bytes], said: "queue.Queue[bytes | None]") -> None:
        limit = self.began_at + self.problem.policy.time_limit_s + self.grace_seconds
        while True:
            now = time.monotonic()
            if self.cancelled_at is None and self.should_cancel():
                self.cancelled_at = now
                limit = min(limit, now + CANCEL_GRACE_SECONDS)
                _tell_cancel(child)
            if now >= limit:
                self.overdue = True
                return
            try:
                line = said.get(timeout=min(_TICK_SECONDS, limit - now))
            except queue.Empty:
                continue
            if line is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(timeout=max(0.1, limit - time.monotonic()))
                return
            self._hear(json.loads(line))
            if self.final is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(timeout=LEAVING_SECONDS)
                return

    def _hear(self, message: dict[str, Any]) -> None:
        if "progress" in message:
            progress = Progress(**message["progress"])
            self.bound = progress.bound if progress.bound is not None else self.bound
            self.on_progress(progress)
        elif "better" in message:
            self.best = Plan.from_json(message["better"])
        elif "plan" in message:
            self.final = Plan.from_json(message["plan"])
        elif "error" in message:
            self.error = str(message["error"])

    def _answer(self, code: int | None, errors: bytes) -> Plan:
        """Return the child's plan, or the best one it told of with what became of the child."""
        if self.final is not None:
            return self.final
        seconds = round(time.monotonic() - self.began_at, 3)
        empty = Plan(Status.SOLVER_ERROR, seed=self.problem.policy.seed)
        kept = (self.best or empty).with_changes(seconds=seconds, problem=self.problem.digest())
        if kept.objective is not None and self.bound is not None:
            bound = max(self.bound, kept.objective)
            kept = kept.with_changes(bound=bound, gap=relative_gap(kept.objective, bound))
        if self.cancelled_at is not None:
            return kept.with_changes(status=Status.CANCELLED, stopped_by=StoppedBy.CANCEL)
        if self.overdue:
            status = Status.FEASIBLE if self.best is not None else Status.TIME_LIMIT_NO_PLAN
            return kept.with_changes(status=status, stopped_by=StoppedBy.CLOCK)
        detail = self.error or errors.decode(errors="replace").strip()[-_LONGEST_ERROR:]
        return kept.with_changes(status=Status.SOLVER_ERROR, stopped_by=None, message=_describe_end(code, detail))


def _pickle(value: tuple[Problem, Plan | None]) -> bytes:
    buffer = io.BytesIO()
    pickler = pickle.Pickler(buffer, pickle.HIGHEST_PROTOCOL)
    # A caller may pass read-only views as mappings, which are not pickled by themselves.
    pickler.dispatch_table = copyreg.dispatch_table | {MappingProxyType: lambda view: (dict, (dict(view),))}
    pickler.dump(value)
    return buffer.getvalue()


def _describe_end(code: int | None, detail: str) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return f"The solver process was ended by {signal.Signals(-code).name}. {detail}".strip()
    return f"The solver process ended with code {code}. {detail}".strip()


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    """End the child and whatever it has started, and wait for it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _tell_cancel(child: subprocess.Popen[bytes]) -> None:
    """Ask the child to stop; SIGUSR1, because its standard input may still be full of the problem."""
    with contextlib.suppress(ProcessLookupError):
        child.send_signal(signal.SIGUSR1)


def _read_lines(pipe: IO[bytes] | None, said: "queue.Queue[bytes | None]") -> None:
    if pipe is not None:
        with contextlib.suppress(OSError, ValueError):
            for line in pipe:
                said.put(line)
    said.put(None)


def _read_errors(pipe: IO[bytes] | None, errors: list[bytes]) -> None:
    if pipe is not None:
        with contextlib.suppress(OSError, ValueError):
            for line in pipe:
                errors.append(line)
                del errors[:-50]


def _write(pipe: IO[bytes] | None, request: bytes) -> None:
    """Hand the problem over; the pipe stays open, because its end tells the child that this process is gone."""
    if pipe is not None:
        with contextlib.suppress(OSError, ValueError):
            pipe.write(request)
            pipe.flush()
