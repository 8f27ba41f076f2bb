"""Why an engagement is unassigned, and the cheapest change that would serve it."""

from dataclasses import dataclass

import numpy as np

from optimizer.assignment.ledger import Ledger
from optimizer.assignment.model import Model, Objective
from optimizer.fit import Fit, Qualification
from optimizer.plan import Cause, CauseCode, Fix, FixCode, Unassigned
from optimizer.problem import Engagement, Requirement
from optimizer.roster import Flags, Floats, Integers

NAMED = 3
"""Most agents, engagements or classes that a cause names."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """A finished plan, as needed to explain what it leaves out.

    Attributes
    ----------
    ledger
        With the plan's columns and reserved minutes booked.
    prices
        Agents × intervals, points for a minute.
    reserved
        Reserved minutes, agents × intervals × classes.
    """

    fit: Fit
    model: Model
    objective: Objective
    ledger: Ledger
    prices: Floats
    reserved: Floats

    def explain_unassigned(self, index: int) -> Unassigned:
        """Return why an engagement is unassigned, with its cheapest fix."""
        engagement = self.model.problem.engagements[index]
        columns = np.arange(*self.model.columns_of(index).indices(len(self.model.columns)))
        cause, fix = self._without_column(engagement) if not len(columns) else self._with_columns(columns)
        return Unassigned(engagement.id, cause, fix)

    def _without_column(self, engagement: Engagement) -> tuple[Cause, Fix]:
        kind, allowed = self.fit.of(engagement), self.fit.allowed(engagement)
        if not allowed.any():
            able = self._names(np.flatnonzero(kind.skilled & kind.reachable))
            fix = Fix(FixCode.ALLOW_AGENT, agent=able[0]) if able else Fix(FixCode.NONE)
            return Cause(CauseCode.NOBODY_ALLOWED, agents=able), fix
        if not (kind.possible & allowed).any():
            if not (kind.skilled & allowed).any():
                return self._without_skill(engagement, kind, allowed)
            able = self._names(np.flatnonzero(kind.skilled & allowed))
            return Cause(CauseCode.NO_CHANNEL, agents=able), Fix(FixCode.OPEN_CHANNEL, agent=able[0])
        return self._off_shift(engagement, np.flatnonzero(kind.possible & allowed))

    def _without_skill(self, engagement: Engagement, kind: Qualification, allowed: Flags) -> tuple[Cause, Fix]:
        roster = self.fit.roster
        candidates = np.flatnonzero(allowed)
        # Those whom channel, language and site would let in come first, then those who lack the fewest levels.
        order = np.lexsort((candidates, kind.levels_short[candidates], ~kind.reachable[candidates]))
        nearest = candidates[order]
        for need in engagement.requires:
            levels = roster.levels[candidates, roster.skills[need.skill]]
            if not need.preferred and levels.max() < need.level:
                best = candidates[np.lexsort((candidates, kind.levels_short[candidates], -levels))]
                fix = Fix(FixCode.RAISE_LEVEL, roster.ids[best[0]], need.skill, need.level)
                return Cause(CauseCode.NO_SKILL, need.skill, need.level, self._names(best)), fix
        need = self._first_missing(engagement, int(nearest[0]))
        fix = Fix(FixCode.RAISE_LEVEL, roster.ids[nearest[0]], need.skill, need.level)
        return Cause(CauseCode.NO_SKILL_MIX, need.skill, need.level, self._names(nearest)), fix

    def _first_missing(self, engagement: Engagement, agent: int) -> Requirement:
        roster = self.fit.roster
        missing = [need for need in engagement.requires if roster.levels[agent, roster.skills[need.skill]] < need.level]
        return max(missing, key=lambda need: not need.preferred)

    def _off_shift(self, engagement: Engagement, able: Integers) -> tuple[Cause, Fix]:
        roster = self.fit.roster
        problem = self.model.problem
        cause = Cause(CauseCode.OFF_SHIFT, agents=self._names(able))
        most = roster.capacity[able].sum(axis=1)
        helper = int(able[np.lexsort((able, -most))[0]])
        minutes = engagement.minutes_with(roster.ids[helper])
        start = max(engagement.earliest, problem.frozen_before)
        if start > engagement.latest:
            return cause, Fix(FixCode.EXTEND_WINDOW, interval=start)
        contacts = float(roster.concurrency(engagement.channel)[helper])
        return cause, Fix(FixCode.ADD_MINUTES, roster.ids[helper], interval=start, minutes=round(minutes / contacts, 2))

    def _with_columns(self, columns: Integers) -> tuple[Cause, Fix]:
        points = self.objective.on_columns[columns]
        if points.max() <= 0:
            return Cause(CauseCode.NOT_WORTH), Fix(FixCode.NONE, gain=float(points.max()))
        columns, points = columns[points > 0], points[points > 0]
        if any(self.ledger.fits(column) for column in columns.tolist()):
            return Cause(CauseCode.SEARCH), Fix(FixCode.SOLVE_LONGER, gain=float(points.max()))
        paid = self.model.columns.load[columns] @ self.prices.ravel()
        best = int(columns[np.lexsort((columns, paid - points))[0]])
        if any(self.ledger.has_capacity_for(column) for column in columns.tolist()):
            able = np.unique(self.model.columns.agent[columns])
            return Cause(CauseCode.LIMIT, agents=self._names(able)), Fix(
                FixCode.RAISE_LIMIT, self.fit.roster.ids[self.model.columns.agent[best]], gain=float(points.max())
            )
        engagements, classes = self._in_the_way(best)
        agents = np.unique(self.model.columns.agent[columns])
        missing = {column: self.ledger.missing_minutes(column) for column in columns.tolist()}
        cheapest = min(
            missing, key=lambda column: (missing[column][0] - 1e-6 * self.objective.on_columns[column], column)
        )
        minutes, interval = missing[cheapest]
        fix = Fix(
            FixCode.ADD_MINUTES,
            self.fit.roster.ids[self.model.columns.agent[cheapest]],
            interval=interval,
            minutes=round(minutes, 2),
            gain=round(float(self.objective.on_columns[cheapest]), 6),
        )
        return Cause(CauseCode.SOLD, agents=self._names(agents), engagements=engagements, classes=classes), fix

    def _in_the_way(self, column: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the engagements and classes that hold the minutes of a column, the most valuable first."""
        problem, columns = self.model.problem, self.model.columns
        others = self.ledger.neighbours(column)
        others.sort(key=lambda other: (-self.objective.on_columns[other], other))
        horizon = problem.intervals
        cells = self.model.columns.load[[column]].indices
        kept = self.reserved[cells // horizon, cells % horizon].sum(axis=0)
        classes = [problem.forecast[index].class_ for index in np.argsort(-kept, kind="stable") if kept[index] > 0]
        engagements = [problem.engagements[columns.engagement[other]].id for other in others]
        return tuple(engagements[:NAMED]), tuple(classes[:NAMED])

    def _names(self, rows: Integers) -> tuple[str, ...]:
        return tuple(self.fit.roster.ids[row] for row in rows[:NAMED].tolist())
