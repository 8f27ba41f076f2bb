r"""
Calibration: what people claim, and what reviewers say, against what others find later.

A claim is compared with the mean level :math:`\bar v` of the evaluations, assessments and reviews that others gave in
the :data:`LATER_DAYS` days after it and before the person's next claim in the skill; a review with the evaluations and
assessments that others than the reviewer gave in the days after it and before the reviewer's next review. Each gives
one error

.. math:: e = l - \bar v,

above 0 where too much was said. Of a group the *bias* is the mean error, with the *mean absolute error* and the share
within one level. The interval of the bias is that of Student's t at 95 %; since errors of one person resemble each
other, its standard error is taken over people (Liang and Zeger 1986, doi:10.1093/biomet/73.1.13):

.. math:: s^2 = \frac{G}{G - 1} \, \frac{1}{n^2} \sum_{g=1}^{G} \Big( \sum_{i \in g} (e_i - \bar e) \Big)^2,
          \qquad \text{with } G - 1 \text{ degrees of freedom.}

Fewer than :data:`FEW` comparisons say too little for an interval, and so does one person alone.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from scipy import stats
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.models import Person, Skill, SkillEvent, SkillEventKind
from webapp.services.access import Permission, Viewer
from webapp.services.records import batches, load_logs
from webapp.services.weighing import LoggedEvent, is_from_others, standing_events

LATER_DAYS = 180
FEW = 5
CONFIDENCE = 0.95
_PAIRS_AT_ONCE = 5_000
_TESTS = frozenset({SkillEventKind.EVALUATION, SkillEventKind.ASSESSMENT})
_ESTIMATES = _TESTS | {SkillEventKind.REVIEW}


@dataclass(frozen=True, slots=True)
class Comparison:
    """A claim or review of ``level``, and the mean ``later`` level that others found; ``author_id`` said it."""

    person_id: int
    skill_id: int
    author_id: int | None
    level: int
    later: float

    @property
    def error(self) -> float:
        """How much too high it was, below 0 if too low."""
        return self.level - self.later


@dataclass(frozen=True, slots=True)
class Accuracy:
    """
    The errors of a group.

    ``low`` and ``high`` bound the bias; both are None where there is too little to say. ``people`` is how many people
    the comparisons are about.
    """

    count: int
    people: int
    bias: float
    absolute: float
    within_one: float
    low: float | None = None
    high: float | None = None

    @property
    def few(self) -> bool:
        """Whether there is too little to go by."""
        return self.count < FEW


def compare_claims(log: Iterable[LoggedEvent], skill_id: int) -> list[Comparison]:
    """Return the claims of one record that others judged later."""
    standing = standing_events(log)
    claims = [event for event in standing if event.kind is SkillEventKind.CLAIM]
    return [
        comparison
        for index, claim in enumerate(claims)
        if (comparison := _compare(claim, standing, skill_id, _ESTIMATES, claims[index + 1 : index + 2])) is not None
    ]


def compare_reviews(log: Iterable[LoggedEvent], skill_id: int) -> list[Comparison]:
    """Return the reviews of one record that others than the reviewer judged later."""
    standing = standing_events(log)
    found = []
    reviews = [e for e in standing if e.kind is SkillEventKind.REVIEW and is_from_others(e) and e.author_id is not None]
    for index, review in enumerate(reviews):
        own_next = [other for other in reviews[index + 1 :] if other.author_id == review.author_id][:1]
        comparison = _compare(review, standing, skill_id, _TESTS, own_next)
        if comparison is not None:
            found.append(comparison)
    return found


def _compare(
    said: LoggedEvent,
    standing: Sequence[LoggedEvent],
    skill_id: int,
    kinds: Collection[SkillEventKind],
    following: Sequence[LoggedEvent],
) -> Comparison | None:
    until = said.at + dt.timedelta(LATER_DAYS)
    later = [
        event.level
        for event in standing
        if event.kind in kinds
        and is_from_others(event)
        and event.author_id != said.author_id
        and event.level is not None
        and event.moment > said.moment
        and event.at <= until
        and (not following or event.moment < following[0].moment)
    ]
    if not later or said.level is None:
        return None
    return Comparison(said.person_id, skill_id, said.author_id, said.level, sum(later) / len(later))


def measure(comparisons: Sequence[Comparison]) -> Accuracy | None:
    """Return how accurate a group was, or None if it is empty."""
    if not comparisons:
        return None
    errors = [comparison.error for comparison in comparisons]
    count, bias = len(errors), math.fsum(errors) / len(errors)
    sums: dict[int, float] = defaultdict(float)
    for comparison in comparisons:
        sums[comparison.person_id] += comparison.error - bias
    people = len(sums)
    low = high = None
    if count >= FEW and people > 1:
        variance = people / (people - 1) * math.fsum(total**2 for total in sums.values()) / count**2
        reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, people - 1)) * math.sqrt(variance)
        low, high = bias - reach, bias + reach
    return Accuracy(
        count=count,
        people=people,
        bias=bias,
        absolute=math.fsum(abs(error) for error in errors) / count,
        within_one=sum(1 for error in errors if abs(error) <= 1) / count,
        low=low,
        high=high,
    )


@dataclass(frozen=True, slots=True)
class SkillLine:
    """How well claims in one skill agree with what others find."""

    skill: Skill
    accuracy: Accuracy


@dataclass(frozen=True, slots=True)
class ReviewerLine:
    """How well the reviews of one reviewer agree with what others find."""

    reviewer: Person
    accuracy: Accuracy


@dataclass(frozen=True, slots=True)
class Calibration:
    """All of it within a viewer's scope; lines come by name, so that nobody is ranked."""

    claims: tuple[Comparison, ...]
    whole: Accuracy | None
    skills: tuple[SkillLine, ...]
    reviewers: tuple[ReviewerLine, ...]


