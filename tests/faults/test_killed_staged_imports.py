"""
Kill -9 in the middle of an import of levels, which is written in many short transactions: nothing of it counts or all.

The moment differs from round to round; ``MAINSTAY_FAULT_ROUNDS`` says how often.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests import running
from tests.factories import Make
from tests.faults.installation import wait_until
from webapp.models import (
    AuditEvent,
    ImportBatch,
    ImportKind,
    ImportState,
    Job,
    JobState,
    Notice,
    Person,
    SkillEvent,
    SkillRecord,
)
from webapp.services import records
from webapp.services.access import get_viewer
from webapp.services.audit import Actor
from webapp.services.importing import batches

PEOPLE, SKILLS = 100, 60
LEVELS = PEOPLE * SKILLS
_NEWEST = ImportBatch.id == select(func.max(ImportBatch.id)).scalar_subquery()


@pytest.fixture
def file(installation, centre):
    """Return a file of levels for many people and skills that have none."""
    with installation.database.writing() as session:
        make = Make(session)
        site = session.merge(centre.site)
        for number in range(PEOPLE):
            session.add(Person(external_id=f"n{number}", name=f"N {number}", site_id=site.id))
        for number in range(SKILLS):
            make.skill(code=f"k{number}", name=f"K {number}")
        make.commit()
    path = installation.folder / "levels.csv"
    _turn_levels(path, 0)
    return path


def _counted(installation) -> tuple[int, int]:
    """Return how many events of the file count, and how many levels a plan would see."""
    with installation.database.reading() as session:
        people = session.scalars(select(Person.id).where(Person.external_id.like("n%"))).all()
        levels = records.levels_on(session, people, running.now().date())
        events = session.scalar(select(func.count()).select_from(SkillEvent).where(SkillEvent.person_id.in_(people)))
    return events or 0, sum(len(held) for held in levels.values())


def _assert_ended(installation, *, imports: int) -> None:
    """Check that nothing waits to be done, and that each import was audited once."""
    own = SkillRecord.person_id.in_(select(Person.id).where(Person.external_id.like("n%")))
    assert installation.count(SkillRecord, own) == LEVELS
    assert installation.count(AuditEvent, AuditEvent.action == "apply_import") == imports
    assert installation.count(ImportBatch, ImportBatch.projected_to.is_not(None)) == 0
    assert installation.count(ImportBatch, ImportBatch.state == ImportState.STAGED) == 0
    installation.assert_sound()


def _queue(installation, centre, file) -> int:
    with installation.database.transaction() as session:
        by, viewer = Actor(person_id=centre.admin.id, at=running.now()), get_viewer(session, centre.admin.id)
        content = file.read_bytes()
        batch = batches.upload(
            session, kind=ImportKind.RECORDS, file_name=file.name, content=content, viewer=viewer, by=by
        )
        batch.state = ImportState.CHECKED
        batches.queue_apply(session, batch, by=by)
        assert batch.job_id is not None
        return batch.job_id


@pytest.mark.parametrize("state", [ImportState.STAGED, ImportState.APPLIED], ids=["writing", "projecting"])
def test_killed_worker_leaves_nothing_or_everything_that_counts(installation, centre, file, rounds, state):
    """Each round but the first finds the levels there; what it kills is an import that changes all of them."""
    for turn in range(rounds):
        _turn_levels(file, turn)
        job_id = _queue(installation, centre, file)
        before = _counted(installation)
        with running.worker(installation.url, installation.folder) as victim:
            wait_until(lambda: installation.count(ImportBatch, _NEWEST, ImportBatch.state == state), seconds=60)
            time.sleep(random.uniform(0, 0.5))
            victim.kill()
        # A changed level is a new one and the one before it taken back.
        after = LEVELS if turn == 0 else before[0] + 2 * LEVELS
        assert _counted(installation) in {before, (after, LEVELS)}

        installation.expire_leases()
        installation.work_off()

        assert installation.count(Job, Job.id == job_id, Job.state == JobState.DONE) == 1
        assert installation.count(Notice, Notice.kind == "import") == turn + 1
        assert _counted(installation) == (after, LEVELS)
        _assert_ended(installation, imports=turn + 1)


def _turn_levels(file: Path, turn: int) -> None:
    lines = [f"n{person},k{skill},{(skill + turn) % 5 + 1}" for person in range(PEOPLE) for skill in range(SKILLS)]
    file.write_text("person,skill,level\n" + "\n".join(lines) + "\n", encoding="utf-8")


def test_killed_command_is_cleared_away_or_finished_by_a_worker_and_can_be_repeated(installation, file):
    installation.kill_after(random.uniform(2, 6), "import", "records", str(file))
    assert _counted(installation) in {(0, 0), (LEVELS, LEVELS)}

    installation.expire_leases()
    installation.work_off()

    assert installation.count(ImportBatch, ImportBatch.state == ImportState.STAGED) == 0
    before = _counted(installation)
    assert before in {(0, 0), (LEVELS, LEVELS)}
    report = installation.run_json("import", "records", str(file))
    assert (report["new"], report["unchanged"]) == ((0, LEVELS) if before[0] else (LEVELS, 0))
    assert _counted(installation) == (LEVELS, LEVELS)
    # The same file again changed nothing, but it was applied all the same.
    _assert_ended(installation, imports=2 if before[0] else 1)
