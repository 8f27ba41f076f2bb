"""
Evidence that people bring: certificates, courses, badges and test results, their word until somebody accepts it.

A submission waits in a table of its own. Whoever accepts it says which level it shows; only then does evidence come
into the log, by the name of that person. Nobody accepts their own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from webapp.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from webapp.models import EvidenceSubmission, Person, Skill, SkillEventKind, SkillRecord, SubmissionState
from webapp.services import access, attachments, audit, notices, records
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.projection import standing_events
from webapp.services.records import NewEvent

KINDS = (SkillEventKind.CERTIFICATE, SkillEventKind.COURSE, SkillEventKind.BADGE, SkillEventKind.ASSESSMENT)
MOST_WAITING = 50
NAME_LENGTH = 200
SOURCE_LENGTH = 120


@dataclass(frozen=True, slots=True)
class File:
    """A file as it came."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class NewEvidence:
    """What a person brings; fields as in :class:`webapp.models.EvidenceSubmission`."""

    skill_id: int
    kind: SkillEventKind
    level: int
    title: str
    issuer: str = ""
    issued_on: dt.date | None = None
    expires_on: dt.date | None = None
    note: str = ""
    link: str = ""
    file: File | None = None
    badge_key: str = ""
    doubts: tuple[str, ...] = ()


def claim(
    session: Session,
    person: Person,
    *,
    skill_id: int,
    level: int,
    note: str = "",
    link: str = "",
    file: File | None = None,
    by: Actor,
) -> SkillRecord:
    """
    Let a person claim a level with what supports it: a note, a link, a photo or PDF.

    Raises
    ------
    ForbiddenError
        If somebody else claims for them.
    NotFoundError
        If there is no such skill.
    InvalidInputError
        If a field is not as it should be, the file is neither photo nor PDF, or the skill is retired.
    """
    if by.person_id != person.id:
        raise ForbiddenError("Only the person themselves can say this about their skills.")
    kept = attachments.keep_file(session, person, file_name=file.name, content=file.content, by=by) if file else None
    return records.claim_level(
        session,
        person,
        skill_id=skill_id,
        level=level,
        note=note,
        link=link,
        attachment_id=kept.id if kept else None,
        by=by,
    )


def submit(session: Session, person: Person, evidence: NewEvidence, *, by: Actor) -> EvidenceSubmission:
    """
    Let a person bring evidence about a skill of theirs; it counts once somebody else has accepted it.

    Raises
    ------
    ForbiddenError
        If somebody else brings it for them.
    NotFoundError
        If there is no such skill.
    InvalidInputError
        If a field is not as it should be, or the file is neither photo nor PDF.
    ConflictError
        If too much of theirs waits already.
    """
    if by.person_id != person.id:
        raise ForbiddenError("Everybody brings their own evidence.")
    skill = records.get_claimable_skill(session, evidence.skill_id)
    _check(evidence, by.at.date())
    if _count(session, person.id) >= MOST_WAITING:
        raise ConflictError(f"{MOST_WAITING} things of yours wait already. Take one back, or ask your lead to look.")
    submission = keep(session, person, skill, evidence, by=by)
    audit.record(
        session,
        "submit_evidence",
        submission,
        by=by,
        person_id=person.id,
        detail={"skill": skill.code, "kind": evidence.kind.value, "level": evidence.level},
    )
    return submission


def keep(session: Session, person: Person, skill: Skill, evidence: NewEvidence, *, by: Actor) -> EvidenceSubmission:
    """Write a submission down with its file, as waiting; the caller has checked and audits it."""
    attachment = None
    if evidence.file is not None:
        attachment = attachments.keep_file(
            session,
            person,
            file_name=evidence.file.name,
            content=evidence.file.content,
            by=by,
            badge=evidence.kind is SkillEventKind.BADGE and bool(evidence.badge_key),
        )
    submission = EvidenceSubmission(
        person_id=person.id,
        skill_id=skill.id,
        kind=evidence.kind,
        level=evidence.level,
        title=evidence.title.strip()[:NAME_LENGTH],
        issuer=evidence.issuer.strip()[:NAME_LENGTH],
        issued_on=evidence.issued_on,
        expires_on=evidence.expires_on,
        note=evidence.note.strip(),
        link=evidence.link.strip(),
        attachment_id=attachment.id if attachment else None,
        badge_key=evidence.badge_key,
        doubts=list(evidence.doubts),
        created_at=by.at,
    )
    session.add(submission)
    session.flush()
    return submission


