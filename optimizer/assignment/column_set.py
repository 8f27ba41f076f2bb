"""A set of columns as arrays: one element for each way in which an engagement can be served."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from optimizer.policy import LADDER_STEPS
from optimizer.problem import Problem
from optimizer.roster import Flags, Floats, Integers

STEP_BIT = {step: 1 << position for position, step in enumerate(LADDER_STEPS)}


@dataclass(frozen=True, slots=True)
class Columns:
    """All columns of a problem, or of some of its engagements and agents.

    Attributes
    ----------
    engagement, agent, start
        Indices into the problem's engagements and agents, and the start interval; one element per column, sorted. For a
        learner `engagement` is their slot: number of engagements + position in `Problem.shadowed`.
    minutes
        Handle minutes with this agent; for a learner those of the engagement.
    load
        Agent minutes by capacity cell, columns × (agents · intervals), cell = agent · intervals + interval.
    stretch
        Skill index in which the column is stretch, else −1.
    relaxed
        Bit mask of ladder steps (`STEP_BIT`).
    pair
        The engagement, if the column is one half of a pair, else −1.
    terms
        Weighted points by term, one array each.
    """

    engagement: Integers
    agent: Integers
    start: Integers
    minutes: Floats
    load: sparse.csr_array
    stretch: Integers
    relaxed: Integers
    pair: Integers
    terms: dict[str, Floats]

    def __len__(self) -> int:
        return len(self.engagement)

    def value(self, terms: Sequence[str]) -> Floats:
        """Return the sum of some terms for every column."""
        return np.asarray(
            np.sum([self.terms[term] for term in terms if term in self.terms] or [np.zeros(len(self))], axis=0)
        )

    @property
    def overtime(self) -> Flags:
        """Whether a column runs in overtime minutes."""
        return (self.relaxed & STEP_BIT["overtime"]) > 0

    @property
    def shadows(self) -> Flags:
        """Whether a column is that of a learner."""
        learners: Flags = (self.pair >= 0) & (self.pair != self.engagement)
        return learners

    def is_shadow(self, column: int) -> bool:
        """Return whether one column is that of a learner, without asking all."""
        return bool(self.pair[column] >= 0 and self.pair[column] != self.engagement[column])

    def work_of(self, column: int) -> int:
        """Return the engagement of one column, that of a learner too."""
        return int(self.pair[column] if self.is_shadow(column) else self.engagement[column])

    @property
    def work(self) -> Integers:
        """The engagement of every column, those of learners too."""
        return np.where(self.shadows, self.pair, self.engagement)

    @property
    def growth(self) -> Floats:
        """Growth minutes: those of stretch work, and those of learning beside others."""
        return self.minutes * ((self.stretch >= 0) | self.shadows)

    def select(self, which: Any) -> "Columns":
        """Return some of the columns, by mask or by index."""
        return Columns(
            self.engagement[which],
            self.agent[which],
            self.start[which],
            self.minutes[which],
            self.load[which],
            self.stretch[which],
            self.relaxed[which],
            self.pair[which],
            {term: points[which] for term, points in self.terms.items()},
        )


def number_triples(problem: Problem, engagement: Integers, agent: Integers, start: Integers) -> Integers:
    """Return one number for each (engagement, agent, start), the same for the same three."""
    return (engagement * len(problem.agents) + agent) * problem.intervals + start


def stack(parts: Sequence[Columns]) -> Columns:
    """Join column sets of the same problem."""
    return Columns(
        engagement=np.concatenate([part.engagement for part in parts]),
        agent=np.concatenate([part.agent for part in parts]),
        start=np.concatenate([part.start for part in parts]),
        minutes=np.concatenate([part.minutes for part in parts]),
        load=sparse.csr_array(sparse.vstack([part.load for part in parts])),
        stretch=np.concatenate([part.stretch for part in parts]),
        relaxed=np.concatenate([part.relaxed for part in parts]),
        pair=np.concatenate([part.pair for part in parts]),
        terms={term: np.concatenate([part.terms[term] for part in parts]) for term in parts[0].terms},
    )
