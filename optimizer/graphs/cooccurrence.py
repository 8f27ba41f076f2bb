r"""
Skills that go together: "people who hold these also hold …".

From *s*, which somebody holds, to *t*, which they do not, this is an association rule (Agrawal, Imieliński, Swami
1993).  With :math:`n_s` people who hold *s*, :math:`n_{st}` who hold both, and :math:`p_t` the share of all people who
hold *t*, its confidence is smoothed towards the base rate (the m-estimate of a conditional probability, Cestnik 1990)
and compared with it (lift; Brin et al. 1997):

.. math::
    \hat p(t \mid s) = \frac{n_{st} + m \, p_t}{n_s + m}, \qquad
    \operatorname{lift}(s \to t) = \frac{\hat p(t \mid s)}{p_t}

A rule speaks only if :math:`n_{st} \ge 5`, so that no small group does, if most people who hold *s* hold *t*
(:math:`\hat p \ge` :data:`LEAST_SHARE`) and clearly more of them than of others (lift ≥ :data:`LEAST_LIFT`).
It reads which skills people hold and nothing else about them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

LEAST_PEOPLE = 5
LEAST_SHARE = 0.5
LEAST_LIFT = 1.2
SMOOTHING = 10.0
""":math:`m`: as many people of the base rate are added to those who were counted."""


@dataclass(frozen=True, slots=True)
class Companion:
    """
    A skill that people hold beside another.

    Attributes
    ----------
    skill, beside
        The skill that is suggested, and the one that is held.
    both, holders
        How many people hold both, and how many hold ``beside``.
    share
        The smoothed share of those who hold ``beside`` that hold ``skill``.
    lift
        How many times the share of all people that is.
    """

    skill: int
    beside: int
    both: int
    holders: int
    share: float
    lift: float


def find_companions(held: Collection[int], people: Iterable[Collection[int]]) -> list[Companion]:
    """
    Return the skills that people hold beside those of a person, one rule for each, the likeliest first.

    Parameters
    ----------
    held
        The skills of the person; nothing is suggested that is among them.
    people
        The skills of each of the others, the person left out.

    Notes
    -----
    One pass over the people, O(their skills × the skills held).
    """
    own = set(held)
    everybody = 0
    holders: Counter[int] = Counter()
    both: Counter[tuple[int, int]] = Counter()
    for skills in people:
        everybody += 1
        holders.update(skills)
        common = own.intersection(skills)
        both.update((skill, beside) for beside in common for skill in skills if skill not in own)
    best: dict[int, Companion] = {}
    for (skill, beside), count in sorted(both.items()):
        if count < LEAST_PEOPLE:
            continue
        rate = holders[skill] / everybody
        share = (count + SMOOTHING * rate) / (holders[beside] + SMOOTHING)
        rule = Companion(skill, beside, count, holders[beside], share, share / rate)
        if share >= LEAST_SHARE and rule.lift >= LEAST_LIFT and (skill not in best or share > best[skill].share):
            best[skill] = rule
    return sorted(best.values(), key=lambda rule: (-rule.share, rule.skill))