def _check(evidence: NewEvidence, on: dt.date) -> None:
    if evidence.kind not in KINDS:
        raise InvalidInputError("Bring a certificate, a course, a badge or a test result.", field="kind")
    if records.check_level(evidence.level) == 0:
        raise InvalidInputError("Evidence shows a level from 1 to 5.", field="level")
    if not evidence.title.strip():
        raise InvalidInputError("Say what it is called.", field="title")
    for field, text in (("title", evidence.title), ("issuer", evidence.issuer)):
        if len(text.strip()) > NAME_LENGTH:
            raise InvalidInputError(f"Keep this under {NAME_LENGTH} characters; it has {len(text)}.", field=field)
    if evidence.issued_on is not None and evidence.issued_on > on:
        raise InvalidInputError("This date is still to come.", field="issued_on")
    check_expiry(evidence.expires_on, on)
    if evidence.expires_on is not None and evidence.issued_on is not None and evidence.expires_on <= evidence.issued_on:
        raise InvalidInputError("It cannot expire before it was issued.", field="expires_on")
    records.check_note(evidence.note)
    records.check_link(evidence.link)


def check_expiry(expires_on: dt.date | None, on: dt.date) -> None:
    """
    Refuse a day of expiry that has come.

    Raises
    ------
    InvalidInputError
        If it has.
    """
    if expires_on is not None and expires_on <= on:
        raise InvalidInputError(f"It expired on {expires_on:%-d %b %Y}, so it no longer counts.", field="expires_on")


def _count(session: Session, person_id: int) -> int:
    query = select(func.count()).select_from(EvidenceSubmission)
    waiting = EvidenceSubmission.state == SubmissionState.WAITING
    return session.scalar(query.where(EvidenceSubmission.person_id == person_id, waiting)) or 0


def list_own(session: Session, person_id: int, *, skill_id: int | None = None) -> Sequence[EvidenceSubmission]:
    """Return what a person brought, newest first; for one skill if it is given."""
    query = (
        select(EvidenceSubmission)
        .where(EvidenceSubmission.person_id == person_id)
        .options(
            joinedload(EvidenceSubmission.skill),
            joinedload(EvidenceSubmission.attachment),
            joinedload(EvidenceSubmission.decided_by),
        )
        .order_by(EvidenceSubmission.id.desc())
    )
    if skill_id is not None:
        # What was brought for a skill that was merged into this one belongs here now.
        query = query.join(EvidenceSubmission.skill).where(or_(Skill.id == skill_id, Skill.merged_into_id == skill_id))
    return session.scalars(query).all()


def withdraw(session: Session, submission_id: int, *, by: Actor) -> EvidenceSubmission:
    """
    Take back what one brought, as long as nobody has decided on it.

    Raises
    ------
    NotFoundError
        If there is no such submission of theirs.
    ConflictError
        If somebody has decided.
    """
    submission = session.scalar(
        select(EvidenceSubmission).where(
            EvidenceSubmission.id == submission_id, EvidenceSubmission.person_id == by.person_id
        )
    )
    if submission is None:
        raise NotFoundError("There is no such evidence of yours.")
    require_waiting(submission)
    submission.state = SubmissionState.WITHDRAWN
    _audit(session, "withdraw_evidence", submission, by=by)
    return submission


def require_waiting(submission: EvidenceSubmission) -> None:
    """
    Refuse to decide twice.

    Raises
    ------
    ConflictError
        If somebody has decided, or the person took it back.
    """
    if submission.state is not SubmissionState.WAITING:
        by = f" by {submission.decided_by.name}" if submission.decided_by else ""
        raise ConflictError(f"This no longer waits: it is {submission.state.value}{by}.")


