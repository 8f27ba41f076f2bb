r"""
Sampling of validations: which records are worth a second look this week.

Each record within a lead's scope that nobody looked at lately has a need between 0 and 1:

.. math:: w = 0.4 \, \frac{h - l}{5} + 0.3 \, \frac{\min(a, 3)}{3} + 0.2 \, \min\Big(1, \frac{d}{365}\Big) + 0.1 \, m

=========  =================================================================================================
:math:`l, h`  ends of the range that holds 80 % of what the evidence leaves open
:math:`a`     mean absolute error of claims in the skill and of the reviews of the last reviewer, whichever is
              larger; each is drawn to the mean of all by five comparisons, so that two bad cases prove little
:math:`d`     days since the last sign of life
:math:`m`     minutes of the next seven days' work that ask for the skill at the site, as a share of the largest
=========  =================================================================================================

The list is spread over strata: the people of one team and one span of tenure. Its places are shared out by the number
of people in each stratum with the largest remainder (Hamilton's method), so that each stratum gets its share rounded
up or down, and at most one record of a person is asked for while others have none. Within a stratum records are drawn
without putting back with chances that follow their need (Efraimidis and Spirakis 2006, doi:10.1016/j.ipl.2005.11.003),
by random numbers that the ISO week and the record alone decide. All rests on what was known before the week began:
until Sunday the list is the same, next week it is another.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import math
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager, joinedload

from webapp.models import Person, Skill, SkillEvent, SkillEventKind, SkillRecord
from webapp.services import inbox, records
from webapp.services.access import Viewer
from webapp.services.calibration import Accuracy, load_comparisons, measure, measure_by
from webapp.services.projection import Projection
from webapp.services.record_history import records_as_of
from webapp.services.review_demand import demand_by_level

PLACES = 6
REVIEWED_LATELY_DAYS = 45
_PRIOR_COUNT = 5
_SPANS = ((365, "under a year"), (3 * 365, "1 to 3 years"))
_LONGEST_SPAN = "3 years or more"


@dataclass(frozen=True, slots=True)
class Stratum:
    """People of one team who have been there for about as long."""

    team_id: int | None
    tenure: str


@dataclass(frozen=True, slots=True)
class Need:
    """Why a record is worth a look, each part from 0 to 1."""

    doubt: float
    error: float
    staleness: float
    demand: float

    @property
    def weight(self) -> float:
        """The need from 0 to 1; never 0, so that each record has its chance."""
        return max(0.01, 0.4 * self.doubt + 0.3 * self.error + 0.2 * self.staleness + 0.1 * self.demand)

    @property
    def reasons(self) -> list[str]:
        """What stands out, in words."""
        words = [
            (self.doubt >= 0.4, "the evidence leaves much open"),
            (self.error >= 0.4, "what is said of this skill was often off"),
            (self.staleness >= 0.5, "nothing has been heard for half a year"),
            (self.demand >= 0.5, "much work of the next days asks for it"),
        ]
        return [word for applies, word in words if applies] or ["its turn in the sample"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record that may be drawn; ``key`` identifies it for the random numbers."""

    key: int
    person_id: int
    stratum: Hashable
    weight: float


@dataclass(frozen=True, slots=True)
class SecondLook:
    """A record that was drawn, as it stood when the week began; it is ``done`` if somebody reviewed it since."""

    record: SkillRecord
    projection: Projection
    stratum: Stratum
    need: Need
    done: bool = False


