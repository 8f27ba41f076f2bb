"""
How often the fairness monitor raises a false alarm on fair data, and how often it finds what is planted.

``python -m tests.statistics.fairness`` draws selections by chance and judges them, seeded, without a database.  A false
alarm is a draw from equal chances in which any group is to be looked into.  Power is the share of draws in which a
group with the lower chance is, at 0.3 against 0.6.  The command fails if more than 5 % of any line are false alarms.
``--repeats`` sets the draws a line, ``--seed`` the chance.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from webapp.services.fairness.exact import clopper_pearson
from webapp.services.fairness.verdicts import ALPHA, GroupCount, Verdict, judge

SIZES = (10, 20, 50, 100, 300)
RATES = (0.05, 0.1, 0.3, 0.5, 0.7, 0.9)
MIXED = (10, 20, 50, 300)
LOW, HIGH = 0.3, 0.6
PLANTED = ((LOW, HIGH), (LOW, HIGH, HIGH, HIGH), (LOW, LOW, LOW, HIGH))


@dataclass(frozen=True, slots=True)
class Line:
    """Groups of given sizes and chances, and in how many of the draws a group with the lowest chance was named."""

    sizes: tuple[int, ...]
    chances: tuple[float, ...]
    named: int
    draws: int

    @property
    def share(self) -> float:
        """The share of draws in which it was named."""
        return self.named / self.draws

    def __str__(self) -> str:
        low, high = clopper_pearson(self.named, self.draws)
        sizes = "+".join(map(str, self.sizes)) if len(set(self.sizes)) > 1 else f"{len(self.sizes)} x {self.sizes[0]}"
        chances = " ".join(f"{chance:g}" for chance in self.chances)
        return f"{sizes:<14} {chances:<20} {self.share:7.2%}   ({low:.2%} to {high:.2%})"


def measure(sizes: Sequence[int], chances: Sequence[float], *, repeats: int, generator: np.random.Generator) -> Line:
    """Draw the selections of all groups, judge each draw, and count."""
    tables = Counter(map(tuple, generator.binomial(sizes, chances, (repeats, len(sizes))).tolist()))
    lowest = [chance == min(chances) for chance in chances]
    named = sum(times for selected, times in tables.items() if _names_one(selected, sizes, lowest))
    return Line(tuple(sizes), tuple(chances), named, repeats)


def _names_one(selected: Sequence[int], sizes: Sequence[int], lowest: Sequence[bool]) -> bool:
    counts = [GroupCount(str(number), *pair) for number, pair in enumerate(zip(selected, sizes, strict=True))]
    findings = zip(judge(counts), lowest, strict=True)
    return any(low and finding.verdict is Verdict.LOOK for finding, low in findings)


def fair(*, repeats: int, generator: np.random.Generator) -> Iterator[Line]:
    """Yield false alarms by size, number of groups and chance."""
    for rate in RATES:
        for sizes in [*((size,) * groups for groups in (2, 4) for size in SIZES), MIXED]:
            yield measure(sizes, (rate,) * len(sizes), repeats=repeats, generator=generator)


def unfair(*, repeats: int, generator: np.random.Generator) -> Iterator[Line]:
    """Yield the power by size and by what is planted."""
    for chances in PLANTED:
        for size in SIZES:
            yield measure((size,) * len(chances), chances, repeats=repeats, generator=generator)


def main() -> int:
    """Print all lines; return 1 if false alarms are too many."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=4000, help="draws a line")
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    generator = np.random.default_rng(wanted.seed)
    _say(f"False alarms on fair data; {wanted.repeats} draws a line, with the 95 % interval")
    most = 0.0
    for line in fair(repeats=wanted.repeats, generator=generator):
        _say(str(line))
        most = max(most, line.share)
    _say(f"Most: {most:.2%}\n\nPower: a group with the lower chance is to be looked into")
    for line in unfair(repeats=wanted.repeats, generator=generator):
        _say(str(line))
    return int(most > ALPHA)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
