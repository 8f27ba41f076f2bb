r"""
What may be said of how groups were selected, and in which words.

Each pair of groups is compared by Fisher's exact test, and Holm's adjustment is taken over all pairs. A group is worth
looking into if there is another of whose rate it has less than four fifths *and* the adjusted p against it is below
:data:`ALPHA`. Under equal chances any group is named in at most 5 of 100 comparisons, however many groups there are.

The family is all pairs, not each group against the highest: which group is highest is known only from the same figures,
and a test of the extreme one would say "unlikely" too often. It also finds a group that is far below another large
one while a few people happen to stand above both.

Two things make it impossible to say anything. A group of fewer than :data:`SHOWN_FROM` people is left out of all
figures, also of those of others, since they could tell what became of single people. And if, with the numbers of people
and selections of a pair as they are, even the most uneven outcome would not have been an alarm, silence means nothing.
"""

from __future__ import annotations

import enum
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from webapp.services.fairness.exact import clopper_pearson, fisher_p, holm, is_below_four_fifths, least_selected

ALPHA = Fraction(1, 20)
SHOWN_FROM = 5


class Verdict(enum.StrEnum):
    """What may be said of a group."""

    TOO_FEW = "too few to say"
    NO_SIGN = "no sign"
    WITHIN_CHANCE = "ratio below four fifths, but within chance"
    LOOK = "look into it"


_WORDS = {
    Verdict.TOO_FEW: ("Too few to say", "There are too few people or selections for any outcome to tell."),
    Verdict.NO_SIGN: ("No sign of unequal chances", "That does not prove that they are equal."),
    Verdict.WITHIN_CHANCE: ("Below four fifths, but within chance", "Equal chances give such differences too."),
    Verdict.LOOK: (
        "Look into it",
        "That is below four fifths, and equal chances would rarely give such a difference. The figures know no cause.",
    ),
}
"""What a sentence says before and after the figures."""


@dataclass(frozen=True, slots=True)
class GroupCount:
    """
    How many people of a group were considered, and how many of them selected.

    Raises
    ------
    ValueError
        If not 0 ≤ ``selected`` ≤ ``considered``.
    """

    name: str
    selected: int
    considered: int

    def __post_init__(self) -> None:
        if not 0 <= self.selected <= self.considered:
            raise ValueError(f"{self.selected} of {self.considered} cannot be selected")

    @property
    def rate(self) -> Fraction:
        """The share who were selected; nobody considered is an error."""
        return Fraction(self.selected, self.considered)

    @property
    def interval(self) -> tuple[float, float]:
        """The Clopper-Pearson interval of the rate at 95 %."""
        return clopper_pearson(self.selected, self.considered)


@dataclass(frozen=True, slots=True)
class Finding:
    """
    What is said of one group.

    ``count`` is None where the group is too small for any figure, and so is all else. ``ratio`` is the rate ÷ the
    highest rate of a group that is shown, None if nobody was selected. ``against`` is the group whose comparison
    decided: the one with the least adjusted ``p_value`` among those of whose rate this one has less than four fifths,
    or else the highest; None if no rate is higher.
    """

    name: str
    verdict: Verdict
    count: GroupCount | None = None
    ratio: Fraction | None = None
    against: GroupCount | None = None
    p_value: Fraction | None = None

    @property
    def sentence(self) -> str:
        """The verdict in plain words."""
        if self.count is None:
            return f"Too few to say: fewer than {SHOWN_FROM} people, so that no figure is shown."
        told = f"{self.count.selected} of {self.count.considered} ({_percent(self.count.rate)}) were selected"
        if self.against is not None:
            told += f", and {_percent(self.against.rate)} of {self.against.name}"
        before, after = _WORDS[self.verdict]
        return f"{before}: {told}. {after}"


