"""Pages of engagement types and engagements: success, invalid, forbidden, not found."""

from __future__ import annotations

import datetime as dt
import html
import re

import pytest
from sqlalchemy import select

from tests.factories import NOW
from tests.factories.plans import assign, draft_plan, publish
from webapp.models import Channel, Engagement, EngagementState, EngagementType, Role, TypeRequirement, Unassigned

TYPE = {
    "name": "Invoice question",
    "code": "invoice",
    "channel": "email",
    "stance": "reactive",
    "handle_minutes": "12.5",
    "concurrency": "1",
    "value": "10",
}
WINDOW = {"earliest_at": "2026-11-23T10:00", "due_at": "2026-11-23T12:00", "latest_at": "2026-11-23T15:00"}


@pytest.fixture
def scheduler(make):
    return make.person(name="Sasha", roles=[Role.SCHEDULER])


@pytest.fixture
def found(database):
    """Return a function that reads from the database by a session of its own."""

    def read(query):
        with database.reading() as session:
            return session.scalars(query).all()

    return read


def line(number, skill, *, level=3, weight="1", preferred=False):
    """Return the fields of one requirement."""
    fields = {"skill_id": skill.id if skill else "", "level": level, "weight": weight}
    if preferred:
        fields["preferred"] = "y"
    return {f"requirements-{number}-{name}": value for name, value in fields.items()}


def test_a_type_is_added_with_its_requirements(sign_in, make, scheduler, found):
    billing, spanish = make.skill(name="Billing"), make.skill(name="Spanish")
    client = sign_in(scheduler)
    lines = line(0, billing, level=4, weight="2") | line(3, None) | line(5, spanish, preferred=True)

    answer = client.post("/types/new", data=TYPE | lines)

    assert answer.status_code == 302
    assert [(each.skill_id, each.level, each.weight, each.preferred) for each in found(select(TypeRequirement))] == [
        (billing.id, 4, 2.0, False),
        (spanish.id, 3, 1.0, True),
    ]
    page = client.get(answer.location).text
    for words in ("Invoice question", "Billing", "Preferred", "Add engagement type", "12 min"):
        assert words in page


def test_lines_are_added_and_removed_without_a_script(sign_in, make, scheduler, found):
    billing, spanish = make.skill(name="Billing"), make.skill(name="Spanish")
    client, lines = sign_in(scheduler), line(0, billing, level=4) | line(1, spanish)

    longer = client.post("/types/new", data=TYPE | lines | {"add": "1"})
    shorter = client.post("/types/new", data=TYPE | lines | {"remove": "requirements-0"})

    assert longer.status_code == shorter.status_code == 200
    assert longer.text.count('aria-label="Requirement ') == 3
    assert shorter.text.count('aria-label="Requirement ') == 1
    assert f'<option selected value="{spanish.id}">' in shorter.text
    assert found(select(EngagementType)) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ""}, "Give a name."),
        ({"handle_minutes": "many"}, "Give a number."),
        ({"handle_minutes": "0"}, "Give minutes above 0"),
        ({"concurrency": "99"}, "Give a number from 1 to 20."),
        ({"channel": "voice", "concurrency": "3"}, "spoken work has a concurrency of 1"),
        ({"channel": "fax"}, "Invalid Choice"),
        ({"requirements-0-skill_id": "999", "requirements-0-level": "3", "requirements-0-weight": "1"}, "Not a valid"),
    ],
)
def test_a_wrong_type_is_answered_beside_its_field(sign_in, scheduler, found, change, words):
    answer = sign_in(scheduler).post("/types/new", data=TYPE | change)

    assert answer.status_code == 422
    assert words in answer.text
    assert found(select(EngagementType)) == []


def test_a_skill_listed_twice_is_answered_at_the_lines(sign_in, make, scheduler):
    skill = make.skill(name="Billing")

    answer = sign_in(scheduler).post("/types/new", data=TYPE | line(0, skill) | line(1, skill))

    assert answer.status_code == 422
    assert "Billing is listed twice; keep one line." in answer.text


def edit_fields(page: str) -> dict[str, str]:
    """Return what an edit form remembers of the version that it shows."""
    names = {"version", "seen"}
    found = re.findall(r'<input id="(\w+)" name="\w+" type="hidden" value="([^"]*)">', page)
    return {name: html.unescape(value) for name, value in found if name in names}


