"""
The cheapest change that would serve an engagement which nobody can take as things are.

The candidates are the agents nearest to it: those who lack the least of lists, levels, authority, channel and minutes.
Each change is made in a small problem of the engagement and the agent; what the agent would do then is compared with
their day in the plan. A **gain** is the engagement's value minus that of the work which gives way for it, or its whole
value where minutes are added.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from optimizer.assignment.columns import Columns, enumerate_columns
from optimizer.circumstances import Circumstances, work_of
from optimizer.fit import Fit, Qualification
from optimizer.fixes import apply_fix, focus
from optimizer.plan import Cause, CauseCode, Certainty, Fix, FixCode, Unassigned
from optimizer.policy import TIERS
from optimizer.problem import Agent, Engagement, Problem
from optimizer.remedies import added_minutes, certainty, joined
from optimizer.room import Day, Work
from optimizer.roster import Floats, Integers, Roster

CANDIDATES = 3
"""Agents who are looked at, the nearest first; the first of them for whom a change helps is named."""

STARTS = 12
"""Most starts of an engagement that are looked at for one agent."""

OTHER_STARTS = 4
"""Most starts outside its window that are looked at for one agent."""

PRICE_OF_ALLOWING, PRICE_OF_HANDING_OVER, PRICE_OF_LEVEL, PRICE_OF_OPENING, PRICE_OF_MINUTES = 6, 3, 2, 1, 1
"""How far a change is: lists are somebody's will, a level takes months, a channel or an hour only a decision."""

NONE = Fix(FixCode.NONE)


@dataclass(frozen=True, slots=True)
class _Tried:
    """An engagement with one agent after some changes: the small problem, its columns and their points."""

    problem: Problem
    fit: Fit
    columns: Columns
    points: Floats

    def work(self, column: int) -> Work:
        """Return a column as work in the agent's day."""
        return work_of(self.problem, self.fit, self.columns, column, float(self.points[column]))


def open_up(circumstances: Circumstances, engagement: Engagement) -> Fix:
    """Return the cheapest change found that would serve an engagement without a column, ``none`` if there is none."""
    for row in nearest(circumstances, engagement)[:CANDIDATES].tolist():
        for steps in _ways(circumstances, engagement, row):
            found = _Opening(circumstances, engagement, row, steps).find()
            if found is not None:
                return found
    return NONE


def estimate_opening(circumstances: Circumstances, engagement: Engagement) -> Fix:
    """Return about what `open_up` does, without trying any change."""
    candidates = nearest(circumstances, engagement)
    if not len(candidates):
        return NONE
    row = int(candidates[0])
    steps = next(iter(_ways(circumstances, engagement, row)))
    if not steps:
        roster = circumstances.fit.roster
        contacts = float(roster.concurrency(engagement.channel)[row])
        start = max(engagement.earliest, circumstances.model.problem.frozen_before)
        if start > engagement.latest:
            return Fix(FixCode.EXTEND_WINDOW, interval=start)
        steps = added_minutes(roster.ids[row], {start: engagement.minutes_with(roster.ids[row]) / contacts})
    policy = circumstances.model.problem.policy
    return joined(steps, policy.weight("service") * engagement.worth, Certainty.ESTIMATE)


def nearest(circumstances: Circumstances, engagement: Engagement) -> Integers:
    """Return the agents by how little stands between them and an engagement, the nearest first."""
    fit = circumstances.fit
    kind, allowed, roster = fit.of(engagement), fit.allowed(engagement, by_anyone=True), fit.roster
    window = slice(max(engagement.earliest, circumstances.model.problem.frozen_before), engagement.latest + 1)
    on_shift = (roster.capacity[:, window] > 0).any(axis=1)
    far = (
        PRICE_OF_ALLOWING * ~allowed
        + PRICE_OF_HANDING_OVER * np.array([engagement.owner not in {None, identity} for identity in roster.ids])
        + PRICE_OF_LEVEL * np.where(kind.skilled, 0, np.maximum(kind.levels_short, 1))
        + PRICE_OF_OPENING * (~kind.reachable).astype(np.int64)
        + PRICE_OF_MINUTES * ~on_shift
    )
    rows = np.arange(len(roster.ids))
    return rows[np.lexsort((rows, -roster.capacity[:, window].sum(axis=1), far))]


