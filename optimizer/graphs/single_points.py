"""
Single points of failure: the fewest people whose absence breaks work that is covered while everybody is there.

The work falls into **parts** that share nobody's minutes.  If absences break anything they break something inside one
part, so the fewest over all work are the fewest of the best part.  Rules of thumb find absences to beat.  Whether one
or two people are enough is found by maximum flows (:mod:`optimizer.graphs.group_testing`), whether some more are by a
mixed-integer program (:class:`~optimizer.graphs.interdiction.Interdiction`), part by part; all groups of the fewest are
found by forbidding those that are known.  Each answer carries the works that break as its proof, from a flow of its
own.

What is short already while everybody is there is told apart and left out: nobody's absence breaks it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from optimizer.control import Control, never_cancel
from optimizer.graphs.cover import Cover, Shortage, Work
from optimizer.graphs.group_testing import LARGEST_TESTED, OutOfTimeError, iter_breaking
from optimizer.graphs.interdiction import Interdiction, Target, likely_targets

MOST_GROUPS = 20


@dataclass(frozen=True, slots=True)
class Absences:
    """People whose absence breaks work, and what it breaks, the largest shortage first."""

    people: tuple[str, ...]
    shortages: tuple[Shortage, ...]


@dataclass(frozen=True, slots=True)
class SinglePoints:
    """
    The smallest absences that break the work of a period.

    Attributes
    ----------
    uncovered
        What is short while everybody is there; the rest is asked about without it.
    size
        The fewest people found, 0 if nothing is left to break.
    groups
        Groups of that size, those that cause the largest shortage first.
    at_least
        The fewest people that could be enough, as far as that is proven; ``size`` if it is proven to be the fewest.
    complete
        Whether ``groups`` holds every group of that size.
    """

    uncovered: tuple[Shortage, ...]
    size: int
    groups: tuple[Absences, ...]
    at_least: int
    complete: bool = True

    @property
    def proven(self) -> bool:
        """Whether fewer people cannot break anything."""
        return self.at_least == self.size


def find_single_points(
    minutes: Mapping[str, Mapping[int, int]],
    works: Sequence[Work],
    *,
    most_groups: int = MOST_GROUPS,
    seconds: float = inf,
    should_cancel: Callable[[], bool] = never_cancel,
) -> SinglePoints:
    """
    Return the smallest groups of people whose absence breaks work.

    Parameters
    ----------
    minutes
        Whole minutes that each person has, by slot.
    works
        What is needed.
    most_groups
        How many groups to name, at least 1.
    seconds
        How long to search; what is known then is returned.
    should_cancel
        Asked often; True ends the search as the clock would.

    Raises
    ------
    ValueError
        If ``most_groups`` is below 1, or the input is none (:class:`Cover`).

    Examples
    --------
    Two of the three have to be away before 50 of 90 minutes are missing:

    >>> trio = {name: {0: 30} for name in ("Ana", "Bo", "Cem")}
    >>> find_single_points(trio, [Work("calls", 50, frozenset(trio), frozenset({0}))]).size
    2
    """
    if most_groups < 1:
        raise ValueError(f"most_groups must be at least 1, not {most_groups}.")
    control = Control(should_cancel=should_cancel)
    control.deadline_at = control.began_at + seconds
    uncovered = Cover(minutes, works).shortages()
    left_out = {work for shortage in uncovered for work in shortage.works}
    search = _Search(Cover(minutes, [work for work in works if work.id not in left_out]), control)
    if not search.parts:
        return SinglePoints(uncovered, size=0, groups=(), at_least=0)
    at_least = search.shrink()
    groups, complete = search.list_groups(most_groups, every=at_least == search.size)
    named = [Absences(group, search.cover.shortages(group)) for group in groups]
    named.sort(key=lambda group: (-sum(each.missing for each in group.shortages), group.people))
    return SinglePoints(uncovered, search.size, tuple(named), at_least, complete=complete)


class _Search:
    """The search over all parts; ``size`` is the fewest absences so far."""

    def __init__(self, cover: Cover, control: Control) -> None:
        self.cover = cover
        self.parts = [_Part(part, control) for part in cover.parts()]
        self.parts.sort(key=lambda part: part.fewest)
        self.size = min((part.fewest for part in self.parts), default=0)

    def shrink(self) -> int:
        """Find the fewest absences; return how many it takes at least, as far as that is proven."""
        # One absence is the fewest there can be: without any, all that is left here is covered.
        for budget in range(1, LARGEST_TESTED + 1):
            for part in self.parts:
                if self.size > budget and part.shrink(budget):
                    self.size = budget
        for part in self.parts:
            while self.size > LARGEST_TESTED + 1 and (fewest := part.shrink(self.size - 1)):
                self.size = fewest
        return min(self.size, *(part.at_least for part in self.parts))

    def list_groups(self, limit: int, *, every: bool) -> tuple[list[tuple[str, ...]], bool]:
        """
        Return groups of the smallest size, at most ``limit``, and whether there are no more.

        Without ``every`` only what is known already is listed, as there may be smaller groups.
        """
        found: set[tuple[str, ...]] = set()
        complete = every
        for part in self.parts:
            groups, all_of_them = part.list_groups(self.size, limit, every=complete and len(found) <= limit)
            found |= groups
            complete = complete and all_of_them
        return sorted(found)[:limit], complete and len(found) <= limit


class _Part:
    """Works that share nobody's minutes with others, and what is known about their absences."""

    def __init__(self, cover: Cover, control: Control) -> None:
        self.cover = cover
        self.control = control
        self.targets: list[Target] = likely_targets(cover)
        self.fewest = min(target.fewest for target in self.targets)
        self._model: Interdiction | None = None
        self.at_least = 1

    def shrink(self, budget: int) -> int:
        """Return a size within a budget at which something breaks, 0 if none is found; note what is proven."""
        if budget <= LARGEST_TESTED:
            found, sure = self._test(budget, most=1)
            if not found and sure and self.at_least == budget:
                self.at_least = budget + 1
            return budget if found else 0
        target, sure = self._interdiction().solve(budget)
        if target is not None:
            self.targets.append(target)
            return target.fewest
        if sure:
            self.at_least = budget + 1
        return 0

    def _test(self, size: int, *, most: int) -> tuple[set[tuple[str, ...]], bool]:
        if self.at_least > size:
            return set(), True
        found = set()
        try:
            for group in iter_breaking(self.cover, size, control=self.control):
                found.add(group)
                if len(found) == most:
                    return found, False
        except OutOfTimeError:
            return found, False
        return found, True

    def _interdiction(self) -> Interdiction:
        if self._model is None:
            self._model = Interdiction(self.cover, self.control)
        return self._model

    def list_groups(self, size: int, limit: int, *, every: bool) -> tuple[set[tuple[str, ...]], bool]:
        """
        Return groups of a size that break this part, up to a limit, and whether there are no more.

        What other parts know is not forbidden here: where people are alike, the model answers with the first of them
        only, and the others are found through the works that break.
        """
        if every and size <= LARGEST_TESTED:
            found, sure = self._test(size, most=limit + 1)
            if sure or len(found) > limit:
                return found, sure
            return found | self._known(size, limit), False
        found = self._known(size, limit)
        known: set[tuple[str, ...]] = set()
        while every and len(found) <= limit:
            for group in found - known:
                self._interdiction().forbid(group)
            known = set(found)
            target, sure = self._interdiction().solve(size)
            if target is None:
                return found, sure
            found.update(target.breaking(size, limit + 1))
        return found, False

    def _known(self, size: int, limit: int) -> set[tuple[str, ...]]:
        return {group for target in self.targets for group in target.breaking(size, limit + 1)}