def test_a_type_is_changed_and_whoever_saves_second_keeps_their_text(sign_in, make, scheduler, found):
    kind = make.engagement_type(code="invoice", name="Invoice", requires={make.skill(name="Billing"): 2})
    client = sign_in(scheduler)
    remembered = edit_fields(client.get(f"/types/{kind.id}/edit").text)

    first = client.post(f"/types/{kind.id}/edit", data=TYPE | remembered | {"name": "Bills"})
    second = client.post(f"/types/{kind.id}/edit", data=TYPE | remembered | {"name": "Statements"})

    assert first.status_code == 302
    assert second.status_code == 409
    assert 'value="Statements"' in second.text
    assert re.search(r"<td[^>]*>Invoice</td>\s*<td[^>]*><mark>Bills</mark></td>", second.text)
    assert [each.name for each in found(select(EngagementType))] == ["Bills"]

    third = client.post(f"/types/{kind.id}/edit", data=TYPE | edit_fields(second.text) | {"name": "Statements"})

    assert third.status_code == 302
    assert [each.name for each in found(select(EngagementType))] == ["Statements"]


def test_editing_a_type_refuses_a_broken_rule(sign_in, make, scheduler):
    kind = make.engagement_type()
    client = sign_in(scheduler)
    remembered = edit_fields(client.get(f"/types/{kind.id}/edit").text)

    answer = client.post(f"/types/{kind.id}/edit", data=TYPE | remembered | {"value": "-5"})

    assert answer.status_code == 422
    assert "Give a value from 0" in answer.text


@pytest.mark.parametrize("what", ["types", "engagements"])
def test_a_form_that_is_incomplete_is_shown_again(sign_in, make, scheduler, what):
    engagement = make.engagement()
    thing = engagement.engagement_type_id if what == "types" else engagement.id

    answer = sign_in(scheduler).post(f"/{what}/{thing}/edit", data={"name": "", "earliest_at": ""})

    assert answer.status_code == 422
    assert "need another look" in answer.text


def test_a_type_is_retired_and_restored(sign_in, make, scheduler, found):
    kind = make.engagement_type(name="Fax")
    client = sign_in(scheduler)

    client.post(f"/types/{kind.id}/retire")

    assert [each.active for each in found(select(EngagementType))] == [False]
    page = client.get(f"/types/{kind.id}").text
    assert "Fax is retired." in page
    assert f"/types/{kind.id}/restore" in page
    assert client.post(f"/types/{kind.id}/retire").status_code == 409
    assert client.post(f"/types/{kind.id}/restore").status_code == 302
    assert [each.active for each in found(select(EngagementType))] == [True]


def test_the_list_of_types_is_filtered_and_exported(sign_in, make, scheduler):
    skill = make.skill(code="billing", name="Billing")
    chat = make.engagement_type(
        name="Chat", channel=Channel.CHAT, requires={skill: 2}, prefers={make.skill(code="es"): 1}
    )
    make.engagement_type(name="Letter")
    make.engagement(chat)
    client = sign_in(scheduler)

    assert "Letter" in client.get("/types").text
    narrow = client.get(f"/types?channel=chat&stance=reactive&skill={skill.id}&q=ch").text
    assert "Chat" in narrow
    assert "Letter" not in narrow
    assert "No engagement types" in client.get("/types?retired=1").text
    export = client.get("/types?format=csv&channel=chat")
    assert export.mimetype == "text/csv"
    assert "Chat,chat,reactive,15.0,,1,10.0,billing:2:1,es:1:1" in export.text
    assert client.get("/types?channel=fax&sort=-minutes&page=99").status_code == 200


def test_an_unknown_type_is_not_found(sign_in, scheduler):
    client = sign_in(scheduler)

    assert client.get("/types/99").status_code == 404
    assert client.get("/types/99/edit").status_code == 404
    assert client.post("/types/99/retire").status_code == 404


@pytest.mark.parametrize("address", ["/types", "/types/new", "/engagements", "/engagements/new"])
def test_agents_and_leads_do_not_see_the_scheduling_pages(sign_in, make, address):
    assert sign_in(make.person()).get(address).status_code == 403
    assert sign_in(make.person(roles=[Role.LEAD], leads=[make.team()])).get(address).status_code == 403


