"""
Digests: one message a week to each person, with what waits for them; no message where nothing does.

:func:`agent_parts`, :func:`lead_parts` and :func:`overdue_parts` are pure: they turn what was found into words and
links, for a page today and for an e-mail as well.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from webapp.models import Account, Notice, Person, Site, Skill, SkillEvent, SkillEventKind, Team
from webapp.services import access, evidence, freshness, inbox, notices, own_skills, upkeep
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.freshness import Freshness
from webapp.services.inbox import Occasion, ReviewRequest
from webapp.services.upkeep import Fall, FallCause, QuickReview
from webapp.services.zones import day_bounds

NOTICE_KIND = "digest"
PAGE = "/my/week"
WEEK_DAYS = 7

_KEEPS = {
    FallCause.FADES: "work with it or a review keeps it",
    FallCause.EXPIRES: "newer evidence or a review keeps it",
    FallCause.CERTIFICATE: "a new certificate keeps it",
}
_OCCASIONS = {
    Occasion.DISPUTE: ("record whose evidence disagrees", "records whose evidence disagrees"),
    Occasion.CLAIM: ("claim", "claims"),
    Occasion.UNSEEN: ("level that nobody has looked at", "levels that nobody has looked at"),
    Occasion.EXPIRING: ("level that falls within two weeks", "levels that fall within two weeks"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence of a digest, and the path of the page to go to."""

    text: str
    link: str


@dataclass(frozen=True, slots=True)
class Part:
    """Some lines under a heading; ``summary`` says the same in a few words, empty if it needs no word of its own."""

    title: str
    summary: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """A review that somebody gave of a skill."""

    skill: Skill
    level: int
    reviewer: str


@dataclass(frozen=True, slots=True)
class Digest:
    """What waits for one person; ``headline`` is empty if nothing does."""

    parts: tuple[Part, ...]

    @property
    def headline(self) -> str:
        """The digest in one sentence."""
        words = [part.summary for part in self.parts if part.summary]
        return f"Your week: {', '.join(words)}." if words else ""


def agent_parts(
    falls: Sequence[tuple[Skill, Fall]], quick: QuickReview, answers: Sequence[Answer], *, lead: str
) -> list[Part]:
    """Return what an agent should know: levels that fall, the quick review, what their lead answered."""
    parts = []
    if falls:
        lines = (Line(_fall_words(skill, fall, lead), f"/my/skills/{skill.id}") for skill, fall in falls)
        parts.append(
            Part("Levels that fall soon", _counted(len(falls), "level falls soon", "levels fall soon"), (*lines,))
        )
    if quick.is_due:
        words = _counted(len(quick.asked), "skill to look at", "skills to look at")
        parts.append(
            Part("Quick review", words, (Line(f"{words.capitalize()} this month, one tap each.", "/my/skills/quick"),))
        )
    if answers:
        lines = (
            Line(f"{each.reviewer} reviewed {each.skill.name} at {each.level}.", f"/my/skills/{each.skill.id}")
            for each in answers
        )
        parts.append(
            Part("Answers", _counted(len(answers), "review of your skills", "reviews of your skills"), (*lines,))
        )
    return parts


def _fall_words(skill: Skill, fall: Fall, lead: str) -> str:
    verb = "fades" if fall.cause is FallCause.FADES else "expires"
    asked = f" {lead} is asked, too." if fall.is_leads_task else ""
    return f"{skill.name} {verb} on {fall.on:%-d %b}: {_KEEPS[fall.cause]}.{asked}"


def lead_parts(
    requests: Sequence[ReviewRequest],
    *,
    on: dt.date,
    overdue_days: int,
    evidence_waiting: int,
    fresh: Mapping[str, Freshness],
) -> list[Part]:
    """Return what a lead should know: what waits and since when; with it, how fresh their teams' records are."""
    lines = []
    counts = Counter(request.occasion for request in requests)
    for occasion, (one, many) in _OCCASIONS.items():
        if counts[occasion]:
            lines.append(
                Line(f"{_counted(counts[occasion], one, many).capitalize()}.", f"/reviews?occasion={occasion.value}")
            )
    if evidence_waiting:
        lines.append(
            Line(
                f"{_counted(evidence_waiting, 'piece of evidence', 'pieces of evidence').capitalize()} to accept.",
                "/evidence",
            )
        )
    overdue = sum(1 for request in requests if request.waits_days(on) >= overdue_days)
    if overdue:
        verb = "has" if overdue == 1 else "have"
        lines.append(
            Line(f"{overdue} of them {verb} waited for {overdue_days} days or longer; HR sees them, too.", "/reviews")
        )
    for name, count in Counter(request.in_place_of.name for request in requests if request.in_place_of).items():
        lines.append(Line(f"{count} of them in place of {name}.", "/reviews"))
    if not lines:
        return []
    for team, figure in fresh.items():
        if figure.share is not None:
            lines.append(Line(f"{team}: {figure.share:.0%} of the records are fresh.", "/freshness"))
    total = len(requests) + evidence_waiting
    return [Part("Your inbox", f"{total} to review", tuple(lines))]