def may_decide(viewer: Viewer) -> ColumnElement[bool]:
    """Return the condition on :class:`Person` under which a viewer decides on what the person brought."""
    return and_(viewer.sees(Permission.ACCEPT_EVIDENCE), Person.id != viewer.person_id)


def list_waiting(session: Session, viewer: Viewer) -> Sequence[EvidenceSubmission]:
    """Return what waits for the viewer, the oldest first."""
    query = (
        select(EvidenceSubmission)
        .join(EvidenceSubmission.person)
        .where(EvidenceSubmission.state == SubmissionState.WAITING, Person.active, may_decide(viewer))
        .options(
            contains_eager(EvidenceSubmission.person).joinedload(Person.team),
            joinedload(EvidenceSubmission.skill),
            joinedload(EvidenceSubmission.attachment),
        )
        .order_by(EvidenceSubmission.id)
    )
    return session.scalars(query).all()


def count_waiting(session: Session, viewer: Viewer) -> int:
    """Return how much waits for the viewer."""
    query = select(func.count()).select_from(EvidenceSubmission).join(EvidenceSubmission.person)
    waiting = EvidenceSubmission.state == SubmissionState.WAITING
    return session.scalar(query.where(waiting, Person.active, may_decide(viewer))) or 0


def get_submission(session: Session, submission_id: int, *, viewer: Viewer) -> EvidenceSubmission:
    """
    Return a submission that the viewer may decide on.

    Raises
    ------
    NotFoundError
        If there is none, or it is their own or of somebody outside their scope.
    """
    submission = session.scalar(
        select(EvidenceSubmission)
        .join(EvidenceSubmission.person)
        .where(EvidenceSubmission.id == submission_id, may_decide(viewer))
        .options(
            contains_eager(EvidenceSubmission.person).options(joinedload(Person.team), joinedload(Person.site)),
            joinedload(EvidenceSubmission.skill).selectinload(Skill.level_descriptions),
            joinedload(EvidenceSubmission.attachment),
        )
    )
    if submission is None:
        raise NotFoundError("There is no such evidence.")
    return submission


def accept(
    session: Session,
    submission: EvidenceSubmission,
    *,
    level: int,
    expires_on: dt.date | None = None,
    note: str = "",
    viewer: Viewer,
    by: Actor,
) -> int:
    """
    Accept what a person brought as evidence of a level, and return the key of its event.

    It counts from now on, not from the day of issue: a review from between could not know of it.

    Raises
    ------
    ForbiddenError
        If one decides on one's own, or with another's rights.
    NotFoundError
        If the person lies outside the viewer's scope by now.
    InvalidInputError
        If the level is none, it has expired, or the skill is retired.
    ConflictError
        If it no longer waits.
    """
    _check_decider(session, submission, viewer=viewer, by=by)
    if records.check_level(level) == 0:
        raise InvalidInputError("Evidence shows a level from 1 to 5; reject what shows none.", field="level")
    check_expiry(expires_on, by.at.date())
    skill = records.get_claimable_skill(session, _root_id(submission))
    event = NewEvent(
        submission.person_id,
        skill.id,
        submission.kind,
        level=level,
        expires_on=expires_on,
        note=records.check_note(note or submission.note),
        source=source_of(submission),
        link=submission.link,
        attachment_id=submission.attachment_id,
    )
    (event_id,) = records.append_events(session, [event], by=by)
    records.reproject(session, [(submission.person_id, skill.id)], by.at.date())
    _decide(submission, SubmissionState.ACCEPTED, by=by)
    submission.event_id = event_id
    _audit(session, "accept_evidence", submission, by=by, level=level)
    _tell(session, submission, f"{submission.title} is accepted at level {level} in {skill.name}.", by=by)
    return event_id