def test_an_engagement_is_added_by_the_clock_of_its_site(sign_in, make, scheduler, found):
    kind = make.engagement_type()
    client = sign_in(scheduler)
    assert "Europe/Berlin" in client.get("/engagements/new").text

    answer = client.post(
        "/engagements/new", data=WINDOW | {"type_id": kind.id, "priority": "4", "minutes": "7.5", "customer_key": "K-1"}
    )

    assert answer.status_code == 302
    [added] = found(select(Engagement))
    assert added.earliest_at == dt.datetime(2026, 11, 23, 9, tzinfo=dt.UTC)
    assert (added.minutes, added.priority, added.state) == (7.5, 4, EngagementState.CLASSIFIED)
    page = client.get(answer.location).text
    for words in ("K-1", "23 Nov 2026, 10:00", "In no published plan", "Add engagement"):
        assert words in page


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"type_id": "999999"}, "Not a valid choice."),
        ({"earliest_at": ""}, "Give date and time."),
        ({"earliest_at": "tomorrow"}, "Give date and time."),
        ({"due_at": "2026-11-23T09:00"}, "It cannot be due before it may start."),
        ({"earliest_at": "2026-03-29T02:30"}, "does not exist in Europe/Berlin"),
        ({"earliest_at": "2026-10-25T02:30"}, "comes twice in Europe/Berlin"),
        ({"minutes": "-1"}, "Give minutes above 0"),
        ({"priority": "9"}, "Not a valid choice"),
        ({"customer_key": "k" * 81}, "At most 80 characters"),
    ],
)
def test_a_wrong_engagement_is_answered_beside_its_field(sign_in, make, scheduler, found, change, words):
    kind = make.engagement_type()

    answer = sign_in(scheduler).post("/engagements/new", data=WINDOW | {"type_id": kind.id, "priority": "3"} | change)

    assert answer.status_code == 422
    assert words in answer.text
    assert found(select(Engagement)) == []


def test_a_time_that_comes_twice_is_asked_for_and_then_taken(sign_in, make, scheduler, found):
    kind = make.engagement_type()
    client = sign_in(scheduler)
    data = {
        "type_id": kind.id,
        "priority": "3",
        "earliest_at": "2026-10-25T02:30",
        "due_at": "2026-10-25T06:00",
        "latest_at": "2026-10-25T06:00",
    }

    asked = client.post("/engagements/new", data=data)
    taken = client.post("/engagements/new", data=data | {"earliest_at_occurrence": "second"})

    assert asked.status_code == 422
    assert "Earliest start: which one?" in asked.text
    assert "Due: which one?" not in asked.text
    assert taken.status_code == 302
    assert found(select(Engagement.earliest_at)) == [dt.datetime(2026, 10, 25, 1, 30, tzinfo=dt.UTC)]


def test_an_engagement_is_changed_and_whoever_saves_second_keeps_their_text(sign_in, make, scheduler, found):
    engagement = make.engagement(external_id="C-1", subject="Late parcel")
    client = sign_in(scheduler)
    shown = client.get(f"/engagements/{engagement.id}/edit").text
    assert 'value="2026-11-23T10:00"' in shown
    data = (
        WINDOW | edit_fields(shown) | {"type_id": engagement.engagement_type_id, "priority": "3", "customer_key": "K"}
    )

    first = client.post(f"/engagements/{engagement.id}/edit", data=data | {"subject": "Lost parcel"})
    second = client.post(f"/engagements/{engagement.id}/edit", data=data | {"subject": "Broken parcel"})

    assert first.status_code == 302
    assert second.status_code == 409
    assert "Broken parcel" in second.text
    assert re.search(r"<td[^>]*>Late parcel</td>\s*<td[^>]*><mark>Lost</mark> parcel</td>", second.text)
    assert found(select(Engagement.subject)) == ["Lost parcel"]
    refused = client.post(
        f"/engagements/{engagement.id}/edit", data=data | edit_fields(second.text) | {"due_at": "2026-11-23T16:00"}
    )
    assert refused.status_code == 422
    assert "The latest start cannot lie before it is due." in refused.text