@dataclass(frozen=True, slots=True)
class _Pair:
    """A group, another one, and the adjusted p of their comparison; ``pairs`` is the size of the family."""

    group: GroupCount
    other: GroupCount
    adjusted_p: Fraction
    pairs: int

    @property
    def below(self) -> bool:
        """Whether the group has less than four fifths of the other's rate."""
        return is_below_four_fifths(
            self.group.selected, self.group.considered, self.other.selected, self.other.considered
        )

    @property
    def alarms(self) -> bool:
        """Whether chance is no good explanation either."""
        return self.below and self.adjusted_p < ALPHA

    @property
    def tells(self) -> bool:
        """
        Whether silence means something.

        It does if the most uneven outcome with the same numbers would be an alarm by itself, or would still keep to
        four fifths.
        """
        total = self.group.selected + self.other.selected
        least = least_selected(self.other.considered, total)
        table = (least, self.group.considered, total - least, self.other.considered)
        return total > 0 and (not is_below_four_fifths(*table) or self.pairs * fisher_p(*table) < ALPHA)


def judge(counts: Sequence[GroupCount]) -> list[Finding]:
    """
    Return what may be said of each group, in the order given.

    Parameters
    ----------
    counts
        The groups of one attribute in one kind of selection. Each person counts once, however often they were selected:
        what the same person gets again is not another draw. The groups are one family: false alarms are at most 5 % for
        all of them together, not over several calls.

    Raises
    ------
    ValueError
        If two groups have the same name.
    """
    if len({count.name for count in counts}) < len(counts):
        raise ValueError("two groups have the same name")
    # By name, so that of two groups with the same figures the same is named whatever the order.
    shown = sorted((count for count in counts if count.considered >= SHOWN_FROM), key=lambda count: count.name)
    adjusted = _adjusted_p_values(shown)
    pairs = {
        count.name: [
            _Pair(count, other, adjusted[frozenset((count.name, other.name))], math.comb(len(shown), 2))
            for other in shown
            if other != count
        ]
        for count in shown
    }
    highest = min(shown, key=_depth, default=None)
    return [
        _find(count, pairs[count.name], highest)
        if highest is not None and count.name in pairs
        else Finding(count.name, Verdict.TOO_FEW)
        for count in counts
    ]


def smallest_size(groups: int) -> int:
    r"""
    Return the smallest size of each of several equal groups at which an alarm is possible and figures are shown.

    Nothing is more uneven than none of :math:`n` against all of :math:`n`, whose p is :math:`2 / \binom{2n}{n}`. It has
    to be below :data:`ALPHA` ÷ the number of pairs.
    """
    pairs = math.comb(groups, 2)
    return next(n for n in itertools.count(SHOWN_FROM) if pairs * Fraction(2, math.comb(2 * n, n)) < ALPHA)


def _adjusted_p_values(shown: Sequence[GroupCount]) -> Mapping[frozenset[str], Fraction]:
    pairs = list(itertools.combinations(shown, 2))
    raw = [fisher_p(one.selected, one.considered, other.selected, other.considered) for one, other in pairs]
    names = (frozenset((one.name, other.name)) for one, other in pairs)
    return dict(zip(names, holm(raw), strict=True))


def _find(count: GroupCount, pairs: Sequence[_Pair], highest: GroupCount) -> Finding:
    above = [pair for pair in pairs if pair.other.rate > count.rate]
    telling = [pair for pair in above if pair.below] or [pair for pair in above if pair.other == highest]
    decisive = min(telling, key=lambda pair: (pair.adjusted_p, *_depth(pair.other)), default=None)
    return Finding(
        name=count.name,
        verdict=_verdict(pairs),
        count=count,
        ratio=count.rate / highest.rate if highest.selected else None,
        against=None if decisive is None else decisive.other,
        p_value=None if decisive is None else decisive.adjusted_p,
    )


def _verdict(pairs: Sequence[_Pair]) -> Verdict:
    if any(pair.alarms for pair in pairs):
        return Verdict.LOOK
    if not any(pair.tells for pair in pairs):
        return Verdict.TOO_FEW
    if any(pair.below for pair in pairs):
        return Verdict.WITHIN_CHANCE
    return Verdict.NO_SIGN


def _depth(count: GroupCount) -> tuple[Fraction, int]:
    """Order by rate, the highest first; of equal rates the larger group says more."""
    return -count.rate, -count.considered


def _percent(rate: Fraction) -> str:
    return f"{round(100 * rate)} %"