def _ways(circumstances: Circumstances, engagement: Engagement, row: int) -> Iterator[list[Fix]]:
    """Yield sets of changes with which an agent might take an engagement, the smaller ones first."""
    fit = circumstances.fit
    agent, kind = fit.roster.problem.agents[row], fit.of(engagement)
    steps = []
    if not _is_listed(engagement, agent.id):
        steps.append(Fix(FixCode.ALLOW_AGENT, agent.id))
    if engagement.owner is not None and engagement.owner != agent.id:
        steps.append(Fix(FixCode.HAND_OVER, agent.id))
    lacking = [name for name in engagement.authority if name not in agent.authorities]
    steps += [Fix(FixCode.GRANT_AUTHORITY, agent.id, authority=name) for name in lacking]
    if engagement.shadow:
        steps.append(Fix(FixCode.DROP_SHADOW, agent.id))
    elsewhere = fit.roster.problem.policy.price_of("other_site") is not None
    reach = [] if _reaches(engagement, agent, elsewhere=elsewhere) else [Fix(FixCode.OPEN_CHANNEL, agent.id)]
    if _qualifies(kind, row):
        yield [*steps, *reach]
    for preferred in (False, True):
        levels = [
            Fix(FixCode.RAISE_LEVEL, agent.id, need.skill, need.level)
            for need in engagement.requires
            if agent.skills.get(need.skill, 0) < need.level and (preferred or not need.preferred)
        ]
        if levels:
            yield [*levels, *reach, *steps]


def _is_listed(engagement: Engagement, agent: str) -> bool:
    eligible = engagement.eligible_agents
    return agent not in engagement.excluded_agents and (eligible is None or agent in eligible)


def _reaches(engagement: Engagement, agent: Agent, *, elsewhere: bool) -> bool:
    return (
        (agent.channels is None or engagement.channel in agent.channels)
        and (engagement.language is None or engagement.language in agent.languages)
        and (elsewhere or engagement.site is None or engagement.site == agent.site)
    )


def _qualifies(kind: Qualification, row: int) -> bool:
    return bool(kind.skilled[row] or kind.stretch[row] >= 0 or kind.lowered[row])


