"""Control of a run from outside: its deadline, its cancel button and its signs of life."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from optimizer.plan import Progress, StoppedBy

NEVER = float("inf")
LARGEST_GAP = 1e6
LEAST_SECONDS_BETWEEN = 0.1


def never_cancel() -> bool:
    """Return False: nobody cancels."""
    return False


def keep_quiet(progress: Progress) -> None:
    """Ignore a sign of life."""


@dataclass(slots=True)
class _Standing:
    """How far a run is, shared by all controls of its parts."""

    phase: str = "reading"
    incumbent: float | None = None
    bound: float | None = None
    told_at: float = 0.0


@dataclass(slots=True)
class Control:
    """Deadline, cancel and progress of one run.

    Attributes
    ----------
    began_at, deadline_at
        Readings of `time.monotonic`, in seconds.
    should_cancel
        Asked often; True ends the run with the best plan so far.
    on_progress
        Told about phases, incumbents and bounds.
    """

    deadline_at: float = NEVER
    should_cancel: Callable[[], bool] = never_cancel
    on_progress: Callable[[Progress], None] = keep_quiet
    began_at: float = field(default_factory=time.monotonic)
    _standing: _Standing = field(default_factory=_Standing)

    def seconds(self) -> float:
        """Return the seconds since the run began."""
        return time.monotonic() - self.began_at

    def remaining(self) -> float:
        """Return the seconds until the deadline, at least 0."""
        return max(0.0, self.deadline_at - time.monotonic())

    def stopped_by(self) -> StoppedBy | None:
        """Return what ends the run now, or None if it may go on."""
        if self.should_cancel():
            return StoppedBy.CANCEL
        return StoppedBy.CLOCK if time.monotonic() >= self.deadline_at else None

    def until(self, share: float) -> "Control":
        """Return a control for a part of the run, with a share of the seconds that remain."""
        if self.deadline_at == NEVER:
            return self
        return replace(self, deadline_at=time.monotonic() + share * self.remaining())

    def enter(self, phase: str) -> None:
        """Say that a phase begins."""
        self._standing.phase = phase
        self._tell()

    def report(self, incumbent: float | None = None, bound: float | None = None) -> None:
        """Say how far the first tier is; at most ten times a second."""
        standing = self._standing
        if incumbent is not None and (standing.incumbent is None or incumbent > standing.incumbent):
            standing.incumbent = incumbent
        if bound is not None and (standing.bound is None or bound < standing.bound):
            standing.bound = bound
        if time.monotonic() - standing.told_at >= LEAST_SECONDS_BETWEEN:
            self._tell()

    def _tell(self) -> None:
        standing = self._standing
        standing.told_at = time.monotonic()
        gap = None
        if standing.incumbent is not None and standing.bound is not None:
            gap = relative_gap(standing.incumbent, standing.bound)
        self.on_progress(Progress(standing.phase, self.seconds(), standing.incumbent, standing.bound, gap))


def relative_gap(objective: float, bound: float) -> float:
    """Return (bound − objective) ÷ |objective|, at least 0, at most `LARGEST_GAP` (where the objective is near 0)."""
    distance = bound - objective
    if distance <= 1e-9 * max(1.0, abs(bound)):
        return 0.0
    return min(distance / max(abs(objective), 1e-9), LARGEST_GAP)
