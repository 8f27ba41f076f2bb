"""Two people edit the same row: nobody loses a word, and both versions stand side by side."""

import datetime as dt
import html
import re

import pytest
from sqlalchemy import select

from tests.factories import NOW
from webapp.models import Absence, EngagementType, Person, Role


def fields(page: str) -> dict[str, str]:
    """Return what a browser would send of a form: hidden fields, text fields, chosen options."""
    form = page[page.index('<form method="post" class="form') :]
    form = form[: form.index("</form>")]
    found = {}
    for tag in re.findall(r"<input [^>]*>", form):
        said = dict(re.findall(r'([a-z_]+)="([^"]*)"', tag))
        if said.get("type") not in {"checkbox", "radio", "submit"} or " checked" in tag:
            found[said["name"]] = html.unescape(said.get("value", ""))
    for name, inside in re.findall(r'<select [^>]*?name="([^"]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'<option selected value="([^"]*)"', inside)
        found[name] = chosen[1] if chosen else re.findall(r'<option value="([^"]*)"', inside)[0]
    for name, inside in re.findall(r'<textarea [^>]*?name="([^"]+)"[^>]*>(.*?)</textarea>', form, re.DOTALL):
        found[name] = html.unescape(inside).removeprefix("\r\n")
    return found


@pytest.fixture
def found(database):
    """Return a function that reads from the database by a session of its own."""

    def read(query):
        with database.reading() as session:
            return [tuple(row) if len(row) > 1 else row[0] for row in session.execute(query)]

    return read


@pytest.fixture
def hr(make):
    return make.person(name="Hedy", roles=[Role.HR])


@pytest.fixture
def ada(make):
    return make.person(name="Ada", job_title="Agent")


@pytest.fixture
def begun(make, hr, ada, sign_in):
    """Return a client, the address of Ada's form, and what a browser holds once somebody else has saved a new name."""
    client, address = sign_in(hr), f"/people/{ada.id}/edit"
    mine = fields(client.get(address).text)
    assert client.post(address, data=mine | {"name": "Ada Lovelace"}).status_code == 302
    return client, address, mine


def test_what_the_other_changed_elsewhere_comes_into_the_form_and_both_are_saved(begun, found):
    client, address, mine = begun

    told = client.post(address, data=mine | {"job_title": "Senior agent"})

    assert told.status_code == 409
    both = fields(told.text)
    assert (both["name"], both["job_title"]) == ("Ada Lovelace", "Senior agent")
    assert found(select(Person.name, Person.job_title).where(Person.name.startswith("Ada"))) == [
        ("Ada Lovelace", "Agent")
    ]
    assert client.post(address, data=both).status_code == 302
    assert found(select(Person.name, Person.job_title).where(Person.name.startswith("Ada"))) == [
        ("Ada Lovelace", "Senior agent")
    ]


def test_both_versions_stand_side_by_side_with_who_and_what(begun):
    client, address, mine = begun

    told = client.post(address, data=mine | {"name": "Ada King"}).text

    assert "Saved by Hedy, 23 Nov 2026" in told
    (row,) = re.findall(r'<th scope="row">Name</th>(.*?)</tr>', told, re.DOTALL)
    assert re.findall(r"<td[^>]*>\s*(.*?)\s*</td>", row, re.DOTALL) == [
        "Ada",
        "Ada<mark> Lovelace</mark>",
        "Ada<mark> King</mark>",
    ]


def test_where_both_changed_the_same_ones_own_text_stays_unless_the_others_is_chosen(begun, found):
    client, address, mine = begun
    told = client.post(address, data=mine | {"name": "Ada King", "job_title": "Senior agent"}).text
    assert fields(told)["name"] == "Ada King"
    assert 'value="name"' in told
    assert 'value="job_title"\n' not in told

    kept = client.post(address, data=fields(told) | {"take_theirs": "name"})

    assert kept.status_code == 302
    assert found(select(Person.name, Person.job_title).where(Person.name.startswith("Ada"))) == [
        ("Ada Lovelace", "Senior agent")
    ]


def test_a_choice_for_the_others_text_does_not_count_once_that_changed_again(begun, found):
    client, address, mine = begun
    told = fields(client.post(address, data=mine | {"name": "Ada King"}).text)
    assert client.post(address, data=fields(client.get(address).text) | {"name": "Augusta Ada"}).status_code == 302

    again = client.post(address, data=told | {"take_theirs": "name"})

    assert again.status_code == 409
    assert fields(again.text)["name"] == "Ada King"
    assert "Augusta" in again.text
    assert found(select(Person.name).where(Person.name.contains("Ada"))) == ["Augusta Ada"]


def test_who_saves_second_learns_it_even_if_their_own_text_needs_another_look(begun):
    client, address, mine = begun

    told = client.post(address, data=mine | {"job_title": "Senior agent", "email": "no address"})

    assert told.status_code == 409
    assert "This is not an e-mail address." in told.text
    assert fields(told.text)["job_title"] == "Senior agent"
    assert "as in the form below" in told.text


def test_lines_of_a_form_are_kept_and_taken_over_as_a_whole(make, sign_in, found):
    billing, chat = make.skill(name="Billing"), make.skill(name="Chat")
    kind = make.engagement_type(name="Invoice", requires={billing: 2})
    client = sign_in(make.person(roles=[Role.SCHEDULER]))
    address = f"/types/{kind.id}/edit"
    mine = fields(client.get(address).text)
    assert client.post(address, data=mine | {"requirements-0-level": "4"}).status_code == 302

    named = fields(client.post(address, data=mine | {"name": "Bills"}).text)
    clash = client.post(address, data=mine | {"requirements-0-skill_id": str(chat.id)})

    assert (named["name"], named["requirements-0-level"]) == ("Bills", "4")
    assert clash.status_code == 409
    assert fields(clash.text)["requirements-0-skill_id"] == str(chat.id)
    assert "Billing" in clash.text
    assert client.post(address, data=named).status_code == 302
    assert found(select(EngagementType.name)) == ["Bills"]


def test_a_row_that_was_removed_meanwhile_is_not_there_any_more(make, sign_in, found):
    absence = make.absence(make.person(), starts_at=NOW, ends_at=NOW + dt.timedelta(hours=4))
    client = sign_in(make.person(roles=[Role.SCHEDULER]))
    address = f"/roster/absences/{absence.id}/edit"
    mine = fields(client.get(address).text)
    assert client.post(f"/roster/absences/{absence.id}/remove").status_code == 302

    assert client.post(address, data=mine).status_code == 404
    assert found(select(Absence.id)) == []