def share_out(sizes: Mapping[Hashable, int], places: int) -> dict[Hashable, int]:
    """
    Share places out by size with the largest remainder; ties go to the stratum that is named first.

    Each gets its quota ``places · size ÷ total`` rounded up or down.
    """
    total = sum(sizes.values())
    if not total or places <= 0:
        return dict.fromkeys(sizes, 0)
    shares = {name: places * size // total for name, size in sizes.items()}
    remainders = sorted(sizes, key=lambda name: -((places * sizes[name]) % total))
    for name in remainders[: places - sum(shares.values())]:
        shares[name] += 1
    return shares


def draw(candidates: Sequence[Candidate], places: int, *, sizes: Mapping[Hashable, int], week: str) -> list[Candidate]:
    """
    Draw a sample that is spread over strata and follows need.

    Parameters
    ----------
    candidates
        The records.
    places
        How many are wanted.
    sizes
        Number of people in each stratum. Places that a stratum cannot fill go to the others by the same rule.
    week
        The seed, such as ``2026-W47``.
    """
    waiting: dict[Hashable, list[Candidate]] = defaultdict(list)
    for candidate in sorted(candidates, key=lambda one: (_chance(one, week), -one.key), reverse=True):
        waiting[candidate.stratum].append(candidate)
    for name, line in waiting.items():
        waiting[name] = _one_each_first(line)
    drawn: list[Candidate] = []
    while len(drawn) < places:
        open_sizes = {name: sizes.get(name, 0) or 1 for name, line in waiting.items() if line}
        if not open_sizes:
            break
        named = dict(sorted(open_sizes.items(), key=lambda item: _uniform(week, str(item[0]))))
        for name, share in share_out(named, places - len(drawn)).items():
            drawn += waiting[name][:share]
            waiting[name] = waiting[name][share:]
    return drawn


def _chance(candidate: Candidate, week: str) -> float:
    """Return the key of weighted drawing, log(u) ÷ w: the largest are drawn."""
    return math.log(_uniform(week, str(candidate.key))) / candidate.weight


def _uniform(*seeds: str) -> float:
    digest = hashlib.sha256("\0".join(seeds).encode()).digest()
    return (int.from_bytes(digest[:8]) + 1) / (2**64 + 1)


def _one_each_first(line: Sequence[Candidate]) -> list[Candidate]:
    rounds: dict[int, int] = defaultdict(int)
    turns = []
    for candidate in line:
        turns.append((rounds[candidate.person_id], candidate))
        rounds[candidate.person_id] += 1
    return [candidate for _, candidate in sorted(turns, key=lambda turn: turn[0])]


def tenure_of(hired_on: dt.date | None, on: dt.date) -> str:
    """Return the span of tenure that somebody is in; unknown counts as the longest."""
    if hired_on is None:
        return _LONGEST_SPAN
    days = (on - hired_on).days
    return next((words for limit, words in _SPANS if days < limit), _LONGEST_SPAN)


def iso_week(on: dt.date) -> str:
    """Return a day's ISO week, such as ``2026-W47``."""
    year, week, _ = on.isocalendar()
    return f"{year}-W{week:02}"


def second_looks(session: Session, *, viewer: Viewer, on: dt.date, places: int = PLACES) -> list[SecondLook]:
    """
    Return the records that are worth a second look this week among those that the viewer may review.

    The list rests on what was known before the week began, so that it stays the same until the next one; what somebody
    reviewed meanwhile is done.
    """
    query = (
        select(SkillRecord)
        .join(SkillRecord.person)
        .join(SkillRecord.skill)
        .where(inbox.may_review(viewer), Person.active, Person.is_agent, Skill.retired_at.is_(None))
        .options(
            contains_eager(SkillRecord.person).options(joinedload(Person.team), joinedload(Person.site)),
            contains_eager(SkillRecord.skill),
        )
    )
    found = {(record.person_id, record.skill_id): record for record in session.scalars(query)}
    people = {record.person_id: record.person for record in found.values()}
    monday = on - dt.timedelta(on.weekday())
    before = records_as_of(session, people.values(), monday - dt.timedelta(1))
    limit = monday - dt.timedelta(REVIEWED_LATELY_DAYS)
    known = {
        record.id: before[person_id][skill_id]
        for (person_id, skill_id), record in found.items()
        if skill_id in before[person_id] and _is_open(before[person_id][skill_id], limit)
    }
    records_known = {record.id: record for record in found.values() if record.id in known}
    strata = {person.id: Stratum(person.team_id, tenure_of(person.hired_on, monday)) for person in people.values()}
    sizes: dict[Hashable, int] = defaultdict(int)
    for stratum in strata.values():
        sizes[stratum] += 1
    needs = _needs(session, records_known, known, monday)
    candidates = [
        Candidate(key, record.person_id, strata[record.person_id], needs[key].weight)
        for key, record in records_known.items()
    ]
    return [
        SecondLook(
            record=records_known[one.key],
            projection=known[one.key],
            stratum=strata[one.person_id],
            need=needs[one.key],
            done=_was_reviewed_since(records_known[one.key], monday),
        )
        for one in draw(candidates, places, sizes=sizes, week=iso_week(on))
    ]


def _is_open(projection: Projection, limit: dt.date) -> bool:
    """Return whether there is a level to look at that nobody reviewed lately."""
    said = projection.validated_level > 0 or bool(projection.claimed_level)
    return said and (projection.reviewed_at is None or projection.reviewed_at.date() < limit)


def _was_reviewed_since(record: SkillRecord, day: dt.date) -> bool:
    return record.reviewed_at is not None and record.reviewed_at.date() >= day


def _needs(
    session: Session, found: Mapping[int, SkillRecord], projections: Mapping[int, Projection], on: dt.date
) -> dict[int, Need]:
    people = {record.person_id for record in found.values()}
    claims, reviews = load_comparisons(session, people, since=on - dt.timedelta(730), until=on)
    mean = (measure([*claims, *reviews]) or Accuracy(0, 0, 0.0, 0.0, 1.0)).absolute
    by_skill = measure_by((one.skill_id, one) for one in claims)
    by_reviewer = measure_by((one.author_id or 0, one) for one in reviews)
    reviewers = _last_reviewers(session, people)
    demand = demand_by_level(session, {record.person.site_id for record in found.values()}, on)
    minutes = {
        key: sum(work.minutes for work in demand.get((record.person.site_id, record.skill_id), {}).values())
        for key, record in found.items()
    }
    most = max(minutes.values(), default=0.0)
    needs = {}
    for key, record in found.items():
        projection = projections[key]
        reviewer = reviewers.get((record.person_id, record.skill_id), 0)
        error = max(_drawn_in(by_skill.get(record.skill_id), mean), _drawn_in(by_reviewer.get(reviewer), mean))
        idle = (on - projection.refreshed_on).days if projection.refreshed_on else 365
        needs[key] = Need(
            doubt=(projection.validated_high - projection.validated_low) / 5,
            error=min(error, 3.0) / 3,
            staleness=min(1.0, max(0, idle) / 365),
            demand=minutes[key] / most if most else 0.0,
        )
    return needs


def _drawn_in(accuracy: Accuracy | None, mean: float) -> float:
    """Return a group's mean absolute error, drawn to the mean of all where it rests on few comparisons."""
    if accuracy is None:
        return mean
    return (accuracy.count * accuracy.absolute + _PRIOR_COUNT * mean) / (accuracy.count + _PRIOR_COUNT)


def _last_reviewers(session: Session, person_ids: set[int]) -> dict[tuple[int, int], int]:
    reviewers: dict[tuple[int, int], int] = {}
    for some in records.batches(sorted(person_ids), 400):
        query = (
            select(SkillEvent.person_id, SkillEvent.skill_id, SkillEvent.author_id)
            .where(SkillEvent.person_id.in_(some), SkillEvent.kind == SkillEventKind.REVIEW)
            .order_by(SkillEvent.at, SkillEvent.id)
        )
        for person_id, skill_id, author_id in session.execute(query):
            if author_id is not None:
                reviewers[person_id, skill_id] = author_id
    return reviewers