def overdue_parts(overdue: Sequence[ReviewRequest], *, overdue_days: int) -> list[Part]:
    """Return what HR should know: reviews that nobody has given for long."""
    if not overdue:
        return []
    words = _counted(len(overdue), "review overdue", "reviews overdue")
    line = Line(f"{words.capitalize()}: nobody has answered for {overdue_days} days or longer.", "/reviews/overdue")
    return [Part("Overdue reviews", words, (line,))]


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def digest_of(session: Session, person: Person, *, viewer: Viewer, on: dt.date, overdue_days: int) -> Digest:
    """Return what waits for a person on a day."""
    parts: list[Part] = []
    if viewer.can(Permission.KEEP_OWN_RECORD):
        held = [(own.skill, own.projection) for own in own_skills.list_own_skills(session, person.id, on)]
        parts += agent_parts(
            upkeep.list_falls(held, on),
            upkeep.quick_review(held, on, person.site.time_zone),
            _list_answers(session, person, on),
            lead="Your lead",
        )
    if viewer.can(Permission.REVIEW_RECORDS):
        requests = inbox.review_order(session, viewer, on)
        waiting = evidence.count_waiting(session, viewer)
        parts += lead_parts(
            requests,
            on=on,
            overdue_days=overdue_days,
            evidence_waiting=waiting,
            fresh=_fresh_teams(session, viewer, on) if requests or waiting else {},
        )
    if viewer.can(Permission.SEE_OVERDUE_REVIEWS):
        parts += overdue_parts(inbox.list_overdue(session, viewer, on, days=overdue_days), overdue_days=overdue_days)
    return Digest(tuple(parts))


def _fresh_teams(session: Session, viewer: Viewer, on: dt.date) -> dict[str, Freshness]:
    teams: list[Team] = access.list_teams(session, viewer=viewer, permission=Permission.REVIEW_RECORDS)
    figures = freshness.by_team(session, [team.id for team in teams], on)
    return {team.name: figures[team.id] for team in teams}


def _list_answers(session: Session, person: Person, on: dt.date) -> list[Answer]:
    """Return the reviews of a person's skills in the week before a day that stand, the latest of each skill."""
    start, _ = day_bounds(on - dt.timedelta(days=WEEK_DAYS), person.site.time_zone)
    events = session.scalars(
        select(SkillEvent)
        .where(SkillEvent.person_id == person.id, SkillEvent.kind == SkillEventKind.REVIEW, SkillEvent.at >= start)
        .options(joinedload(SkillEvent.author), joinedload(SkillEvent.skill))
        .order_by(SkillEvent.at, SkillEvent.id)
    ).all()
    taken_back = (
        set(
            session.scalars(
                select(SkillEvent.retracts_id).where(
                    SkillEvent.person_id == person.id, SkillEvent.kind == SkillEventKind.RETRACT
                )
            )
        )
        if events
        else set()
    )
    latest = {event.skill_id: event for event in events if event.id not in taken_back}
    return [
        Answer(event.skill, event.level or 0, event.author.name if event.author else "Somebody")
        for event in latest.values()
    ]


@dataclass(frozen=True, slots=True)
class Message:
    """A digest that somebody is to get."""

    person_id: int
    headline: str


def compose(session: Session, site: Site, on: dt.date, *, overdue_days: int) -> list[Message]:
    """Return the digests of everybody of a site who can sign in and for whom something waits."""
    people = session.scalars(
        select(Person)
        .join(Account, Account.person_id == Person.id)
        .where(Person.site_id == site.id, Person.active, Account.active)
        .options(joinedload(Person.site))
        .order_by(Person.id)
    ).all()
    messages = []
    for person in people:
        viewer = access.get_viewer(session, person.id, on=on)
        headline = digest_of(session, person, viewer=viewer, on=on, overdue_days=overdue_days).headline
        if headline:
            messages.append(Message(person.id, headline))
    return messages


def deliver(session: Session, messages: Sequence[Message], *, by: Actor) -> int:
    """Leave each digest under its person's bell, in place of one that they have not read; return how many."""
    for message in messages:
        session.execute(
            update(Notice)
            .where(Notice.person_id == message.person_id, Notice.kind == NOTICE_KIND, Notice.read_at.is_(None))
            .values(read_at=by.at)
        )
        notices.notify(session, message.person_id, kind=NOTICE_KIND, text=message.headline, link=PAGE, by=by)
    return len(messages)