@dataclass(frozen=True, slots=True)
class _Opening:
    """One engagement, one agent, some changes: what else is needed, and what the plan would gain."""

    circumstances: Circumstances
    engagement: Engagement
    row: int
    steps: list[Fix]

    @property
    def agent(self) -> str:
        return self.circumstances.fit.roster.ids[self.row]

    @property
    def first_start(self) -> int:
        return max(self.engagement.earliest, self.circumstances.model.problem.frozen_before)

    def find(self) -> Fix | None:
        """Return the whole fix, or None if these changes do not lead to a plan that is worth as much."""
        tried = self._try(self.steps)
        if len(tried.columns):
            return self._by_giving_way(tried) or self._by_minutes([tried.work(each) for each in self._best(tried)])
        horizon = self.circumstances.model.problem.intervals
        later = self._in_window(range(self.engagement.latest + 1, horizon))
        if later is not None:
            return later
        agent = self._agent_of(tried)
        contacts = agent.concurrency.get(self.engagement.channel, 1.0)
        minutes = self.engagement.minutes_with(self.agent)
        heavy, channel = self.engagement.heavy, self.engagement.channel
        closed = self.first_start > self.engagement.latest
        after = self.circumstances.model.problem.intervals if closed else self.engagement.latest + 1
        starts = range(self.first_start, after)[:STARTS]
        options = [Work(-1, each, minutes, contacts, 0.0, channel, heavy=heavy) for each in starts]
        frozen_before = self.circumstances.model.problem.frozen_before
        return self._by_minutes(options) or self._in_window(range(self.engagement.earliest - 1, frozen_before - 1, -1))

    def _try(self, steps: list[Fix]) -> _Tried:
        """Make some changes in the small problem and list what the agent could do then."""
        problem = self._small()
        if steps:
            first, *rest = steps
            left_out = Unassigned(self.engagement.id, Cause(CauseCode.UNKNOWN), replace(first, also=tuple(rest)))
            problem = apply_fix(problem, left_out)
        fit = Fit(Roster.of(problem))
        only = np.array([agent.id == self.agent for agent in problem.agents], dtype=bool)
        columns = enumerate_columns(fit, [0], only)
        columns = columns.select((columns.start >= problem.frozen_before) & (columns.engagement == 0))
        return _Tried(problem, fit, columns, columns.value(TIERS["customers"]))

    def _small(self) -> Problem:
        roster = self.circumstances.fit.roster
        skills = {need.skill for need in self.engagement.requires}
        mentors = [each.id for each in roster.problem.agents if skills.intersection(each.mentor_for)]
        return focus(roster.problem, self.engagement.id, [self.agent, *mentors])

    def _best(self, tried: _Tried) -> list[int]:
        """Return the columns with the most points, regular minutes first."""
        order: list[int] = np.lexsort((tried.columns.start, -tried.points, tried.columns.overtime)).tolist()
        return order[:STARTS]

    def _by_giving_way(self, tried: _Tried) -> Fix | None:
        """Return the fix where the agent does this in place of what is worth less."""
        day = replace(self.circumstances.day(self.row), agent=self._agent_of(tried))
        gains = [self._gain(day, tried.work(column)) for column in self._best(tried)]
        best = max((gain for gain in gains if gain is not None), default=None)
        return None if best is None else self._joined([], best)

    def _agent_of(self, tried: _Tried) -> Agent:
        return next(agent for agent in tried.problem.agents if agent.id == self.agent)

    def _shares_broken(self, work: Work, gone: tuple[int, ...] = ()) -> bool:
        proactive = self.engagement.stance == "proactive"
        return bool(self.circumstances.broken_shares(work.minutes, gone, proactive=proactive))

    def _in_window(self, starts: range) -> Fix | None:
        """Return the fix where the agent takes it at a start outside its window; of a few, that which gains most."""
        if not starts:
            return None
        day = self.circumstances.day(self.row)
        furthest = self._try([*self.steps, Fix(FixCode.EXTEND_WINDOW, interval=starts[-1])])
        possible = [start for start in starts if start in furthest.columns.start]
        best: tuple[float, list[Fix]] | None = None
        for start in possible[:OTHER_STARTS]:
            steps = [Fix(FixCode.EXTEND_WINDOW, self.agent, interval=start)]
            tried = self._try([*self.steps, *steps])
            there = replace(day, agent=self._agent_of(tried))
            for column in np.flatnonzero(tried.columns.start == start).tolist():
                gain = self._gain(there, tried.work(column))
                if gain is not None and (best is None or gain > best[0]):
                    best = gain, steps
        return None if best is None else self._joined(best[1], best[0])

    def _gain(self, day: Day, work: Work) -> float | None:
        """Return what the plan gains if work takes the place of what is worth less, None if it gains nothing."""
        displaced = day.displaced_by(work)
        if displaced is None or self._shares_broken(work, displaced.work):
            return None
        gain = work.value - displaced.lost
        return gain if gain > 0 or (gain == 0 and not displaced.lost) else None

    def _by_minutes(self, options: list[Work]) -> Fix | None:
        """Return the fix where the agent gets the minutes for one of some starts, those of the fewest minutes."""
        day = self.circumstances.day(self.row)
        needed = [(day.minutes_for(work), work) for work in options if not work.overtime]
        possible = [(minutes, work) for minutes, work in needed if minutes]
        for minutes, work in sorted(possible, key=lambda option: (sum(option[0].values()), option[1].start)):
            late = work.start > self.engagement.latest
            more = [Fix(FixCode.EXTEND_WINDOW, self.agent, interval=work.start)] if late else []
            more += added_minutes(self.agent, minutes)
            tried = self._try([*self.steps, *more])
            same = np.flatnonzero((tried.columns.start == work.start) & ~tried.columns.overtime)
            if not len(same) or tried.points[same[0]] < 0:
                continue
            then = tried.work(int(same[0]))
            changed = replace(day, agent=replace(self._agent_of(tried), capacity=day.agent.capacity))
            if changed.fits(then, minutes) and not self._shares_broken(then):
                return self._joined(more, then.value)
        return None

    def _joined(self, more: list[Fix], gain: float) -> Fix:
        parts = [*self.steps, *more] or [NONE]
        raised = any(part.code is FixCode.RAISE_LEVEL for part in parts)
        sure = certainty(self.circumstances)
        if raised and self.circumstances.lowered(self.row):
            sure = Certainty.ESTIMATE
        return joined(parts, gain, sure)