def test_an_engagement_is_cancelled_done_and_opened_again(sign_in, make, scheduler, found):
    engagement = make.engagement(external_id="C-1")
    client = sign_in(scheduler)

    for command, state in (
        ("cancel", EngagementState.CANCELLED),
        ("reopen", EngagementState.CLASSIFIED),
        ("complete", EngagementState.DONE),
        ("reopen", EngagementState.CLASSIFIED),
    ):
        assert client.post(f"/engagements/{engagement.id}/{command}").status_code == 302
        assert found(select(Engagement.state)) == [state]
    assert client.post(f"/engagements/{engagement.id}/reopen").status_code == 409
    assert "Cancel engagement" in client.get(f"/engagements/{engagement.id}").text


def test_an_engagement_names_the_plan_that_holds_it(sign_in, make, scheduler):
    agent = make.person(name="Ada")
    held, left_out = make.engagement(), make.engagement()
    plan = draft_plan(make)
    assign(make, plan, held, agent)
    make.session.add(Unassigned(plan_id=plan.id, engagement_id=left_out.id, cause="no_skill", detail={}, fix=None))
    publish(make, plan)
    client = sign_in(scheduler)

    assert "Ada" in client.get(f"/engagements/{held.id}").text
    page = client.get(f"/engagements/{left_out.id}").text
    assert "does not serve it" in page
    assert "No skill" in page


def test_the_list_begins_with_today_at_ones_own_site(sign_in, make, scheduler):
    client = sign_in(scheduler)

    assert client.get("/engagements").location == f"/engagements?site={make.home.id}&day=2026-11-23"


def test_the_list_of_engagements_is_filtered_and_exported(sign_in, make, scheduler):
    owner = make.person(name="Ada", external_id="a-1")
    mail = make.engagement_type(code="mail", channel=Channel.EMAIL)
    make.engagement(mail, external_id="C-1", owner_id=owner.id, priority=5, subject="=1+1", customer_key="K")
    make.engagement(external_id="C-2", earliest_at=NOW + dt.timedelta(days=3))
    client = sign_in(scheduler)

    today = client.get(f"/engagements?site={make.home.id}&day=2026-11-23").text
    assert "C-1" in today
    assert "C-2" not in today
    narrow = f"/engagements?type={mail.id}&channel=email&stance=reactive&state=open&priority=5&owner={owner.id}&q=c-1"
    assert "C-1" in client.get(narrow).text
    assert "No engagements here" in client.get("/engagements?state=done&priority=77").text
    assert "every day" in client.get("/engagements?day=").text
    export = client.get("/engagements?format=csv&day=2026-11-23").text
    assert "C-1,home,mail,email,reactive,K,'=1+1,2026-11-23T10:00+01:00," in export
    assert ",a-1,classified,a-1" in export


def test_engagements_of_other_sites_are_not_found(sign_in, make, scheduler):
    foreign = make.engagement(site=make.site(), external_id="FOREIGN")
    client = sign_in(scheduler)

    assert client.get(f"/engagements/{foreign.id}").status_code == 404
    assert client.get(f"/engagements/{foreign.id}/edit").status_code == 404
    assert client.get(f"/engagements/new?site={foreign.site_id}").status_code == 404
    assert "FOREIGN" not in client.get("/engagements?day=").text
    assert "FOREIGN" not in client.get("/engagements?day=&format=csv").text
    for command in ("cancel", "complete", "reopen"):
        assert client.post(f"/engagements/{foreign.id}/{command}").status_code == 404


def test_a_scheduler_of_another_site_than_their_own_adds_work_there(sign_in, make):
    there = make.site(name="Lisbon", time_zone="Europe/Lisbon")
    client = sign_in(make.person(roles=[Role.SCHEDULER], serves=[there]))

    assert "Lisbon" in client.get("/engagements/new").text
    assert client.get("/engagements").location.startswith(f"/engagements?site={there.id}&")


def test_a_scheduler_without_a_site_sees_an_empty_list(sign_in, make):
    lost = make.person(roles=[Role.AGENT])
    make.session.add(type(lost.grants[0])(person_id=lost.id, role=Role.SCHEDULER))
    make.session.flush()
    client = sign_in(lost)

    assert "No engagements here" in client.get("/engagements").text
    assert client.get("/engagements/new").status_code == 404
