"""The agents of a problem as arrays, for everything that is computed for all of them at once."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from optimizer.problem import Problem

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Roster:
    """Agents as rows of arrays.

    Attributes
    ----------
    capacity, overtime
        Minutes, agents × intervals.
    levels
        Effective levels, agents × skills in the order of `skills`.
    """

    problem: Problem
    ids: tuple[str, ...]
    index: dict[str, int]
    skills: dict[str, int]
    capacity: Floats
    overtime: Floats
    levels: Integers
    _concurrency: dict[str, Floats] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, problem: Problem) -> "Roster":
        """Build the arrays of a problem's agents."""
        names = sorted(
            {skill for agent in problem.agents for skill in (*agent.skills, *agent.wants, *agent.mentor_for)}
            | {slot.skill for agent in problem.agents for slot in agent.stretch_slots}
            | {need.skill for engagement in problem.engagements for need in engagement.requires}
            | {need.skill for demand in problem.forecast for need in demand.requires}
        )
        skills = {name: position for position, name in enumerate(names)}
        levels = np.zeros((len(problem.agents), len(skills)), dtype=np.int64)
        for row, agent in enumerate(problem.agents):
            for skill, level in agent.skills.items():
                levels[row, skills[skill]] = level
        shape = (len(problem.agents), problem.intervals)
        none = (0.0,) * problem.intervals
        return cls(
            problem=problem,
            ids=tuple(agent.id for agent in problem.agents),
            index={agent.id: row for row, agent in enumerate(problem.agents)},
            skills=skills,
            capacity=np.array([agent.capacity for agent in problem.agents], dtype=float).reshape(shape),
            overtime=np.array([agent.overtime or none for agent in problem.agents], dtype=float).reshape(shape),
            levels=levels,
        )

    def concurrency(self, channel: str) -> Floats:
        """Return each agent's simultaneous contacts on a channel."""
        if channel not in self._concurrency:
            contacts = [agent.concurrency.get(channel, 1.0) for agent in self.problem.agents]
            self._concurrency[channel] = np.array(contacts, dtype=float)
        return self._concurrency[channel]

    @cached_property
    def carry_limit(self) -> Floats:
        """Most minutes that may be carried out of each interval: none into an interval without capacity."""
        limit = np.zeros_like(self.capacity)
        limit[:, :-1] = np.where(self.capacity[:, 1:] > 0, self.problem.max_carry, 0.0)
        return limit

    @cached_property
    def shift_of(self) -> Integers:
        """Shift number of each agent × interval, −1 outside every shift."""
        numbers = np.zeros(self.capacity.shape, dtype=np.int64)
        for row, agent in enumerate(self.problem.agents):
            if agent.shifts:
                numbers[row] = -1
                for number, (first, after) in enumerate(agent.shifts):
                    numbers[row, first:after] = number
        return numbers

    @cached_property
    def wants(self) -> Flags:
        """Whether each agent wants each skill and may stretch at all, agents × skills."""
        wanted = np.zeros(self.levels.shape, dtype=bool)
        for row, agent in enumerate(self.problem.agents):
            if agent.max_stretch_minutes > 0:
                wanted[row, [self.skills[skill] for skill in agent.wants]] = True
        return wanted

    def grows_until(self, agent: Integers, start: Integers, skill: Integers | int) -> Integers:
        """Return the interval in which growth in a skill that begins at a start has to be over; 0 where it may not.

        Parameters
        ----------
        agent, start
            One element per piece of work.
        skill
            Skill indices, one per piece of work or one for all of them.
        """
        if not any(each.stretch_slots for each in self.problem.agents):
            return np.full(len(agent), self.problem.intervals, dtype=np.int64)
        bound, after, of_skill = self._slots
        inside = np.where(of_skill[agent, start] == skill, after[agent, start], 0)
        until: Integers = np.where(bound[agent, start], inside, self.problem.intervals)
        return until

    @cached_property
    def _slots(self) -> tuple[Flags, Integers, Integers]:
        """Whether each agent's stretch slots bind a start, which slot's end holds it, and that slot's skill.

        All are agents × intervals. What starts in the frozen window was arranged before the slots were chosen.
        """
        bound = np.zeros(self.capacity.shape, dtype=bool)
        after = np.zeros(self.capacity.shape, dtype=np.int64)
        skill = np.full(self.capacity.shape, -1, dtype=np.int64)
        for row, agent in enumerate(self.problem.agents):
            for slot in agent.stretch_slots:
                bound[row] |= np.isin(self.shift_of[row], (self.shift_of[row, slot.start], -1))
                after[row, slot.start : slot.end] = slot.end
                skill[row, slot.start : slot.end] = self.skills[slot.skill]
        bound[:, : self.problem.frozen_before] = False
        return bound, after, skill

    @cached_property
    def lapsing(self) -> Flags:
        """Whether each agent's skill is about to lapse, agents × skills."""
        soon = np.zeros(self.levels.shape, dtype=bool)
        first_day = self.problem.start.date()
        for row, agent in enumerate(self.problem.agents):
            for skill, lapses_on in agent.lapses_on.items():
                if (
                    (lapses_on - first_day).days <= self.problem.policy.lapse_within_days
                    and agent.skills.get(skill, 0) > 0
                    and skill in self.skills
                ):
                    soon[row, self.skills[skill]] = True
        return soon

    def mentors(self, skill: int, level: int) -> Integers:
        """Return the agents who cover stretch work in a skill at a level."""
        name = next(name for name, position in self.skills.items() if position == skill)
        rows = [
            row
            for row, agent in enumerate(self.problem.agents)
            if name in agent.mentor_for and self.levels[row, skill] >= level
        ]
        return np.array(rows, dtype=np.int64)

    @cached_property
    def on_shift_before(self) -> Integers:
        """Number of intervals with capacity before each interval, agents × (intervals + 1)."""
        counts = np.zeros((self.capacity.shape[0], self.capacity.shape[1] + 1), dtype=np.int64)
        counts[:, 1:] = np.cumsum(self.capacity > 0, axis=1)
        return counts
