"""Who is present on the floor, how busy they are, and since when they wait: what a router knows of agents."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from optimizer.roster import Flags, Floats, Integers
from optimizer.routing.desk import Desk

IDLE_CAP_SECONDS = 1800.0
"""Idle time beyond this counts for nothing more: whoever was gone, or forgotten, is not owed everything that comes."""

_FULL = 1.0 + 1e-9
"""A load up to which somebody may still be given a contact; three thirds are one."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One agent at one moment.

    Attributes
    ----------
    present
        Whether they may be given anything at all.
    load
        Share of their attention that contacts take, 0 to 1.
    idle_since, given_at
        Seconds from the start of the horizon: since when they could be given more (of this presence, never of an
        earlier one), and when they were given a contact last.
    """

    present: bool
    load: float = 0.0
    idle_since: float = 0.0
    given_at: float = -np.inf


@dataclass(frozen=True, slots=True)
class Candidates:
    """Agents who may be given a contact now: columns of the desk, in their order, and what the choice reads of each.

    Attributes
    ----------
    load
        Share of the attention that is taken already, 0 to 1.
    idle_seconds
        At most `IDLE_CAP_SECONDS`.
    settling
        Whether they were given another contact only just now.
    free
        Number of agents who may be given a contact of each class, by which the cover is priced.
    """

    columns: Integers
    load: Floats
    idle_seconds: Floats
    settling: Flags
    free: Floats


class Floor:
    """The agents of a desk, as events change them.

    Parameters
    ----------
    desk
        Says who may take which class, and which share of an agent a contact takes.
    """

    def __init__(self, desk: Desk) -> None:
        count = len(desk.agents)
        self.desk = desk
        self.present = np.zeros(count, dtype=bool)
        self.load = np.zeros(count)
        self.idle_since = np.full(count, np.inf)
        self.given_at = np.full(count, -np.inf)
        self.open = np.zeros(desk.able.shape, dtype=bool)
        self.free = np.zeros(len(desk.classes))
        self._single = bool((desk.slot >= 1.0).all())

    def stand(self, column: int, standing: Standing) -> None:
        """Take in where an agent stands now."""
        self.present[column] = standing.present
        self.load[column] = standing.load
        self.idle_since[column] = standing.idle_since if standing.present else np.inf
        self.given_at[column] = standing.given_at
        self._reopen(column)

    def standing(self, column: int) -> Standing:
        """Return where an agent stands."""
        return Standing(
            present=bool(self.present[column]),
            load=float(self.load[column]),
            idle_since=float(self.idle_since[column]),
            given_at=float(self.given_at[column]),
        )

    def snapshot(self) -> dict[str, Standing]:
        """Return where everybody stands who is present or serves somebody."""
        known = np.flatnonzero(self.present | (self.load > 0))
        return {self.desk.agents[column]: self.standing(column) for column in known.tolist()}

    def restore(self, standings: Mapping[str, Standing]) -> None:
        """Forget everybody, and take in where some stand; agents that the desk does not know are passed over."""
        for column in np.flatnonzero(self.present | (self.load > 0)).tolist():
            self.stand(column, Standing(present=False))
        for agent, standing in standings.items():
            if agent in self.desk.column:
                self.stand(self.desk.column[agent], standing)

    def give(self, column: int, row: int, now: float) -> None:
        """Note that an agent was given a contact of a class."""
        self.load[column] = _rounded(self.load[column] + self.desk.slot[row, column])
        self.given_at[column] = self.idle_since[column] = now
        self._reopen(column)

    def end(self, column: int, share: float, now: float) -> None:
        """Note that a contact which took a share of an agent has ended."""
        self.load[column] = _rounded(max(self.load[column] - share, 0.0))
        if self.present[column]:
            self.idle_since[column] = now
        self._reopen(column)

    def candidates(
        self, row: int, now: float, *, settle_seconds: float = 0.0, without: Iterable[int] = ()
    ) -> Candidates:
        """Return who may be given a contact of a class now.

        Parameters
        ----------
        settle_seconds
            How long somebody counts as settling after they were given a contact.
        without
            Columns of agents who are not asked, because they were.
        """
        columns = np.flatnonzero(self.open[row])
        passed = [column for column in without if self.open[row, column]]
        if passed:
            columns = np.setdiff1d(columns, passed)
        return self.among(columns, now, settle_seconds=settle_seconds)

    def among(self, columns: Integers, now: float, *, settle_seconds: float = 0.0) -> Candidates:
        """Return some agents as candidates."""
        load = self.load[columns]
        if self._single or not settle_seconds:
            settling = np.zeros(len(columns), dtype=bool)
        else:
            settling = (load > 0) & (now - self.given_at[columns] < settle_seconds)
        return Candidates(
            columns=columns,
            load=load,
            idle_seconds=np.minimum(np.maximum(now - self.idle_since[columns], 0.0), IDLE_CAP_SECONDS),
            settling=settling,
            free=self.free.copy(),
        )

    @property
    def open_columns(self) -> Integers:
        """Columns of the agents who may be given anything."""
        return np.flatnonzero(self.open.any(axis=0))

    def _reopen(self, column: int) -> None:
        before = self.open[:, column]
        room = self.load[column] + self.desk.slot[:, column] <= _FULL
        after = self.desk.able[:, column] & room if self.present[column] else np.zeros(len(before), dtype=bool)
        self.free += after.astype(float) - before
        self.open[:, column] = after


def _rounded(load: float) -> float:
    # Thirds that were added and taken off again must leave nothing.
    return round(float(load), 9) if load > 1e-6 else 0.0
