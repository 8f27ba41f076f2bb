"""
Exact statistics of selections: Fisher's test, Holm's adjustment, the four-fifths ratio and a rate's interval.

Whatever decides something is computed with integers and fractions, so that no verdict hangs on a rounding error: in
floating point 0.16 ÷ 0.20 is below 0.8.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction

from scipy import stats

FOUR_FIFTHS = Fraction(4, 5)


def fisher_p(selected: int, considered: int, other_selected: int, other_considered: int) -> Fraction:
    r"""
    Return the two-sided p of Fisher's exact test that two groups are selected alike.

    Of all tables with the same sums, those count that are no more likely than the one seen:

    .. math:: p = \sum_{i : w_i \le w_k} w_i \Big/ \binom{n + m}{s}, \qquad w_i = \binom{n}{i} \binom{m}{s - i}

    with :math:`k` of :math:`n` selected in one group, :math:`s - k` of :math:`m` in the other. Source: Fisher 1935,
    *The Design of Experiments*, chapter II; the two-sided rule is that of Freeman and Halton 1951,
    doi:10.1093/biomet/38.1-2.141. O(min(n, s)) operations on integers of n + m bits.
    """
    total = selected + other_selected
    weights = list(_weights(considered, other_considered, total))
    seen = weights[selected - least_selected(other_considered, total)]
    return Fraction(sum(w for w in weights if w <= seen), math.comb(considered + other_considered, total))


def least_selected(other_considered: int, total: int) -> int:
    """Return the fewest of a group who can be selected if ``total`` are in both groups together."""
    return max(0, total - other_considered)


def _weights(considered: int, other_considered: int, total: int) -> Iterator[int]:
    """Yield in how many ways each number of the group can be selected, each from the one before."""
    low, high = least_selected(other_considered, total), min(considered, total)
    weight = math.comb(considered, low) * math.comb(other_considered, total - low)
    for i in range(low, high + 1):
        yield weight
        weight = weight * (considered - i) * (total - i) // ((i + 1) * (other_considered - total + i + 1))


def holm(p_values: Sequence[Fraction]) -> list[Fraction]:
    r"""
    Return Holm's adjusted p of each test of a family, in the order given.

    .. math:: \tilde p_{(i)} = \max_{j \le i} \min(1, (m - j + 1) \, p_{(j)})

    Whoever rejects where it is below α rejects any true hypothesis of the family with a chance of at most α, however
    the tests depend on each other (Holm 1979, *Scandinavian Journal of Statistics* 6, 65-70). O(m log m).
    """
    adjusted = [Fraction(1)] * len(p_values)
    largest = Fraction(0)
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(Fraction(1), (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def is_below_four_fifths(selected: int, considered: int, other_selected: int, other_considered: int) -> bool:
    """
    Return whether a group's rate is below four fifths of another's; exactly four fifths is not.

    Source: Uniform Guidelines on Employee Selection Procedures 1978, 29 CFR 1607.4(D).
    """
    return FOUR_FIFTHS.denominator * selected * other_considered < FOUR_FIFTHS.numerator * other_selected * considered


def clopper_pearson(selected: int, considered: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """
    Return the Clopper-Pearson interval of a rate, which holds it with at least the confidence whatever it is.

    Source: Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404.
    """
    tail = (1 - confidence) / 2
    rest = considered - selected
    low = float(stats.beta.ppf(tail, selected, rest + 1)) if selected else 0.0
    high = float(stats.beta.ppf(1 - tail, selected + 1, rest)) if rest else 1.0
    return low, high
