"""Half a year of skill history in the demo: what everybody said of themselves and what others saw."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias

from sqlalchemy.orm import Session

from webapp.models import Interest, Person, Role, Skill, SkillEventKind
from webapp.services import audit, records
from webapp.services.audit import Actor
from webapp.services.demo.people import PersonSeed
from webapp.services.records import NewEvent

HISTORY_DAYS = 182
_TRACES_SEED = 1902
_COUNTED_DAYS = 28
"""Days whose work the demo's own contacts show, see :mod:`webapp.services.demo.days`; use of older days is made up."""

Add: TypeAlias = Callable[[Person | None, NewEvent], None]


def seed_history(
    session: Session,
    chance: random.Random,
    seeds: list[PersonSeed],
    people: dict[str, Person],
    skills: dict[str, Skill],
    *,
    at: dt.datetime,
) -> None:
    """
    Write how each level came to be.

    It was imported half a year ago, then reviewed for most and claimed anew for some; tests, evaluations, certificates,
    courses, colleagues and daily work left their traces.
    """
    start = at - dt.timedelta(days=HISTORY_DAYS)
    by_author: dict[int | None, list[NewEvent]] = {}
    # Traces are drawn apart, so that one kind more does not change every level of the demo.
    traces = random.Random(_TRACES_SEED)

    def add(author: Person | None, event: NewEvent) -> None:
        by_author.setdefault(author.id if author else None, []).append(event)

    leads = {seed.team: people[seed.code] for seed in seeds if Role.LEAD in seed.roles}
    for seed in seeds:
        person = people[seed.code]
        reviewer = leads.get(seed.team) if Role.LEAD not in seed.roles else None
        for code, level in seed.levels.items():
            event = partial(NewEvent, person.id, skills[code].id)
            imported = max(1, level - chance.choice((0, 0, 1)))
            add(
                None,
                event(
                    kind=SkillEventKind.PROVISIONAL,
                    level=imported,
                    at=start,
                    expires_on=(start + dt.timedelta(days=365)).date(),
                    source="ACD skill table",
                ),
            )
            if reviewer is not None and chance.random() < 0.72:
                reviewed_at = start + dt.timedelta(days=chance.uniform(10, HISTORY_DAYS - 5))
                add(reviewer, event(kind=SkillEventKind.REVIEW, level=level, at=reviewed_at))
            elif chance.random() < 0.25:
                used_at = at - dt.timedelta(days=chance.uniform(1, 60))
                count = chance.randint(12, 140)
                add(
                    None,
                    event(
                        kind=SkillEventKind.OUTCOME,
                        level=min(2, level),
                        count=count,
                        at=used_at,
                        expires_on=(used_at + dt.timedelta(days=365)).date(),
                        source="Finished work",
                    ),
                )
            _own_word(chance, add, person, event, level=level, at=at)
            others = [other for other in leads.values() if other is not person]
            _assess(traces, add, others, event, level=level, at=at)
            _work(traces, add, event, at=at)
            if skills[code].certificate_required:
                _certify(traces, add, others[0], event, level=level, at=at)
    _endorse(traces, add, seeds, people, skills, at=at)
    for author_id, events in by_author.items():
        events.sort(key=lambda event: event.at or at)
        records.append_events(session, events, by=Actor(person_id=author_id, at=at, channel="cli"))
    pairs = {(event.person_id, event.skill_id) for events in by_author.values() for event in events}
    records.reproject(session, sorted(pairs), on=at.date())
    audit.record(
        session,
        "seed_history",
        people[seeds[0].code],
        by=Actor(person_id=None, at=at, channel="cli"),
        detail={"records": len(pairs), "events": sum(len(events) for events in by_author.values())},
    )


