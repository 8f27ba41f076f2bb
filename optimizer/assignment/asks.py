"""What people and rules ask of a plan as a whole: pins, the frozen window, mandatory work, caps and shares."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from optimizer.assignment.columns import Columns
from optimizer.plan import Conflict
from optimizer.problem import Pin, Placement, Problem
from optimizer.roster import Flags

Ask = tuple[str, int]
"""Kind of `Conflict.kind` and its position: a pin, a previous assignment, an engagement; 0 where there is only one."""


@dataclass(frozen=True, slots=True)
class Asks:
    """A set of asks that a model has to obey; `of` gives all those of a problem."""

    members: frozenset[Ask]

    @classmethod
    def of(cls, problem: Problem) -> "Asks":
        """Return everything that a problem asks."""
        asks: set[Ask] = {("pin", position) for position in range(len(problem.pins))}
        asks |= {("frozen", position) for position, _ in _frozen(problem)}
        asks |= {("must_assign", index) for index, each in enumerate(problem.engagements) if each.must_assign}
        if problem.max_changes is not None:
            asks.add(("max_changes", 0))
        if problem.policy.proactive_share_min:
            asks.add(("proactive_share_min", 0))
        return cls(frozenset(asks))

    def without(self, dropped: Iterable[Ask]) -> "Asks":
        """Return the asks without some of them."""
        return Asks(self.members - frozenset(dropped))

    def apply(self, problem: Problem) -> Problem:
        """Return the problem without the caps and shares that are not asked."""
        if ("max_changes", 0) not in self.members and problem.max_changes is not None:
            problem = replace(problem, max_changes=None)
        if ("proactive_share_min", 0) not in self.members and problem.policy.proactive_share_min is not None:
            problem = replace(problem, policy=replace(problem.policy, proactive_share_min=None))
        return problem

    def filter(self, problem: Problem, columns: Columns) -> Columns:
        """Return the columns that pins and the frozen window leave."""
        # Learners follow their leads by the rows of pairs.
        keep = (columns.start >= problem.frozen_before) | columns.shadows
        for kind, fixed in self._fixed(problem):
            mine = columns.engagement == _engagement_index(problem)[fixed.engagement]
            right = columns.agent == _agent_index(problem)[fixed.agent]
            if fixed.start is not None:
                right &= columns.start == fixed.start
            # A frozen assignment stands although it starts inside the window that is closed to everything else.
            keep = np.where(mine, right if kind == "frozen" else keep & right, keep)
        return columns.select(keep)

    def must(self, problem: Problem) -> Flags:
        """Return which engagements have to be served, then no slot of a learner."""
        must = np.zeros(len(problem.engagements) + len(problem.shadowed), dtype=bool)
        must[[index for kind, index in self.members if kind == "must_assign"]] = True
        for _, fixed in self._fixed(problem):
            must[_engagement_index(problem)[fixed.engagement]] = True
        return must

    def conflicts(self, problem: Problem) -> tuple[Conflict, ...]:
        """Return the asks in words, in the order of the problem."""
        return tuple(_describe(problem, kind, position) for kind, position in sorted(self.members))

    def _fixed(self, problem: Problem) -> list[tuple[str, Pin | Placement]]:
        """Return what is fixed, frozen assignments first, so that a pin against one leaves no column."""
        frozen = [("frozen", problem.previous[position]) for kind, position in sorted(self.members) if kind == "frozen"]
        pins = [("pin", problem.pins[position]) for kind, position in sorted(self.members) if kind == "pin"]
        return [*frozen, *pins]


def _frozen(problem: Problem) -> list[tuple[int, Placement]]:
    return [
        (position, placement)
        for position, placement in enumerate(problem.previous)
        if placement.start < problem.frozen_before
    ]


def _engagement_index(problem: Problem) -> dict[str, int]:
    return {engagement.id: index for index, engagement in enumerate(problem.engagements)}


def _agent_index(problem: Problem) -> dict[str, int]:
    return {agent.id: index for index, agent in enumerate(problem.agents)}


def _describe(problem: Problem, kind: str, position: int) -> Conflict:
    if kind == "pin":
        pin = problem.pins[position]
        at = "" if pin.start is None else f" at interval {pin.start}"
        return Conflict(kind, f"$.pins[{position}]", f"{pin.engagement} is pinned to {pin.agent}{at}")
    if kind == "frozen":
        stands = problem.previous[position]
        words = f"{stands.engagement} is frozen at {stands.agent} from interval {stands.start} on"
        return Conflict(kind, f"$.previous[{position}]", words)
    if kind == "must_assign":
        identity = problem.engagements[position].id
        return Conflict(kind, f"$.engagements[{position}].must_assign", f"{identity} must be assigned")
    if kind == "max_changes":
        words = f"at most {problem.max_changes} previous assignments may be left"
        return Conflict(kind, "$.max_changes", words)
    share = problem.policy.proactive_share_min
    return Conflict(kind, "$.policy.proactive_share_min", f"at least {share:.0%} of the minutes must be proactive")
