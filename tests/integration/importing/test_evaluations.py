"""Quality evaluations: mapped, idempotent, undoable, and nothing lost."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from tests.factories import NOW
from webapp.errors import ConflictError, InvalidInputError
from webapp.models import EvaluationCriterion, ImportKind, Role, SkillEvent, SkillEventKind
from webapp.services import evaluations, records
from webapp.services.evaluations import CriterionEntry

HEADER = "person,date,evaluator,form,criterion,score,scale_min,scale_max,contact\n"
ROW = "a1,2026-11-03,q1,Calls,Empathy,4,1,5,c-1\n"


@pytest.fixture
def ana(make):
    """Return the person who is evaluated."""
    return make.person(name="Ana", external_id="a1")


@pytest.fixture
def analyst(make):
    """Return the person who evaluates."""
    return make.person(external_id="q1")


@pytest.fixture
def listening(make, session):
    """Return the skill that the criterion Empathy speaks of."""
    skill = make.skill(code="listening")
    session.add(
        EvaluationCriterion(
            form="Calls",
            criterion="Empathy",
            skill_id=skill.id,
            cuts=list(evaluations.USUAL_CUTS),
            last_seen_at=NOW,
        )
    )
    session.flush()
    return skill


def events(session):
    """Return the evaluations in the log that were not taken back."""
    taken = select(SkillEvent.retracts_id).where(SkillEvent.retracts_id.is_not(None))
    query = select(SkillEvent).where(SkillEvent.kind == SkillEventKind.EVALUATION, SkillEvent.id.not_in(taken))
    return session.scalars(query.order_by(SkillEvent.id)).all()


def test_a_score_becomes_evidence_of_its_evaluator_for_half_a_year(session, importing, ana, analyst, listening):
    report = importing.apply(ImportKind.EVALUATIONS, HEADER + ROW)

    (event,) = events(session)
    assert report.sound
    assert (event.person_id, event.skill_id, event.level, event.author_id) == (ana.id, listening.id, 4, analyst.id)
    assert event.at == dt.datetime(2026, 11, 3, 11, tzinfo=dt.UTC)
    assert event.expires_on == dt.date(2027, 5, 2)
    assert event.note == "4 on a scale from 1 to 5, contact c-1"
    assert records.get_record(session, ana.id, listening.id).validated_level == 4


def test_the_same_file_again_changes_nothing_and_a_corrected_score_replaces(
    session, importing, ana, analyst, listening
):
    importing.apply(ImportKind.EVALUATIONS, HEADER + ROW + ROW)

    again = importing.apply(ImportKind.EVALUATIONS, HEADER + ROW + ROW)
    corrected = importing.apply(ImportKind.EVALUATIONS, HEADER + ROW.replace(",4,1,5", ",2,1,5") + ROW)

    assert (again.total.new, again.total.changed, again.total.unchanged) == (0, 0, 2)
    assert (corrected.total.new, corrected.total.changed, corrected.total.unchanged) == (0, 1, 1)
    assert sorted(event.level for event in events(session)) == [1, 4]


def test_a_criterion_without_a_skill_waits_and_comes_in_once_it_has_one(session, make, importing, ana, analyst):
    skill, hr = make.skill(), make.person(roles=[Role.HR])
    first = importing.apply(ImportKind.EVALUATIONS, HEADER + ROW)
    criterion = session.scalars(select(EvaluationCriterion)).one()

    assert first.sound
    assert "1 score of “Empathy” (Calls) wait" in first.notes[0]
    assert (criterion.waiting, criterion.last_batch, events(session)) == (1, importing.batch, [])

    entry = CriterionEntry(skill.id)
    evaluations.map_criterion(session, criterion, entry, version=criterion.version, by=make.actor(hr))
    importing.apply(ImportKind.EVALUATIONS, HEADER + ROW.replace("Empathy", "EMPATHY"))

    assert [event.skill_id for event in events(session)] == [skill.id]
    assert criterion.waiting == 0


def test_a_dry_run_names_what_would_wait_and_writes_nothing(session, importing, ana):
    report = importing.check(ImportKind.EVALUATIONS, HEADER + ROW)

    assert "“Empathy”" in report.notes[0]
    assert session.scalars(select(EvaluationCriterion)).all() == []


def test_an_unknown_evaluator_is_kept_in_the_note(session, importing, ana, listening):
    importing.apply(ImportKind.EVALUATIONS, HEADER + ROW.replace("q1", "Vendor 7"))

    (event,) = events(session)
    assert (event.author_id, event.note) == (None, "4 on a scale from 1 to 5, contact c-1, by Vendor 7")


@pytest.mark.parametrize(
    ("row", "code", "column"),
    [
        (ROW.replace(",q1,", ",a1,"), "own_evidence", "evaluator"),
        (ROW.replace(",4,1,5", ",6,1,5"), "off_the_scale", "score"),
        (ROW.replace(",4,1,5", ",4,5,5"), "empty_scale", "scale_max"),
        (ROW.replace("2026-11-03", "2027-11-03"), "in_future", "date"),
        (ROW.replace("a1,", "nobody,"), "unknown_person", "person"),
    ],
)
@pytest.mark.usefixtures("ana", "analyst", "listening")
def test_a_row_that_cannot_be_is_refused_by_row_and_column(importing, row, code, column):
    report = importing.apply(ImportKind.EVALUATIONS, HEADER + row)

    assert [(problem.row, problem.column, problem.code) for problem in report.problems] == [(2, column, code)]


def test_nobody_brings_scores_of_themselves(make, importing, listening, analyst):
    hr = make.person(roles=[Role.HR], external_id="a1")

    report = importing.apply(ImportKind.EVALUATIONS, HEADER + ROW, as_=hr)

    assert [problem.code for problem in report.problems] == ["own_record"]


def test_an_undone_import_takes_its_evidence_back(session, importing, ana, analyst, listening):
    importing.apply(ImportKind.EVALUATIONS, HEADER + ROW)

    importing.undo()

    assert events(session) == []
    assert records.get_record(session, ana.id, listening.id).validated_level == 0


def test_a_mapping_is_refused_if_it_makes_no_sense_or_somebody_was_faster(session, make, listening):
    criterion = session.scalars(select(EvaluationCriterion)).one()
    by = make.actor(make.person(roles=[Role.HR]))

    falling = CriterionEntry(listening.id, (0.5, 0.4, 0.6, 0.7, 0.8))
    with pytest.raises(InvalidInputError, match="rise"):
        evaluations.map_criterion(session, criterion, falling, version=criterion.version, by=by)
    with pytest.raises(InvalidInputError, match="in use"):
        evaluations.map_criterion(session, criterion, CriterionEntry(9999), version=criterion.version, by=by)
    with pytest.raises(ConflictError):
        evaluations.map_criterion(session, criterion, CriterionEntry(listening.id), version=99, by=by)
