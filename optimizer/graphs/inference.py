r"""
Inferred levels: what somebody may also be able to do, from what they hold and how skills stand to each other.

Every link carries a share of a level over: from a narrower skill to the broader one all of it, from a related skill to
the other its transfer weight.  The strength of a chain of links is the product of its shares, and of all chains from
all skills that are held the one counts that gives the highest level:

.. math:: \hat\ell_t = \Bigl\lfloor \max_{s} \; \ell_s \max_{P : s \to t} \prod_{e \in P} w_e \Bigr\rfloor

=================  ==========================  ======================================================
Symbol             Code                        Unit
=================  ==========================  ======================================================
:math:`\ell_s`     ``levels[s]``               level held in the source, 1 to 5
:math:`w_e`        ``share``                   fraction, above 0, at most 1
:math:`\hat\ell_t` ``Inference.level``         level from 1 to 5, rounded down
=================  ==========================  ======================================================

As no share is above 1, a level is never above that of its source.  It is a *suggestion* to claim something, never
evidence.  The strongest chain is the most reliable path of networks: Dijkstra's algorithm (1959) with products in place
of sums, O((skills + links) log skills), once for each level that is held.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

_ROUNDING = 1e-9
"""0.7 · 5 · 2 · 0.5 is a hair under 3.5: products of shares are exact to far less than this."""


class Carries(StrEnum):
    """Why knowledge carries over along a link."""

    CONTAINED = "contained"
    RELATED = "related"


@dataclass(frozen=True, slots=True, order=True)
class Transfer:
    """A link along which a ``share`` of a level in ``source`` carries over to ``target``; ties go by order."""

    source: int
    target: int
    share: float
    why: Carries

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"A share of {self.share} is not above 0 and at most 1.")


@dataclass(frozen=True, slots=True)
class Inference:
    """A level that follows from another; ``chain`` leads from the skill that is held to the one that is inferred."""

    skill: int
    level: int
    source_level: int
    strength: float
    chain: tuple[Transfer, ...]

    @property
    def source(self) -> int:
        """The skill that is held."""
        return self.chain[0].source


def infer_levels(levels: Mapping[int, int], transfers: Iterable[Transfer]) -> list[Inference]:
    """
    Return the levels that follow from those held, where they are higher than what is held already.

    Parameters
    ----------
    levels
        Level by skill, 0 to 5; a skill that is not named has level 0.
    transfers
        The links.

    Returns
    -------
    list of Inference
        The highest levels first, of equal ones the shortest chain, then by skill.

    Examples
    --------
    Level 5 in chat carries over to e-mail by 0.7; 3.5 is rounded down:

    >>> [(found.skill, found.level) for found in infer_levels({1: 5}, [Transfer(1, 2, 0.7, Carries.RELATED)])]
    [(2, 3)]
    """
    leaving: dict[int, list[Transfer]] = defaultdict(list)
    for transfer in sorted(transfers, key=lambda each: (each.source, each.target, -each.share)):
        leaving[transfer.source].append(transfer)
    # Of chains that are equally strong the shortest comes off the heap first, which reads best as a reason.
    waiting: list[tuple[float, int, int, tuple[Transfer, ...]]] = [
        (-float(level), 0, skill, ()) for skill, level in sorted(levels.items()) if level > 0
    ]
    heapq.heapify(waiting)
    settled: set[int] = set()
    found = []
    while waiting:
        worth, length, skill, chain = heapq.heappop(waiting)
        if skill in settled:
            continue
        settled.add(skill)
        level = math.floor(-worth + _ROUNDING)
        if chain and level > levels.get(skill, 0):
            held = levels[chain[0].source]
            found.append(Inference(skill, level, held, -worth / held, chain))
        for transfer in leaving[skill]:
            if transfer.target not in settled:
                heapq.heappush(waiting, (worth * transfer.share, length + 1, transfer.target, (*chain, transfer)))
    return sorted(found, key=lambda each: (-each.level, len(each.chain), each.skill))
