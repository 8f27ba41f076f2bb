"""Other solvers on the whole model, each in a process of its own, as a yardstick."""

from collections.abc import Callable
from importlib.util import find_spec

from optimizer.plan import Plan, Progress
from optimizer.problem import Problem
from optimizer.process import run_child

PEERS = ("highs", "cbc", "cpsat")

LEAST_GRACE_SECONDS = 15.0
"""How long a solver may overrun its time limit at least before it is killed; as long as the limit itself if longer."""


class PeerMissingError(RuntimeError):
    """A peer is not installed; the text says how to install it."""


def check_peer(name: str) -> None:
    """Make sure that a peer can be asked.

    Raises
    ------
    PeerMissingError
        If its package is not installed.
    ValueError
        If there is no such peer.
    """
    if name not in PEERS:
        raise ValueError(f"{name!r} is none of {', '.join(PEERS)}")
    if name == "cpsat" and find_spec("ortools") is None:
        raise PeerMissingError(
            "cpsat needs the package ortools, which only development installs: python3 manage.py setup --dev"
        )


def solve_by_peer(
    problem: Problem,
    name: str,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    memory_mb: int | None = None,
) -> Plan:
    """Solve a problem's first tier by another solver and return its plan.

    Parameters
    ----------
    name
        ``highs``, ``cbc`` or ``cpsat``, with default settings and one thread.
    memory_mb
        Most address space of its process.

    Returns
    -------
    Plan
        With the solver's own bound. `seconds` count from here to the solver's answer, the model's writing included;
        `peak_mb` is that of the largest of its processes.

    Raises
    ------
    PeerMissingError, ValueError
        As `check_peer` does.
    """
    check_peer(name)
    grace = max(LEAST_GRACE_SECONDS, problem.policy.time_limit_s)
    return run_child(
        problem,
        "optimizer.benchmarks.peer",
        name,
        on_progress=on_progress,
        memory_mb=memory_mb,
        grace_seconds=grace,
    )
