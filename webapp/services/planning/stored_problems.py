"""
Problems of runs, read again and again by pages that show a plan.

To make objects of a day's problem takes longer than all else on such a page.  A few are kept for each process by the
hash of their stored text, so that what is kept can never differ from what is stored.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict

from sqlalchemy import Text, cast, inspect, select
from sqlalchemy.orm import object_session

from optimizer.problem import Problem
from webapp.models import PlanRun

MOST_KEPT = 16
LONGEST_TEXT = 4_000_000
"""Characters of a stored problem that is kept; the few that are larger would take the memory of all others."""


class KeptProblems:
    """Problems by the hash of their text; those that were not asked for lately make room."""

    def __init__(self, most: int = MOST_KEPT, longest: int = LONGEST_TEXT) -> None:
        self._most, self._longest = most, longest
        self._lock = threading.Lock()
        self._problems: OrderedDict[bytes, Problem] = OrderedDict()

    def read(self, text: str) -> Problem:
        """Return the problem of a stored text."""
        if len(text) > self._longest:
            return Problem.from_json(json.loads(text))
        key = hashlib.sha256(text.encode()).digest()
        with self._lock:
            found = self._problems.get(key)
            if found is not None:
                self._problems.move_to_end(key)
                return found
        made = Problem.from_json(json.loads(text))
        with self._lock:
            self._problems[key] = made
            if len(self._problems) > self._most:
                self._problems.popitem(last=False)
        return made

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._problems)


_kept = KeptProblems()


def read_problem(run: PlanRun) -> Problem | None:
    """Return the problem of a run, or None if it has not built it yet."""
    session = object_session(run)
    if session is None or "problem" not in inspect(run).unloaded:
        # It is at hand already, perhaps changed by this transaction.
        return None if run.problem is None else Problem.from_json(run.problem)
    text = session.scalar(select(cast(PlanRun.problem, Text)).where(PlanRun.id == run.id))
    return None if text is None else _kept.read(text)