def _own_word(
    chance: random.Random,
    add: Add,
    person: Person,
    event: Callable[..., NewEvent],
    *,
    level: int,
    at: dt.datetime,
) -> None:
    """Let some people claim a level, and say what they would like to grow or rather not do."""
    if level < 5 and chance.random() < 0.07:
        claimed_at = at - dt.timedelta(days=chance.uniform(0.2, 20))
        add(person, event(kind=SkillEventKind.CLAIM, level=level + 1, at=claimed_at))
    draw = chance.random()
    if draw < 0.16:
        wished_at = at - dt.timedelta(days=chance.uniform(1, 120))
        interest = Interest.GROW if draw < 0.13 else Interest.RATHER_NOT
        add(person, event(kind=SkillEventKind.INTEREST, interest=interest, at=wished_at))


def _assess(
    chance: random.Random,
    add: Add,
    others: Sequence[Person],
    event: Callable[..., NewEvent],
    *,
    level: int,
    at: dt.datetime,
) -> None:
    """Let somebody of another team test, evaluate or review some of the levels, not always of the same mind."""
    assessor = chance.choice(others)
    if chance.random() < 0.14:
        for _ in range(chance.randint(1, 4)):
            evaluated_at = at - dt.timedelta(days=chance.uniform(2, 100))
            add(
                assessor,
                event(
                    kind=SkillEventKind.EVALUATION,
                    level=min(5, max(0, level + chance.choice((-1, 0, 0, 0, 1)))),
                    at=evaluated_at,
                    expires_on=evaluated_at.date() + dt.timedelta(days=180),
                    source="Quality evaluation",
                ),
            )
    if chance.random() < 0.06:
        tested_at = at - dt.timedelta(days=chance.uniform(5, 150))
        add(assessor, event(kind=SkillEventKind.ASSESSMENT, level=level, at=tested_at, source="Product quiz"))
    if level <= 3 and chance.random() < 0.08:
        taught_at = at - dt.timedelta(days=chance.uniform(5, 170))
        add(assessor, event(kind=SkillEventKind.COURSE, level=min(2, level), at=taught_at, source="Onboarding course"))
    if level >= 3 and chance.random() < 0.02:
        seen_at = at - dt.timedelta(days=chance.uniform(1, 9))
        add(assessor, event(kind=SkillEventKind.REVIEW, level=level - 2, at=seen_at, note="Sat in for an hour."))


def _work(chance: random.Random, add: Add, event: Callable[..., NewEvent], *, at: dt.datetime) -> None:
    """
    Count the work of some days of the quarter before the demo's contacts; one skill in five was not used in it.

    What happened since is counted from the contacts themselves.
    """
    if chance.random() < 0.2:
        return
    for week in range(chance.randint(3, 9)):
        used_at = at - dt.timedelta(days=_COUNTED_DAYS + 7 * week + chance.uniform(0.5, 6))
        add(None, event(kind=SkillEventKind.USE, count=chance.randint(1, 14), at=used_at, source="Finished work"))


def _certify(
    chance: random.Random, add: Add, author: Person, event: Callable[..., NewEvent], *, level: int, at: dt.datetime
) -> None:
    """Give the certificate that a skill requires; each lapses a year after the course, some of them soon."""
    certified_at = at - dt.timedelta(days=chance.uniform(40, 355))
    add(
        author,
        event(
            kind=SkillEventKind.CERTIFICATE,
            level=level,
            at=certified_at,
            expires_on=certified_at.date() + dt.timedelta(days=365),
            source="Yearly certificate",
        ),
    )


def _endorse(
    chance: random.Random,
    add: Add,
    seeds: Sequence[PersonSeed],
    people: Mapping[str, Person],
    skills: Mapping[str, Skill],
    *,
    at: dt.datetime,
) -> None:
    """Let colleagues of one team who hold a skill speak for each other."""
    for seed in seeds:
        mates = [other for other in seeds if other.team == seed.team and other is not seed]
        for code, level in seed.levels.items():
            holders = [other for other in mates if code in other.levels]
            if not holders or chance.random() >= 0.1:
                continue
            for other in chance.sample(holders, min(len(holders), chance.randint(1, 3))):
                said_at = at - dt.timedelta(days=chance.uniform(3, 160))
                reach = min(level, other.levels[code])
                add(
                    people[other.code],
                    NewEvent(
                        people[seed.code].id, skills[code].id, SkillEventKind.ENDORSEMENT, level=reach, at=said_at
                    ),
                )
