"""
Badges that people bring.

One that is certain and that HR has given a meaning is evidence by itself, by the issuer's word and nobody's name; any
other that is not refused waits for somebody to accept it, with what is in doubt.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.errors import ConflictError, ForbiddenError, InvalidInputError
from webapp.models import EvidenceSubmission, Person, Skill, SkillEventKind, SubmissionState
from webapp.services import audit, evidence, evidence_issuers, records
from webapp.services.audit import Actor
from webapp.services.badges.badge import Badge
from webapp.services.badges.judging import Judgement, judge
from webapp.services.badges.reading import read_badge
from webapp.services.evidence import File, NewEvidence
from webapp.services.records import NewEvent


@dataclass(frozen=True, slots=True)
class Brought:
    """
    What became of a badge.

    ``counted`` tells whether it is evidence already; ``submissions`` are one for each skill.
    """

    badge: Badge
    submissions: tuple[EvidenceSubmission, ...]
    counted: bool
    doubts: tuple[str, ...]


def bring_badge(
    session: Session,
    person: Person,
    file: File,
    *,
    skill_id: int | None = None,
    level: int | None = None,
    note: str = "",
    by: Actor,
) -> Brought:
    """
    Let a person bring a badge of theirs.

    Parameters
    ----------
    session, person
        A session, and who brings it.
    file
        JSON, a token, or a picture with either baked in.
    skill_id, level
        What they say it shows; not looked at where HR has said it and the badge is certain.
    note
        What they add.
    by
        Who does it, and when.

    Raises
    ------
    ForbiddenError
        If somebody else brings it for them.
    InvalidInputError
        If it is no badge, is refused, or is in doubt and they do not say what it shows.
    ConflictError
        If they have brought it already.
    """
    if by.person_id != person.id:
        raise ForbiddenError("Everybody brings their own badges.")
    badge = read_badge(file.content)
    if len(badge.key) > evidence_issuers.KEY_LENGTH:
        raise InvalidInputError("The badge's identifier is too long to be kept.", field="file")
    judgement = judge(badge, email=person.email, issuers=evidence_issuers.load_trusted(session), at=by.at)
    if judgement.refusals:
        raise InvalidInputError(" ".join(judgement.refusals), field="file")
    _refuse_second(session, person, badge)
    meanings = _meanings(session, judgement)
    doubts = _doubts(session, person, judgement, meanings)
    if meanings and not doubts:
        counted = [_count(session, person, judgement, file, skill, level, by=by) for skill, level in meanings]
        return Brought(badge, tuple(counted), counted=True, doubts=())
    if skill_id is None or level is None:
        raise InvalidInputError(
            f"{' '.join(doubts)} Choose the skill and the level that it shows: then somebody can accept it.",
            field="skill_id" if skill_id is None else "level",
        )
    brought = _describe(person, judgement, file, skill_id, level)
    submission = evidence.submit(session, person, replace(brought, note=note, doubts=tuple(doubts)), by=by)
    return Brought(badge, (submission,), counted=False, doubts=tuple(doubts))


def _refuse_second(session: Session, person: Person, badge: Badge) -> None:
    query = select(EvidenceSubmission).where(
        EvidenceSubmission.person_id == person.id,
        EvidenceSubmission.badge_key == badge.key,
        EvidenceSubmission.state.in_([SubmissionState.WAITING, SubmissionState.ACCEPTED]),
    )
    earlier = session.scalars(query.limit(1)).first()
    if earlier is not None:
        raise ConflictError(
            f"You brought this badge on {earlier.created_at:%-d %b %Y}; it is {earlier.state.value} already."
        )


def _meanings(session: Session, judgement: Judgement) -> list[tuple[Skill, int]]:
    if judgement.issuer is None:
        return []
    return evidence_issuers.list_meanings(session, judgement.issuer.id, judgement.badge.achievement_key)


def _doubts(session: Session, person: Person, judgement: Judgement, meanings: list[tuple[Skill, int]]) -> list[str]:
    doubts = list(judgement.doubts)
    if judgement.issuer is not None and not meanings:
        doubts.append("HR has not said yet which skill this badge shows.")
    if judgement.issuer is not None and person.id in evidence_issuers.list_keepers(session, judgement.issuer.id):
        doubts.append("Its holder keeps the keys of this issuer in Mainstay, so somebody else must look.")
    return doubts


def _describe(person: Person, judgement: Judgement, file: File, skill_id: int, level: int) -> NewEvidence:
    badge = judgement.badge
    zone = ZoneInfo(person.site.time_zone)
    name = judgement.issuer.name if judgement.issuer else badge.issuer_name or badge.issuer_key
    return NewEvidence(
        skill_id=skill_id,
        kind=SkillEventKind.BADGE,
        level=level,
        title=badge.name[: evidence.NAME_LENGTH],
        issuer=name[: evidence.NAME_LENGTH],
        issued_on=badge.issued_at.astimezone(zone).date(),
        expires_on=_expires_on(badge, zone),
        file=file,
        badge_key=badge.key,
    )


def _expires_on(badge: Badge, zone: ZoneInfo) -> dt.date | None:
    """Return the first day on which a badge counts no more: on the day within which it ends it still does."""
    if badge.expires_at is None:
        return None
    last = (badge.expires_at - dt.timedelta(microseconds=1)).astimezone(zone).date()
    return last + dt.timedelta(days=1)


def _count(
    session: Session, person: Person, judgement: Judgement, file: File, skill: Skill, level: int, *, by: Actor
) -> EvidenceSubmission:
    """Write a certain badge into the log, in nobody's name: its issuer says it, and the person only brought it."""
    brought = _describe(person, judgement, file, skill.id, level)
    submission = evidence.keep(session, person, skill, brought, by=by)
    event = NewEvent(
        person.id,
        skill.id,
        SkillEventKind.BADGE,
        level=level,
        # It speaks of the day on which it was earned, so that a review from after that settles it.
        at=judgement.badge.issued_at,
        expires_on=brought.expires_on,
        source=evidence.source_of(submission),
        attachment_id=submission.attachment_id,
    )
    (submission.event_id,) = records.append_events(session, [event], by=replace(by, person_id=None))
    records.reproject(session, [(person.id, skill.id)], by.at.date())
    submission.state, submission.decided_at = SubmissionState.ACCEPTED, by.at
    audit.record(
        session,
        "count_badge",
        submission,
        by=by,
        person_id=person.id,
        detail={"skill": skill.code, "level": level, "issuer": submission.issuer, "badge": submission.badge_key},
    )
    return submission
