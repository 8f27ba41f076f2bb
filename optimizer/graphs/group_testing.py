"""
Group testing: who breaks covered work by being away, alone or two at a time.

If work stays covered without several people at once, none of them breaks it, so one maximum flow clears them together:
adaptive group testing (Dorfman 1943), in groups that double while they are cleared and halve where they are not.
For b people who break something among n it takes about b log n flows; for pairs, n times that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optimizer.control import Control
from optimizer.graphs.cover import Cover

LARGEST_TESTED = 2
"""Absences that are tested rather than left to the mixed-integer program: for three the tests are too many."""
_AT_ONCE = 4


class OutOfTimeError(RuntimeError):
    """The clock or a cancel came before the answer."""


def iter_breaking(cover: Cover, size: int, *, control: Control) -> Iterator[tuple[str, ...]]:
    """
    Yield each group of a size whose absence breaks work.

    Parameters
    ----------
    cover
        Work that is covered without any group that is smaller.
    size
        1 or 2.
    control
        Deadline and cancel.

    Raises
    ------
    OutOfTimeError
        If the clock or a cancel came first.
    """
    if size == 1:
        return ((person,) for person in _partners(cover, (), cover.people, control))
    return _pairs(cover, cover.people, control)


def _pairs(cover: Cover, people: Sequence[str], control: Control) -> Iterator[tuple[str, ...]]:
    for position, person in enumerate(people):
        if not cover.short_works(people[position:]):
            return
        for other in _partners(cover, (person,), people[position + 1 :], control):
            yield person, other


def _partners(cover: Cover, away: tuple[str, ...], people: Sequence[str], control: Control) -> Iterator[str]:
    """Yield who breaks work by being away beside some others."""
    position, at_once = 0, _AT_ONCE
    while position < len(people):
        if control.stopped_by() is not None:
            raise OutOfTimeError
        several = people[position : position + at_once]
        if not cover.short_works((*away, *several)):
            at_once *= 2
        elif len(several) > 1:
            at_once = len(several) // 2
            continue
        else:
            yield several[0]
        position += len(several)
