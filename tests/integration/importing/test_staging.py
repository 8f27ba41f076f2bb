"""Long files of skill events: nothing counts before all does, whatever happens on the way, and others can write."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import func, select

from tests.factories import NOW, TODAY
from webapp.errors import ConflictError
from webapp.jobs import load_bodies, staged
from webapp.jobs.executor import Executor
from webapp.jobs.registry import JobContext
from webapp.jobs.staged import StagedImport
from webapp.models import (
    AuditEvent,
    ImportBatch,
    ImportKind,
    ImportState,
    Job,
    JobState,
    Notice,
    Role,
    SkillEvent,
    SkillEventKind,
    SkillRecord,
)
from webapp.services import jobs, record_history, records, who_can
from webapp.services.audit import Actor
from webapp.services.importing import batches, running, staging, undoing
from webapp.services.who_can import Search, Wanted

LOG = SkillEvent.__table__


class StoppedError(Exception):
    """Stands for a kill."""


class Centre:
    """Six people and two skills, and files of a level for each pair."""

    def __init__(self, make, database):
        self.make, self.database = make, database
        self.hr = make.person(roles=[Role.HR], site=make.home)
        self.people = [make.person(external_id=f"q{number}", roles=[]) for number in range(6)]
        self.skills = [make.skill(code=f"k{number}") for number in range(2)]
        self.person_ids = [person.id for person in self.people]
        self.skill_ids = [skill.id for skill in self.skills]
        self.viewer = make.viewer(self.hr)
        self.by = make.actor(self.hr)
        # From here on the session of the fixture is not used: it would hold the lock of SQLite.
        make.commit()

    def upload(self, *, level=3, more=""):
        lines = [f"q{number},k{skill},{level}" for number in range(6) for skill in range(2)]
        with self.database.transaction() as session:
            batch = batches.upload(
                session,
                kind=ImportKind.RECORDS,
                file_name="levels.csv",
                content=("person,skill,level\n" + "\n".join(lines) + "\n" + more).encode(),
                viewer=self.viewer,
                by=self.by,
            )
            batch.state = ImportState.CHECKED
            return batch.id

    def staged(self, batch_id, **values):
        return StagedImport(self.database, batch_id, viewer=self.viewer, by=self.by, **values)

    def queue(self, batch_id, kind=batches.APPLY_JOB):
        with self.database.transaction() as session:
            job = jobs.enqueue(session, kind, {"import_id": batch_id}, by=self.by)
            session.get_one(ImportBatch, batch_id).job_id = job.id
            session.info["audited"] = True

    def state(self, batch_id):
        with self.database.reading() as session:
            return session.get_one(ImportBatch, batch_id).state

    def levels(self):
        """Return the levels that a plan would see."""
        with self.database.reading() as session:
            held = records.levels_on(session, self.person_ids, TODAY)
        return sorted(level for skills in held.values() for level in skills.values())

    def written(self):
        """Return how many rows the log has, whether they count or not."""
        with self.database.reading() as session:
            return session.connection().scalar(select(func.count()).select_from(LOG))

    def count(self, model, *conditions):
        with self.database.reading() as session:
            return session.scalar(select(func.count()).select_from(model).where(*conditions))


@pytest.fixture
def centre(make, database, monkeypatch):
    # So small that a file of twelve rows takes several transactions.
    monkeypatch.setattr("webapp.services.importing.kinds.records.Records.rows_at_once", 5)
    monkeypatch.setattr(staging, "EVENTS_AT_ONCE", 5)
    return Centre(make, database)


@pytest.fixture
def executor(database, clock):
    load_bodies()
    return Executor(database, clock)


def stop_after(number):
    """Return a guard that lets so many transactions pass and stops the next one."""
    passed = iter(range(number))

    def guard(_session):
        if next(passed, None) is None:
            raise StoppedError

    return guard


def stop_writing(centre, batch_id, after):
    """Go through the file until a transaction is stopped, as a kill would, without the clearing away that follows."""
    import_ = centre.staged(batch_id, guard=stop_after(after))
    with pytest.raises(StoppedError):
        import_.write()


def test_events_count_from_one_moment_on_and_all_at_once(centre):
    batch_id = centre.upload()
    seen = []

    def guard(_session):
        seen.append((centre.count(SkillEvent), centre.levels(), centre.count(SkillRecord)))

    # SQLite shows a reader what was committed, even while the guard's own transaction holds the lock.
    import_ = centre.staged(batch_id, guard=guard)
    import_.write()
    before, after = list(seen), (centre.count(SkillEvent), centre.levels(), centre.count(SkillRecord))
    import_.project()

    assert set(map(str, before)) == {str((0, [], 0))}
    assert after == (12, [3] * 12, 0)
    assert all(levels == [3] * 12 for _, levels, _ in seen[len(before) :])
    assert (centre.levels(), centre.count(SkillRecord)) == ([3] * 12, 12)


def test_import_writes_one_audit_event_with_digest_and_counts(centre, make):
    batch_id = centre.upload()
    import_ = centre.staged(batch_id)

    import_.write()
    import_.project()

    with centre.database.reading() as session:
        (event,) = session.scalars(select(AuditEvent).where(AuditEvent.action == "apply_import")).all()
        assert event.detail["digest"] == session.get_one(ImportBatch, batch_id).file_digest
        assert (event.detail["rows"], event.detail["new"]) == (12, 12)
        assert centre.count(AuditEvent) == 2


@pytest.mark.parametrize("after", [1, 2, 3, 4])
def test_import_that_is_stopped_anywhere_is_nothing_or_everything_and_ends_when_it_is_taken_up(
    centre, executor, after, monkeypatch
):
    batch_id = centre.upload()
    # A kill runs no handler: what was staged stays where it is.
    monkeypatch.setattr(StagedImport, "discard", lambda _self: None)
    stop_writing(centre, batch_id, after)
    monkeypatch.undo()
    monkeypatch.setattr("webapp.services.importing.kinds.records.Records.rows_at_once", 5)
    assert (centre.levels(), centre.count(SkillEvent)) == ([], 0)

    centre.queue(batch_id)
    executor.run_once()

    assert centre.state(batch_id) is ImportState.APPLIED
    assert (centre.levels(), centre.count(SkillRecord), centre.written()) == ([3] * 12, 12, 12)
    assert centre.count(Notice) == 1


@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_projection_that_is_stopped_goes_on_where_it_was(centre, executor, after):
    batch_id = centre.upload()
    centre.staged(batch_id).write()
    with pytest.raises(StoppedError):
        centre.staged(batch_id, guard=stop_after(after)).project()
    assert centre.levels() == [3] * 12

    centre.queue(batch_id)
    executor.run_once()

    assert (centre.count(SkillRecord), centre.count(Job, Job.state == JobState.DONE)) == (12, 1)
    assert centre.count(ImportBatch, ImportBatch.projected_to.is_not(None)) == 0
    assert centre.count(AuditEvent, AuditEvent.action == "apply_import") == 1


def test_who_can_finds_people_whose_records_are_not_projected_yet(centre, make):
    centre.staged(centre.upload(level=4)).write()

    with centre.database.reading() as session:
        search = Search(wanted=tuple(Wanted(skill_id, 4) for skill_id in centre.skill_ids), on=TODAY)
        found = who_can.find_who_can(session, search, viewer=centre.viewer)

    assert {match.person.id for match in found} == set(centre.person_ids)


def test_file_with_a_problem_at_its_end_leaves_nothing(centre, executor):
    batch_id = centre.upload(more="q1,nothing,3\n")
    centre.queue(batch_id)

    executor.run_once()

    assert centre.state(batch_id) is ImportState.REFUSED
    assert (centre.written(), centre.levels()) == (0, [])


def test_import_that_is_cancelled_leaves_nothing_and_can_be_imported_again(centre, executor, monkeypatch):
    batch_id = centre.upload()
    centre.queue(batch_id)
    monkeypatch.setattr(JobContext, "should_cancel", lambda _context: True)

    executor.run_once()

    assert (centre.written(), centre.state(batch_id)) == (0, ImportState.UPLOADED)
    assert centre.count(Job, Job.state == JobState.CANCELLED) == 1
    monkeypatch.undo()
    centre.staged(batch_id).write()
    assert centre.levels() == [3] * 12


def test_what_a_killed_command_staged_is_deleted_by_the_next_worker(centre, executor, monkeypatch):
    batch_id = centre.upload()
    monkeypatch.setattr(StagedImport, "discard", lambda _self: None)
    stop_writing(centre, batch_id, 3)
    monkeypatch.undo()
    assert centre.written() > 0

    centre.queue(batch_id, batches.FINISH_JOB)
    executor.run_once()

    assert (centre.written(), centre.state(batch_id)) == (0, ImportState.UPLOADED)


def test_what_a_killed_command_published_is_projected_by_the_next_worker(centre, executor):
    batch_id = centre.upload()
    centre.staged(batch_id).write()

    centre.queue(batch_id, batches.FINISH_JOB)
    executor.run_once()

    assert centre.count(SkillRecord) == 12


def test_import_that_another_one_overtook_is_gone_through_again(centre, monkeypatch):
    """Two files say something else about the same records: the second one takes back what the first one wrote."""
    first, second = centre.upload(level=2), centre.upload(level=4)
    stage = running.run
    runs = []

    def meanwhile(*arguments, **values):
        report = stage(*arguments, **values)
        runs.append(report.total.new)
        if len(runs) == 1:
            monkeypatch.setattr(staged, "run", stage)
            centre.staged(first).write()
            monkeypatch.setattr(staged, "run", meanwhile)
        return report

    monkeypatch.setattr(staged, "run", meanwhile)
    centre.staged(second).write()

    assert runs == [12, 0]
    with centre.database.reading() as session:
        kinds = session.scalars(select(SkillEvent.kind)).all()
    assert (kinds.count(SkillEventKind.PROVISIONAL), kinds.count(SkillEventKind.RETRACT)) == (24, 12)
    assert centre.levels() == [4] * 12


def test_what_is_said_while_records_are_projected_is_not_lost(centre, make):
    batch_id = centre.upload()
    import_ = centre.staged(batch_id)
    import_.write()
    with centre.database.reading() as session:
        part = staging.prepare_part(session, batch_id, on=TODAY)
    assert part is not None
    person_id, skill_id = centre.person_ids[0], centre.skill_ids[0]
    with centre.database.transaction() as session:
        person = session.merge(centre.people[0])
        records.claim_level(session, person, skill_id=skill_id, level=5, by=Actor(person_id=person_id, at=NOW))

    with centre.database.transaction() as session:
        staging.write_part(session, batch_id, part)

    with centre.database.reading() as session:
        record = records.get_record(session, person_id, skill_id)
        assert (record.claimed_level, record.effective_level) == (5, 3)


def test_import_is_undone_whole_but_not_before_it_is_done(centre):
    batch_id = centre.upload()
    import_ = centre.staged(batch_id)
    import_.write()
    by = centre.by

    def undo():
        with centre.database.transaction() as session:
            return undoing.undo(session, session.get_one(ImportBatch, batch_id), viewer=None, by=by)

    with pytest.raises(ConflictError):
        undo()
    import_.project()
    assert undo() == 12
    assert centre.levels() == []


def test_import_that_is_being_written_cannot_be_changed_or_begun_twice(centre):
    batch_id = centre.upload()
    with centre.database.transaction() as session:
        staging.begin(session, batch_id)

    with centre.database.transaction() as session, pytest.raises(ConflictError):
        staging.begin(session, batch_id)
    with centre.database.transaction() as session, pytest.raises(ConflictError):
        batches.map_columns(session, session.get_one(ImportBatch, batch_id), mapping={}, by=centre.by)


def test_what_has_counted_is_never_deleted(centre):
    batch_id = centre.upload()
    centre.staged(batch_id).write()

    with centre.database.transaction() as session, pytest.raises(ConflictError):
        staging.discard_part(session, batch_id)
    assert centre.written() == 12


def test_history_does_not_show_what_is_being_written(centre, monkeypatch):
    batch_id = centre.upload()
    monkeypatch.setattr(StagedImport, "discard", lambda _self: None)
    stop_writing(centre, batch_id, 4)

    with centre.database.reading() as session:
        assert record_history.history(session, centre.person_ids[0]) == []


def test_other_records_stay_as_they_are(centre, make):
    other, skill = make.person(), make.skill()
    make.record(other, skill, 2, at=NOW - dt.timedelta(days=9))
    make.commit()
    make.session.close()
    import_ = centre.staged(centre.upload())

    import_.write()
    import_.project()

    with centre.database.reading() as session:
        assert records.levels_on(session, [other.id], TODAY) == {other.id: {skill.id: 2}}
