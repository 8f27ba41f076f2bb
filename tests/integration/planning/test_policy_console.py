"""``mainstay plan policy``: a site's default is read and set from the console, and runs begin with it."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from tests.integration.planning.test_console import ON, day_there, mainstay  # noqa: F401 - fixtures
from webapp.models import AuditEvent, PlanRun, SitePolicy


def test_the_default_is_read_set_and_used(mainstay, database, day_there):  # noqa: F811 - fixtures
    before = json.loads(mainstay("plan", "policy", "--site", "home", "--json")[1])
    code, told, _ = mainstay("plan", "policy", "calm-day", "--site", "home", "--as", day_there.scheduler.email)
    mainstay("plan", "run", *ON, "--seconds", "20")

    assert (before["policy"], "calm-day" in before["policies"]) == ("default", True)
    assert (code, told.splitlines()[0]) == (0, "Runs of home begin with calm-day.")
    with database.reading() as session:
        assert session.scalars(select(PlanRun)).one().policy.code == "calm-day"
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "set_site_policy")).one()
        assert event.detail["code"] == "calm-day"


@pytest.mark.parametrize(
    ("words", "said"), [(("nonsense", "--as", "sam"), "Choose a policy"), (("calm-day",), "needs --as")]
)
def test_what_cannot_be_set_changes_nothing(mainstay, database, day_there, words, said):  # noqa: F811 - fixtures
    named = [day_there.scheduler.email if word == "sam" else word for word in words]

    code, _, errors = mainstay("plan", "policy", *named, "--site", "home")

    assert code != 0
    assert said in errors
    with database.reading() as session:
        assert session.scalars(select(SitePolicy)).all() == []
