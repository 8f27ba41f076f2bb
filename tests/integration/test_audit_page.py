"""The page of the audit trail."""

from __future__ import annotations

import pytest

from webapp.models import Role
from webapp.services import audit
from webapp.services.audit import Actor


@pytest.fixture
def admin(make):
    return make.person(roles=[Role.ADMIN], name="Ada Admin")


@pytest.fixture
def events(make, admin):
    agent = make.person(name="Ben Agent")
    for number in range(60):
        audit.record(
            make.session, "claim_level", agent, by=make.actor(agent), person_id=agent.id, detail={"level": [1, number]}
        )
    by = Actor(person_id=admin.id, at=make.actor().at, channel="cli")
    audit.record(make.session, "retire_skill", make.skill(name="Telex"), by=by, detail={"note": "=1+1"})


def test_the_newest_change_stands_first_and_pages_follow(sign_in, admin, events):
    client = sign_in(admin)
    first, second = client.get("/audit").text, client.get("/audit?page=2").text
    rows = first[first.index("<tbody>") :]
    assert rows.index("Retire skill") < rows.index("Claim level")
    assert "page 1 of 2" in first
    assert "level: 1 → 59" in first
    assert "level: 1 → 0" in second


def test_it_narrows_by_action_channel_and_actor(make, events):
    def count(**search):
        return audit.count_events(make.session, audit.Search(**search))

    assert count() == 61
    assert count(action="retire_skill") == 1
    assert count(channel="cli") == 1
    assert count(who="BEN") == 60
    assert count(who="%") == 0
    assert count(action="claim_level", channel="cli") == 0
    found = audit.search_events(make.session, audit.Search(who="ada"))
    assert [event.action for event in found] == ["retire_skill"]


def test_it_lists_the_actions_to_choose_from(make, events):
    assert list(audit.list_actions(make.session)) == ["claim_level", "retire_skill"]


def test_a_filter_that_nothing_meets_says_so(sign_in, admin, events):
    assert "No such events" in sign_in(admin).get("/audit?action=never_done").text


def test_the_csv_holds_what_the_filter_shows(sign_in, admin, events):
    answer = sign_in(admin).get("/audit?format=csv&action=retire_skill")
    lines = answer.text.strip().splitlines()
    assert answer.mimetype == "text/csv"
    assert len(lines) == 2
    assert "retire_skill" in lines[1]


def test_it_is_for_those_who_may_read_it(make, sign_in, events):
    assert sign_in(make.person(roles=[Role.HR])).get("/audit").status_code == 403