def calibrate(session: Session, *, viewer: Viewer, on: dt.date) -> Calibration:
    """
    Return how claims and reviews within the viewer's scope agree with later evidence.

    Parameters
    ----------
    session
        A session.
    viewer
        Whose scope counts; who does not see all reviewers sees themselves among them.
    on
        Evidence of the two years before this day counts.
    """
    people = dict(
        session.execute(
            select(Person.id, Person.name).where(viewer.sees(Permission.VIEW_CALIBRATION), Person.is_agent)
        ).all()
    )
    claims, reviews = load_comparisons(session, people, since=on - dt.timedelta(730))
    if not viewer.can(Permission.VIEW_REVIEWERS):
        reviews = [comparison for comparison in reviews if comparison.author_id == viewer.person_id]
    by_skill = measure_by((one.skill_id, one) for one in claims)
    by_reviewer = measure_by((one.author_id or 0, one) for one in reviews)
    skills = session.scalars(select(Skill).where(Skill.id.in_(by_skill)).order_by(Skill.name))
    reviewers = session.scalars(select(Person).where(Person.id.in_(by_reviewer)).order_by(Person.name))
    return Calibration(
        claims=tuple(claims),
        whole=measure(claims),
        skills=tuple(SkillLine(skill, by_skill[skill.id]) for skill in skills),
        reviewers=tuple(ReviewerLine(reviewer, by_reviewer[reviewer.id]) for reviewer in reviewers),
    )


def load_comparisons(
    session: Session, person_ids: Collection[int], *, since: dt.date, until: dt.date | None = None
) -> tuple[list[Comparison], list[Comparison]]:
    """Return the comparisons of claims and of reviews about people, of what was said since a day, before another."""
    start = dt.datetime.combine(since, dt.time(), tzinfo=dt.UTC)
    end = dt.datetime.combine(until or dt.date.max, dt.time(), tzinfo=dt.UTC)
    pairs: set[tuple[int, int]] = set()
    for some in batches(sorted(person_ids), 400):
        judged = (
            select(SkillEvent.person_id, Skill.id, Skill.merged_into_id)
            .join(Skill, Skill.id == SkillEvent.skill_id)
            .where(SkillEvent.person_id.in_(some), SkillEvent.kind.in_(_ESTIMATES), SkillEvent.at >= start)
            .distinct()
        )
        pairs |= {(person_id, into or skill_id) for person_id, skill_id, into in session.execute(judged)}
    claims: list[Comparison] = []
    reviews: list[Comparison] = []
    for batch in batches(sorted(pairs), _PAIRS_AT_ONCE):
        for (_, skill_id), log in load_logs(session, batch).items():
            recent = [event for event in log if start <= event.at < end]
            claims += compare_claims(recent, skill_id)
            reviews += compare_reviews(recent, skill_id)
    return claims, reviews


def measure_by(comparisons: Iterable[tuple[int, Comparison]]) -> dict[int, Accuracy]:
    """Return how accurate each group was, from pairs (group, comparison)."""
    groups: dict[int, list[Comparison]] = defaultdict(list)
    for key, comparison in comparisons:
        groups[key].append(comparison)
    return {key: accuracy for key, group in groups.items() if (accuracy := measure(group)) is not None}
