"""The lead's inbox."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from tests.factories import NOW, TODAY
from webapp.models import Interest, Person, Role, SkillEventKind
from webapp.services import records
from webapp.services.records import NewEvent

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


class Inbox:
    """A lead with two claims and one imported level to review."""

    def __init__(self, make, database):
        self.make = make
        self.database = database
        self.team = make.team(name="Ours")
        self.lead = make.person(name="Lea", team=self.team, roles=[Role.AGENT, Role.LEAD], leads=[self.team])
        self.ana = make.person(name="Ana", team=self.team)
        self.ben = make.person(name="Ben", team=self.team)
        self.billing = make.skill(name="Billing", code="billing")
        self.first = self.claim(self.ana, days=3)
        self.second = self.claim(self.ben, days=2)
        spanish = make.skill(name="Spanish")
        event = NewEvent(self.ana.id, spanish.id, SkillEventKind.PROVISIONAL, level=4)
        records.append_events(make.session, [event], by=make.actor())
        records.reproject(make.session, [(self.ana.id, spanish.id)], TODAY)

    def claim(self, person, *, days):
        by = self.make.actor(person, at=NOW - dt.timedelta(days=days))
        return records.claim_level(self.make.session, person, skill_id=self.billing.id, level=3, by=by)

    def level(self, person):
        with self.database.reading() as session:
            return records.get_record(session, person.id, self.billing.id).validated_level


@pytest.fixture
def inbox(make, database):
    return Inbox(make, database)


def test_the_first_of_the_queue_is_at_hand(inbox, sign_in):
    page = " ".join(sign_in(inbox.lead).get("/reviews").text.split())

    assert "3 to review" in page
    assert f'action="/reviews/{inbox.first.id}"' in page
    assert f'data-keys="j" href="/reviews?record={inbox.second.id}"' in page
    assert 'data-keys="k"' not in page


def test_a_review_leads_on_to_the_next_record_and_can_be_undone(inbox, sign_in):
    client = sign_in(inbox.lead)

    answer = client.post(
        f"/reviews/{inbox.first.id}?occasion=claim", data={"level": "2", "after": str(inbox.second.id), "note": "Seen."}
    )
    reviewed = inbox.level(inbox.ana)
    page = client.get(answer.location).text
    event_id = page.split("/reviews/events/")[1].split("/")[0]
    undone = client.post(f"/reviews/events/{event_id}/retract")

    assert answer.location == f"/reviews?occasion=claim&record={inbox.second.id}#review"
    assert (reviewed, undone.status_code, inbox.level(inbox.ana)) == (2, 302, 0)


def test_the_last_review_leads_back_to_the_queue(inbox, sign_in):
    answer = sign_in(inbox.lead).post(f"/reviews/{inbox.second.id}", data={"level": "2", "after": ""})

    assert answer.location == "/reviews#review"


@pytest.mark.parametrize("data", [{}, {"level": "7"}, {"level": "2", "note": "x" * 1001}])
def test_a_review_without_a_level_is_refused_beside_its_field(inbox, sign_in, data):
    answer = sign_in(inbox.lead).post(f"/reviews/{inbox.first.id}", data=data)

    assert answer.status_code == 422
    assert "field-error" in answer.text
    assert inbox.level(inbox.ana) == 0


def test_the_queue_is_narrowed_and_comes_as_csv(inbox, sign_in):
    client = sign_in(inbox.lead)

    unseen = client.get("/reviews?occasion=unseen").text
    table = client.get("/reviews?format=csv&occasion=claim").text

    assert "1 to review" in unseen
    assert len(table.strip().splitlines()) == 3
    assert ",Ana,billing,claim,3,0,0,0," in table


def test_a_record_that_waits_for_nothing_can_be_opened_too(inbox, make, sign_in):
    record = make.record(inbox.ben, make.skill(name="Chat"), 3)

    page = sign_in(inbox.lead).get(f"/reviews?record={record.id}").text

    assert f'action="/reviews/{record.id}"' in page


def test_an_empty_queue_says_so(make, sign_in):
    lead = make.person(roles=[Role.LEAD], leads=[make.team()])

    assert "Nothing waits for you" in sign_in(lead).get("/reviews").text


def test_a_retired_skill_is_shown_without_a_form(inbox, sign_in):
    inbox.billing.retired_at = NOW

    page = sign_in(inbox.lead).get(f"/reviews?record={inbox.first.id}").text

    assert "This skill is retired" in page


def test_ones_own_record_and_those_of_other_teams_are_not_found(inbox, make, sign_in):
    own = inbox.claim(inbox.lead, days=1)
    strange = inbox.claim(make.person(team=make.team()), days=1)
    client = sign_in(inbox.lead)

    for record in (own, strange):
        assert client.get(f"/reviews?record={record.id}").status_code == 404
        assert client.post(f"/reviews/{record.id}", data={"level": "5"}).status_code == 404
    assert client.post("/reviews/events/1/retract").status_code == 404


def test_agents_have_no_inbox(inbox, sign_in):
    assert sign_in(inbox.ana).get("/reviews").status_code == 403


def seen(page):
    """Return what the form says of the newest entry that its page shows."""
    (value,) = re.findall(r'name="seen" type="hidden" value="(\d+)"', page)
    return value


def test_a_review_of_a_record_that_changed_meanwhile_shows_the_change_before_it_counts(inbox, sign_in, database):
    client, address = sign_in(inbox.lead), f"/reviews/{inbox.first.id}"
    review = {"level": "2", "note": "Saw her.", "after": ""}
    shown = seen(client.get("/reviews").text)
    with database.transaction() as session:
        ana = session.get_one(Person, inbox.ana.id)
        records.claim_level(session, ana, skill_id=inbox.billing.id, level=5, by=inbox.make.actor(ana))

    told = client.post(address, data=review | {"seen": shown})

    assert told.status_code == 409
    assert "This record changed while you were looking at it" in told.text
    assert told.text.count("claimed") > client.get("/reviews").text.count("claimed")
    assert "Saw her." in told.text
    assert inbox.level(inbox.ana) == 0
    assert client.post(address, data=review | {"seen": seen(told.text)}).status_code == 302
    assert inbox.level(inbox.ana) == 2


def test_a_wish_of_the_person_does_not_hold_up_a_review(inbox, sign_in, database):
    client = sign_in(inbox.lead)
    shown = seen(client.get("/reviews").text)
    with database.transaction() as session:
        ana = session.get_one(Person, inbox.ana.id)
        wish = {"skill_id": inbox.billing.id, "interest": Interest.GROW}
        records.set_interest(session, ana, **wish, by=inbox.make.actor(ana))

    answer = client.post(f"/reviews/{inbox.first.id}", data={"level": "2", "after": "", "seen": shown})

    assert answer.status_code == 302
