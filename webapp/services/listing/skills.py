"""Skills, skill records and evidence that was brought."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from webapp.errors import NotFoundError
from webapp.models import (
    EvidenceSubmission,
    Person,
    Skill,
    SkillGroup,
    SkillKind,
    SkillRecord,
    SubmissionState,
)
from webapp.services import records
from webapp.services.access import Permission, Viewer
from webapp.services.listing.directory import where_equal
from webapp.services.listing.keyset import Page, PageRequest, read_page
from webapp.services.projection import Projection

SKILL_ORDERS = {"id": Skill.id, "code": Skill.code, "name": Skill.name}
RECORD_ORDERS = {"id": SkillRecord.id, "person_id": SkillRecord.person_id, "skill_id": SkillRecord.skill_id}
EVIDENCE_ORDERS = {"id": EvidenceSubmission.id, "created_at": EvidenceSubmission.created_at}


@dataclass(frozen=True, slots=True)
class SkillFilter:
    """What a list of skills is narrowed to; ``group`` is a code."""

    code: str | None = None
    kind: SkillKind | None = None
    group: str | None = None
    retired: bool | None = None


def list_skills(session: Session, *, chosen: SkillFilter, wanted: PageRequest) -> Page[Skill]:
    """Return a page of the catalogue, which everybody may read."""
    query = select(Skill).options(
        joinedload(Skill.group), selectinload(Skill.level_descriptions), selectinload(Skill.synonyms)
    )
    query = where_equal(query, {Skill.code: chosen.code, Skill.kind: chosen.kind})
    if chosen.group is not None:
        query = query.where(Skill.group_id.in_(select(SkillGroup.id).where(SkillGroup.code == chosen.group)))
    if chosen.retired is not None:
        query = query.where(Skill.retired_at.is_not(None) if chosen.retired else Skill.retired_at.is_(None))
    return read_page(session, query, wanted=wanted, columns=SKILL_ORDERS, key=Skill.id)


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """What a list of skill records is narrowed to; ``person`` is a number and ``skill`` a code of other systems."""

    person_id: int | None = None
    person: str | None = None
    skill_id: int | None = None
    skill: str | None = None


@dataclass(frozen=True, slots=True)
class PresentRecord:
    """A skill record with what holds on a day."""

    record: SkillRecord
    present: Projection


def list_records(
    session: Session, *, viewer: Viewer, chosen: RecordFilter, on: dt.date, wanted: PageRequest
) -> Page[PresentRecord]:
    """Return a page of the skill records that the viewer sees, with what holds on a day."""
    query = (
        select(SkillRecord)
        .join(SkillRecord.person)
        .where(viewer.sees(Permission.VIEW_RECORDS))
        .options(contains_eager(SkillRecord.person), joinedload(SkillRecord.skill))
    )
    query = where_equal(
        query,
        {
            SkillRecord.person_id: chosen.person_id,
            Person.external_id: chosen.person,
            SkillRecord.skill_id: chosen.skill_id,
        },
    )
    if chosen.skill is not None:
        query = query.where(SkillRecord.skill_id.in_(select(Skill.id).where(Skill.code == chosen.skill)))
    page = read_page(session, query, wanted=wanted, columns=RECORD_ORDERS, key=SkillRecord.id)
    return Page(_on_day(session, page.rows, on), page.next_cursor)


def get_record(session: Session, record_id: int, *, viewer: Viewer, on: dt.date) -> PresentRecord:
    """
    Return a skill record that the viewer sees, or their own, with what holds on a day.

    Raises
    ------
    NotFoundError
        If there is none, or it lies outside the viewer's scope.
    """
    own = Person.id == viewer.person_id if viewer.can(Permission.KEEP_OWN_RECORD) else Person.id.is_(None)
    record = session.scalar(
        select(SkillRecord)
        .join(SkillRecord.person)
        .where(SkillRecord.id == record_id, or_(viewer.sees(Permission.VIEW_RECORDS), own))
        .options(contains_eager(SkillRecord.person), joinedload(SkillRecord.skill))
    )
    if record is None:
        raise NotFoundError("There is no such skill record.")
    return _on_day(session, [record], on)[0]


def _on_day(session: Session, rows: Sequence[SkillRecord], on: dt.date) -> list[PresentRecord]:
    """Return records with their projections: a row of the table holds until the day on which it may change."""
    people, skills = {row.person_id for row in rows}, {row.skill_id for row in rows}
    found = records.projections_on(session, people, on, skill_ids=skills)
    return [PresentRecord(row, found[row.person_id].get(row.skill_id, Projection())) for row in rows]


@dataclass(frozen=True, slots=True)
class EvidenceFilter:
    """What a list of evidence is narrowed to."""

    person_id: int | None = None
    skill_id: int | None = None
    state: SubmissionState | None = None


def list_evidence(
    session: Session, *, viewer: Viewer, chosen: EvidenceFilter, wanted: PageRequest
) -> Page[EvidenceSubmission]:
    """Return a page of the evidence that people brought whose records the viewer sees."""
    query = (
        select(EvidenceSubmission)
        .join(EvidenceSubmission.person)
        .where(viewer.sees(Permission.VIEW_RECORDS))
        .options(contains_eager(EvidenceSubmission.person), joinedload(EvidenceSubmission.skill))
    )
    query = where_equal(
        query,
        {
            EvidenceSubmission.person_id: chosen.person_id,
            EvidenceSubmission.skill_id: chosen.skill_id,
            EvidenceSubmission.state: chosen.state,
        },
    )
    return read_page(session, query, wanted=wanted, columns=EVIDENCE_ORDERS, key=EvidenceSubmission.id)


def get_evidence(session: Session, submission_id: int, *, viewer: Viewer) -> EvidenceSubmission:
    """
    Return what a person brought whose records the viewer sees, or who they are.

    Raises
    ------
    NotFoundError
        If there is none, or it lies outside the viewer's scope.
    """
    own = Person.id == viewer.person_id if viewer.can(Permission.KEEP_OWN_RECORD) else Person.id.is_(None)
    submission = session.scalar(
        select(EvidenceSubmission)
        .join(EvidenceSubmission.person)
        .where(EvidenceSubmission.id == submission_id, or_(viewer.sees(Permission.VIEW_RECORDS), own))
        .options(contains_eager(EvidenceSubmission.person), joinedload(EvidenceSubmission.skill))
    )
    if submission is None:
        raise NotFoundError("There is no such evidence.")
    return submission