def source_of(submission: EvidenceSubmission) -> str:
    """Return the source of evidence: two of the same count as one voice."""
    return ": ".join(part for part in (submission.issuer, submission.title) if part)[:SOURCE_LENGTH]


def reject(session: Session, submission: EvidenceSubmission, *, reason: str, viewer: Viewer, by: Actor) -> None:
    """
    Reject what a person brought, with a reason that they read.

    Raises
    ------
    ForbiddenError
        If one decides on one's own, or with another's rights.
    NotFoundError
        If the person lies outside the viewer's scope by now.
    InvalidInputError
        If there is no reason.
    ConflictError
        If it no longer waits.
    """
    _check_decider(session, submission, viewer=viewer, by=by)
    reason = records.check_note(reason)
    if not reason:
        raise InvalidInputError("Say why: the person reads it and can bring something better.", field="note")
    _decide(submission, SubmissionState.REJECTED, by=by)
    submission.reason = reason
    _audit(session, "reject_evidence", submission, by=by)
    _tell(session, submission, f"{submission.title} was not accepted: {reason}", by=by)


def reopen(session: Session, submission: EvidenceSubmission, *, viewer: Viewer, by: Actor) -> None:
    """
    Take one's own decision back: evidence that it wrote no longer counts, and the submission waits again.

    Raises
    ------
    ForbiddenError
        If one decides on one's own, or with another's rights.
    ConflictError
        If the decision is not the viewer's, or was taken back already.
    """
    _check_scope(session, submission, viewer=viewer, by=by)
    if submission.decided_by_id != by.person_id or submission.state is SubmissionState.WAITING:
        raise ConflictError("There is no decision of yours to take back.")
    retract(session, submission, by=by)
    submission.state, submission.event_id = SubmissionState.WAITING, None
    submission.decided_at, submission.decided_by_id, submission.reason = None, None, ""
    _audit(session, "reopen_evidence", submission, by=by)


def retract(session: Session, submission: EvidenceSubmission, *, by: Actor) -> None:
    """Take back the evidence that a submission became, if it did and still stands; the caller audits."""
    if submission.event_id is None:
        return
    pair = (submission.person_id, _root_id(submission))
    log = records.load_logs(session, {pair})[pair]
    if submission.event_id in {event.id for event in standing_events(log)}:
        records.retract_events(session, [submission.event_id], by=by, source=by.channel)
        records.reproject(session, [pair], by.at.date())


def _root_id(submission: EvidenceSubmission) -> int:
    """Return the skill that a submission is about now, which may have been merged into another since."""
    return submission.skill.merged_into_id or submission.skill_id


def _check_decider(session: Session, submission: EvidenceSubmission, *, viewer: Viewer, by: Actor) -> None:
    _check_scope(session, submission, viewer=viewer, by=by)
    require_waiting(submission)


def _check_scope(session: Session, submission: EvidenceSubmission, *, viewer: Viewer, by: Actor) -> None:
    if by.person_id != viewer.person_id:
        raise ForbiddenError("One decides in one's own name.")
    if by.person_id == submission.person_id:
        raise ForbiddenError("Nobody assesses themselves: somebody else must decide on this.")
    access.get_person(session, submission.person_id, viewer=viewer, permission=Permission.ACCEPT_EVIDENCE)


def _decide(submission: EvidenceSubmission, state: SubmissionState, *, by: Actor) -> None:
    submission.state, submission.decided_at, submission.decided_by_id = state, by.at, by.person_id


def _audit(session: Session, action: str, submission: EvidenceSubmission, *, by: Actor, **detail: int) -> None:
    audit.record(
        session,
        action,
        submission,
        by=by,
        person_id=submission.person_id,
        detail={"skill": submission.skill.code, "kind": submission.kind.value, **detail},
    )


def _tell(session: Session, submission: EvidenceSubmission, text: str, *, by: Actor) -> None:
    link = f"/my/skills/{_root_id(submission)}"
    notices.notify(session, submission.person_id, kind="evidence_decided", text=text, link=link, by=by)
