"""
Kill -9 of a console command: what it had to do is done whole or not begun, and can be done again.

The moment differs from round to round; ``MAINSTAY_FAULT_ROUNDS`` says how often.
"""

from __future__ import annotations

import random

from sqlalchemy import select

from webapp.models import Assignment, Engagement, EngagementState, ImportBatch, Notice, Person, Plan, PlanState

IMPORT_ROWS = 3_000


def test_killed_import_leaves_nothing_and_imports_once_when_repeated(installation, centre, rounds):
    file = installation.folder / "people.csv"
    for turn in range(rounds):
        rows = "".join(f"n{turn}-{number},Name {number},harbour\n" for number in range(IMPORT_ROWS))
        file.write_text("external_id,name,site\n" + rows, encoding="utf-8")
        before = (installation.count(Person), installation.count(ImportBatch))

        # From before the file is opened to just after the commit.
        installation.kill_after(random.uniform(0.5, 4), "import", "people", str(file))

        after = (installation.count(Person), installation.count(ImportBatch))
        assert after in (before, (before[0] + IMPORT_ROWS, before[1] + 1))
        report = installation.run_json("import", "people", str(file))
        assert (report["new"], report["unchanged"]) == ((IMPORT_ROWS, 0) if after == before else (0, IMPORT_ROWS))
        assert installation.count(Person) == before[0] + IMPORT_ROWS
    installation.assert_sound()


def test_killed_publishing_is_whole_or_has_not_begun(installation, centre, rounds):
    day = ("--site", "harbour", "--day", centre.day_on.isoformat())
    for _ in range(rounds):
        plan_id = installation.run_json("plan", "run", *day, "--seconds", "5")["plan"]
        told = installation.count(Notice, Notice.kind == "day_published")

        publish = ("plan", "publish", str(plan_id), "--as", "scheduler@example.test", "--accept-changes")
        installation.kill_after(random.uniform(0.5, 3), *publish)

        with installation.database.reading() as session:
            state = session.get_one(Plan, plan_id).state
            held = select(Engagement.state).join(Assignment, Assignment.engagement_id == Engagement.id)
            engagements = set(session.scalars(held.where(Assignment.plan_id == plan_id)))
        if state is PlanState.PUBLISHED:
            assert engagements == {EngagementState.PLANNED}
        else:
            assert state is PlanState.DRAFT
            assert installation.count(Notice, Notice.kind == "day_published") == told
        assert installation.count(Plan, Plan.state == PlanState.PUBLISHED) <= 1
        installation.run("plan", "verify", str(plan_id))
    installation.assert_sound()


def test_killed_migration_goes_on_from_where_it_stood(installation, rounds):
    for _ in range(rounds):
        installation.run("db", "downgrade", "base")

        installation.kill_after(random.uniform(0.5, 2.5), "db", "upgrade")
        installation.run("db", "upgrade")

        status = installation.run_json("db", "status")
        assert status["current"] == status["head"]
        assert installation.count(Person) == 0
