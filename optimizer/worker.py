"""The child process of `optimizer.process`: reads one problem from standard input, writes lines of JSON."""

import contextlib
import ctypes
import json
import os
import pickle
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from optimizer.plan import Plan
    from optimizer.problem import Problem

_PR_SET_PDEATHSIG = 1
_WATCH_SECONDS = 0.5
_BETTER_EVERY_SECONDS = 1.0


class Speaker:
    """Writes one line of JSON at a time, from any thread."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def say(self, **message: Any) -> None:
        """Write a message; a parent that is gone ends this process."""
        try:
            with self._lock:
                self._stream.write(json.dumps(message) + "\n")
                self._stream.flush()
        except (BrokenPipeError, ValueError):
            os._exit(1)


Work = Callable[[dict[str, Any], Speaker, threading.Event], None]


def main(work: Work | None = None) -> int:
    """Solve the problem on standard input and return the exit code.

    Parameters
    ----------
    work
        What is done with the request in place of solving it; it says its plan itself.
    """
    cancelled = threading.Event()
    signal.signal(signal.SIGUSR1, lambda *_: cancelled.set())
    _die_with_parent()
    # Whatever a library prints must not be taken for a message.
    speaker = Speaker(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)
    line = sys.stdin.buffer.readline()
    if not line:
        return 1
    request = json.loads(line)
    request["problem"] = sys.stdin.buffer.read(int(request["problem_bytes"]))
    if len(request["problem"]) < request["problem_bytes"]:
        return 1
    _watch_parent(int(request["parent"]))
    if request["memory_mb"] is not None:
        most = int(request["memory_mb"]) * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    try:
        (work or _solve)(request, speaker, cancelled)
    except MemoryError:
        speaker.say(error=f"out of memory: the limit is {request['memory_mb']} MB")
        return 4
    except Exception as error:  # noqa: BLE001  The parent reports it; there is nobody else to handle it.
        speaker.say(error=f"{type(error).__name__}: {error}")
        return 4
    return 0


def read_problem(request: dict[str, Any]) -> "tuple[Problem, Plan | None]":
    """Return the problem of a request, which the parent has validated, and the earlier plan to begin from."""
    # The parent alone can write to this pipe.
    pair: tuple[Problem, Plan | None] = pickle.loads(request["problem"])  # noqa: S301  # nosec B301
    return pair


def _solve(request: dict[str, Any], speaker: Speaker, cancelled: threading.Event) -> None:
    # Imported here, so that a memory limit and the watch over the parent hold while the libraries load.
    from optimizer.control import Control  # noqa: PLC0415
    from optimizer.plan import Plan, Progress  # noqa: PLC0415
    from optimizer.solve import solve  # noqa: PLC0415

    told_at = 0.0
    waiting: list[Plan] = []

    def tell_progress(progress: Progress) -> None:
        speaker.say(progress={name: getattr(progress, name) for name in Progress.__slots__})
        tell_better()

    def tell_better(plan: Plan | None = None) -> None:
        nonlocal told_at
        if plan is not None:
            waiting[:] = [plan]
        if waiting and time.monotonic() - told_at >= _BETTER_EVERY_SECONDS:
            told_at = time.monotonic()
            speaker.say(better=waiting.pop().to_json())

    control = Control(
        deadline_at=float(request["deadline_at"]),
        should_cancel=cancelled.is_set,
        on_progress=tell_progress,
        began_at=float(request["began_at"]),
    )
    problem, warm = read_problem(request)
    plan = solve(problem, control, publish=tell_better, warm=warm)
    speaker.say(plan=plan.to_json())


def _die_with_parent() -> None:
    """Ask Linux to end this process with its parent; elsewhere the watch alone does it."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _watch_parent(parent: int) -> None:
    """End this process when its parent is gone: prctl covers only the thread that started it."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_SECONDS)
        os._exit(1)

    def listen() -> None:
        # Not through sys.stdin: its lock would be held while the interpreter shuts down.
        while os.read(0, 1):
            pass
        os._exit(1)

    for target in (watch, listen):
        threading.Thread(target=target, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
