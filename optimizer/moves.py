"""
Moves by hand: what a scheduler's change would break, displace and cost, at once and without a solve.

A move puts one engagement with an agent at a start, or takes it out of the plan. Rules of a single assignment are never
bent. A pair can be taken out, but only a new solve makes one. Where the agent's minutes do not suffice, reserved
minutes give way first and then the engagements worth least.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from optimizer.assignment.columns import STEP_BIT, Columns, enumerate_columns
from optimizer.explain import list_obstacles
from optimizer.fit import Fit
from optimizer.plan import Assignment, Cause, CauseCode, Fix, FixCode, Plan, Reservation, Status, Unassigned
from optimizer.policy import PAIR_TERMS, TERMS
from optimizer.problem import Engagement, Pin, Problem
from optimizer.roster import Roster
from optimizer.sentences import Obstacle, ObstacleCode
from optimizer.totals import first_tier, with_totals

__all__ = ["Move", "MoveCheck", "MoveError", "apply_moves", "check_move"]

_TOLERANCE = 1e-6
_BISECTIONS = 30


@dataclass(frozen=True, slots=True)
class Move:
    """An engagement to an agent from a start on; without an agent it is taken out of the plan."""

    engagement: str
    agent: str | None = None
    start: int | None = None


@dataclass(frozen=True, slots=True)
class MoveCheck:
    """What a move would do.

    Attributes
    ----------
    violations
        Rules that forbid it; the move can be applied only if there are none.
    value_before, value_after
        First-tier points of the whole plan. After the move, if nothing is solved again.
    displaced
        Engagements that would lose their place.
    released
        Reserved minutes that would be given up.
    """

    engagement: str
    agent: str
    start: int
    violations: tuple[Obstacle, ...]
    value_before: float
    value_after: float
    displaced: tuple[str, ...] = ()
    released: tuple[Reservation, ...] = ()

    @property
    def is_allowed(self) -> bool:
        """Whether the move breaks no rule."""
        return not self.violations

    @property
    def value_lost(self) -> float:
        """First-tier points that the plan would lose; negative if it gains."""
        return self.value_before - self.value_after


class MoveError(ValueError):
    """A move that breaks a rule.

    Attributes
    ----------
    check
        What stands against it.
    """

    def __init__(self, check: MoveCheck) -> None:
        self.check = check
        codes = ", ".join(obstacle.code for obstacle in check.violations)
        super().__init__(f"{check.engagement} can not go to {check.agent} at {check.start}: {codes}")


def check_move(problem: Problem, plan: Plan, engagement_id: str, agent_id: str, start: int) -> MoveCheck:
    """Return what it would mean to put an engagement with an agent at a start.

    Raises
    ------
    LookupError
        If there is no such engagement or agent.
    """
    return _Desk(problem, plan).check(Move(engagement_id, agent_id, start))[0]


def apply_moves(problem: Problem, plan: Plan, moves: Iterable[Move]) -> Plan:
    """Return the plan after some moves, one after the other, with its values and terms recomputed.

    The plan's bound stands; its status becomes ``feasible``, because nobody has proven the changed plan.

    Raises
    ------
    MoveError
        If a move breaks a rule.
    LookupError
        If a move names an unknown engagement or agent.
    """
    for move in moves:
        desk = _Desk(problem, plan)
        if move.agent is None:
            plan = desk.take_out(move.engagement)
        else:
            check, assignment = desk.check(move)
            if assignment is None:
                raise MoveError(check)
            plan = desk.apply(check, assignment)
    return plan


class _Desk:
    """A plan on which one move is tried."""

    def __init__(self, problem: Problem, plan: Plan) -> None:
        self.problem = problem
        self.plan = plan
        self.fit = Fit(Roster.of(problem))
        self.index = {engagement.id: position for position, engagement in enumerate(problem.engagements)}

    def check(self, move: Move) -> tuple[MoveCheck, Assignment | None]:
        """Return what a move would do, and the assignment that it would make unless a rule forbids it."""
        if move.engagement not in self.index or move.agent not in self.fit.roster.index:
            raise LookupError(move.engagement if move.engagement not in self.index else move.agent)
        engagement = self.problem.engagements[self.index[move.engagement]]
        before = self.plan.objective or 0.0
        start = engagement.earliest if move.start is None else move.start
        check = MoveCheck(move.engagement, move.agent, start, (), before, before)
        column = self._column(engagement, move.agent, start)
        if column is None:
            agent = self.problem.agents[self.fit.roster.index[move.agent]]
            found = list_obstacles(self.problem, engagement, agent, start)
            if engagement.shadow:
                # A learner's minutes would have to be found too: that is left to a new solve.
                others = (each for each in found if each.code is not ObstacleCode.SHADOW)
                found = (Obstacle(ObstacleCode.PAIR), *others)
            return replace(check, violations=found), None
        assignment = self._assignment(engagement, move.agent, column)
        violations = [*self._fixed(move, start), *self._limits(engagement, assignment)]
        displaced, released, fits = self._make_room(assignment, column)
        if not fits:
            violations.append(Obstacle(ObstacleCode.CAPACITY))
        violations += self._changes(assignment, displaced)
        check = replace(check, violations=tuple(violations), displaced=tuple(displaced), released=tuple(released))
        after = self.apply(check, assignment)
        return replace(check, value_after=after.objective or 0.0), None if violations else assignment

    def apply(self, check: MoveCheck, assignment: Assignment) -> Plan:
        """Return the plan after a move."""
        gone = {check.engagement, *check.displaced}
        kept = [each for each in self.plan.assignments if each.engagement not in gone]
        assignments = sorted([*kept, assignment], key=lambda each: self.index[each.engagement])
        cut = {(each.class_, each.agent, each.interval): each.minutes for each in check.released}
        left = (
            replace(each, minutes=each.minutes - cut.get((each.class_, each.agent, each.interval), 0.0))
            for each in self.plan.reserved
        )
        reserved = tuple(each for each in left if each.minutes > _TOLERANCE)
        left_out = {each.engagement: each for each in self.plan.unassigned if each.engagement != check.engagement}
        left_out |= {identity: _displaced(identity, check) for identity in check.displaced}
        return self._finish(tuple(assignments), reserved, left_out)

    def take_out(self, engagement_id: str) -> Plan:
        """Return the plan without the assignment of an engagement."""
        if engagement_id not in self.index:
            raise LookupError(engagement_id)
        engagement = self.problem.engagements[self.index[engagement_id]]
        if engagement.must_assign or self._pin_of(engagement_id) is not None:
            obstacle = Obstacle(ObstacleCode.PINNED, name=engagement_id)
            value = self.plan.objective or 0.0
            raise MoveError(MoveCheck(engagement_id, "", engagement.earliest, (obstacle,), value, value))
        kept = tuple(each for each in self.plan.assignments if each.engagement != engagement_id)
        left_out = {each.engagement: each for each in self.plan.unassigned}
        left_out.setdefault(
            engagement_id, Unassigned(engagement_id, Cause(CauseCode.SEARCH), Fix(FixCode.SOLVE_LONGER))
        )
        return self._finish(kept, self.plan.reserved, left_out)

    def _finish(
        self, assignments: tuple[Assignment, ...], reserved: tuple[Reservation, ...], left_out: dict[str, Unassigned]
    ) -> Plan:
        unassigned = tuple(left_out[identity] for identity in sorted(left_out, key=self.index.__getitem__))
        changed = self.plan.with_changes(
            status=Status.FEASIBLE, assignments=assignments, reserved=reserved, unassigned=unassigned, tiers=()
        )
        return with_totals(self.problem, changed)

    def _column(self, engagement: Engagement, agent: str, start: int) -> Columns | None:
        """Return the one column of a move, in regular minutes, or None if a rule forbids it."""
        only = np.zeros(len(self.problem.agents), dtype=bool)
        only[self.fit.roster.index[agent]] = True
        columns = enumerate_columns(self.fit, [self.index[engagement.id]], only)
        which = np.flatnonzero((columns.start == start) & ~columns.overtime & (columns.pair < 0))
        return columns.select(which[:1]) if len(which) else None

    def _assignment(self, engagement: Engagement, agent: str, column: Columns) -> Assignment:
        policy = self.problem.policy
        terms = {term: float(column.terms[term][0]) for term in (*PAIR_TERMS, "given", "relaxation")}
        start = int(column.start[0])
        previous = next((each for each in self.problem.previous if each.engagement == engagement.id), None)
        if previous is not None and (previous.agent, previous.start) != (agent, start):
            terms["stability"] = -policy.weight("stability") * engagement.minutes
        skills = {position: name for name, position in self.fit.roster.skills.items()}
        return Assignment(
            engagement=engagement.id,
            agent=agent,
            start=start,
            minutes=float(column.minutes[0]),
            value=float(sum(terms.values())),
            terms={term: terms[term] for term in TERMS if terms.get(term, 0.0) != 0},
            relaxed=tuple(step for step, bit in STEP_BIT.items() if column.relaxed[0] & bit),
            stretch=skills.get(int(column.stretch[0])),
        )

    def _fixed(self, move: Move, start: int) -> list[Obstacle]:
        """Return what people have fixed against a move: a pin, or the frozen window."""
        found = []
        pin = self._pin_of(move.engagement)
        if pin is not None and (pin.agent != move.agent or pin.start not in (None, start)):
            found.append(Obstacle(ObstacleCode.PINNED, name=move.engagement))
        frozen_before = self.problem.frozen_before
        previous = next((each for each in self.problem.previous if each.engagement == move.engagement), None)
        stands = previous is not None and previous.start < frozen_before
        moves_it = previous is not None and (previous.agent, previous.start) != (move.agent, start)
        if (stands and moves_it) or (start < frozen_before and not stands):
            found.append(Obstacle(ObstacleCode.FROZEN, first=frozen_before))
        return found

    def _pin_of(self, engagement_id: str) -> Pin | None:
        return next((pin for pin in self.problem.pins if pin.engagement == engagement_id), None)

    def _limits(self, engagement: Engagement, assignment: Assignment) -> list[Obstacle]:
        """Return the limits of the agent's shift that a move would pass."""
        roster = self.fit.roster
        row = roster.index[assignment.agent]
        agent = self.problem.agents[row]
        shift = roster.shift_of[row, assignment.start]
        beside = [
            each
            for each in self.plan.assignments
            if each.agent == assignment.agent
            and each.engagement != assignment.engagement
            and roster.shift_of[row, each.start] == shift
        ]
        others = [(each, self.problem.engagements[self.index[each.engagement]]) for each in beside]
        both = [*others, (assignment, engagement)]
        found = []
        stretch = sum(each.minutes for each, _ in both if each.stretch is not None)
        stretch += sum(
            self.problem.engagements[self.index[each.engagement]].minutes
            for each in self.plan.assignments
            if each.shadow == assignment.agent and roster.shift_of[row, each.start] == shift
        )
        if assignment.stretch is not None and stretch > agent.max_stretch_minutes + _TOLERANCE:
            found.append(Obstacle(ObstacleCode.LIMIT, name="stretch"))
        most = agent.limits.heavy_minutes
        heavy = sum(each.minutes for each, work in both if work.heavy)
        if engagement.heavy and most is not None and heavy > most + _TOLERANCE:
            found.append(Obstacle(ObstacleCode.LIMIT, name="heavy"))
        contacts = agent.limits.contacts.get(engagement.channel)
        if contacts is not None and sum(work.channel == engagement.channel for _, work in both) > contacts:
            found.append(Obstacle(ObstacleCode.LIMIT, name=engagement.channel))
        return found

    def _changes(self, assignment: Assignment, displaced: Sequence[str]) -> list[Obstacle]:
        if self.problem.max_changes is None:
            return []
        where = {each.engagement: (each.agent, each.start) for each in self.plan.assignments}
        where[assignment.engagement] = (assignment.agent, assignment.start)
        for identity in displaced:
            where.pop(identity, None)
        left = sum(where.get(each.engagement) != (each.agent, each.start) for each in self.problem.previous)
        return [Obstacle(ObstacleCode.CHANGES)] if left > self.problem.max_changes else []

    def _make_room(self, assignment: Assignment, column: Columns) -> tuple[list[str], list[Reservation], bool]:
        """Return what has to give way for a move, and whether that is enough."""
        row = self.fit.roster.index[assignment.agent]
        own = column.load.toarray().reshape(self.fit.roster.capacity.shape)[row]
        touched = np.flatnonzero(own > 0)
        others = {
            each.engagement: self._load(each, row)
            for each in self.plan.assignments
            if assignment.agent in {each.agent, each.shadow} and each.engagement != assignment.engagement
        }
        kept = {(each.class_, each.interval): each for each in self.plan.reserved if each.agent == assignment.agent}
        released: dict[tuple[str, int], Reservation] = {}
        displaced: list[str] = []

        def fits() -> bool:
            load = own + sum(others.values())
            for key, each in kept.items():
                load[each.interval] += each.minutes - (released[key].minutes if key in released else 0.0)
            return self._within(row, load)

        rate = {each.class_: each.value_per_minute for each in self.problem.forecast}
        near = [key for key, each in kept.items() if touched[0] - 1 <= each.interval <= touched[-1] + 1]
        for key in sorted(near, key=lambda key: (rate[key[0]], key[1], key[0])):
            if not fits():
                released[key] = kept[key]
        for identity in self._by_value(others, touched):
            if not fits():
                del others[identity]
                displaced.append(identity)
        if not fits():
            return displaced, list(released.values()), False
        for key in reversed(released):
            released[key] = _least_that_fits(released, key, fits)
        return displaced, [each for each in released.values() if each.minutes > _TOLERANCE], True

    def _by_value(self, others: dict[str, np.ndarray], touched: np.ndarray) -> list[str]:
        """Return the engagements that touch some intervals and may be moved, those of the least value first."""
        window = slice(max(0, touched[0] - 1), touched[-1] + 2)
        value = {each.engagement: first_tier(each.terms.items()) for each in self.plan.assignments}
        movable = [
            identity
            for identity, load in others.items()
            if load[window].any()
            and self._pin_of(identity) is None
            and not self.problem.engagements[self.index[identity]].must_assign
        ]
        return sorted(movable, key=lambda identity: (value[identity], identity))

    def _load(self, assignment: Assignment, row: int) -> np.ndarray:
        """Return the minutes by interval that an assignment loads one of its agents with; none in overtime."""
        lead = np.arange(len(self.problem.agents)) == self.fit.roster.index[assignment.agent]
        columns = enumerate_columns(self.fit, [self.index[assignment.engagement]], lead)
        learns = assignment.shadow == self.fit.roster.ids[row]
        same = (columns.agent == row) & (columns.start == assignment.start) & (columns.shadows == learns)
        which = np.flatnonzero(same & ~columns.overtime)
        if not len(which) or ("overtime" in assignment.relaxed and not learns):
            return np.zeros(self.problem.intervals)
        load: np.ndarray = columns.load[which[:1]].toarray().reshape(self.fit.roster.capacity.shape)[row]
        return load

    def _within(self, row: int, load: np.ndarray) -> bool:
        capacity, limit = self.fit.roster.capacity[row], self.fit.roster.carry_limit[row]
        carried = 0.0
        for interval in range(self.problem.intervals):
            carried = max(0.0, float(load[interval]) + carried - float(capacity[interval]))
            if carried > limit[interval] + _TOLERANCE:
                return False
        return True


def _least_that_fits(
    released: dict[tuple[str, int], Reservation], key: tuple[str, int], fits: Callable[[], bool]
) -> Reservation:
    """Return the smallest release that still makes room, by bisection."""
    whole = released[key]
    low, high = 0.0, whole.minutes
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        released[key] = replace(whole, minutes=middle)
        low, high = (low, middle) if fits() else (middle, high)
    released[key] = replace(whole, minutes=high)
    return released[key]


def _displaced(identity: str, check: MoveCheck) -> Unassigned:
    cause = Cause(CauseCode.SOLD, agents=(check.agent,), engagements=(check.engagement,))
    return Unassigned(identity, cause, Fix(FixCode.SOLVE_LONGER))
