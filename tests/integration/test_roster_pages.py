"""Pages of the roster: who sees whose, and shifts and absences by the clock of their site."""

from __future__ import annotations

import datetime as dt
import html
import re

import pytest
from sqlalchemy import select

from tests.factories import NOW
from webapp.models import Absence, AbsenceKind, Role, RoleGrant, Shift, ShiftBreak

HOUR = dt.timedelta(hours=1)
DAY = {"starts_at": "2026-11-24T08:00", "ends_at": "2026-11-24T16:30"}


@pytest.fixture
def scheduler(make):
    return make.person(name="Sasha", roles=[Role.SCHEDULER])


@pytest.fixture
def agent(make):
    return make.person(name="Ada", team=make.team(name="Invoices"))


@pytest.fixture
def found(database):
    """Return a function that reads from the database by a session of its own."""

    def read(query):
        with database.reading() as session:
            return session.scalars(query).all()

    return read


def remembered(page: str) -> dict[str, str]:
    """Return what an edit form remembers of the version that it shows."""
    fields = re.findall(r'<input id="(\w+)" name="\w+" type="hidden" value="([^"]*)">', page)
    return {name: html.unescape(value) for name, value in fields if name in {"version", "seen"}}


def pause(number: int, start: str, end: str, **more: str) -> dict[str, str]:
    """Return the fields of one break."""
    fields = {"starts_at": start, "ends_at": end} | more
    return {f"breaks-{number}-{name}": value for name, value in fields.items()}


def test_the_day_shows_shifts_breaks_and_absences_in_words(sign_in, make, scheduler, agent):
    start = NOW - 2 * HOUR
    make.shift(agent, starts_at=start, breaks=[(start + 4 * HOUR, start + 4.5 * HOUR)])
    make.absence(agent, start + 5 * HOUR, start + 8 * HOUR, kind=AbsenceKind.TRAINING)

    page = sign_in(scheduler).get("/roster").text

    assert 'aria-label="Shift 08:00–16:00; Break 12:00–12:30; Training 13:00–16:00"' in page
    assert "4 h 30" in page
    assert "Sick today" in page


def test_the_week_and_the_list_show_the_same_shift(sign_in, make, scheduler, agent):
    make.shift(agent, starts_at=NOW - 2 * HOUR, inferred=True, breaks=[(NOW, NOW + HOUR)])
    make.absence(agent, NOW + 24 * HOUR, NOW + 30 * HOUR)
    client = sign_in(scheduler)

    week = client.get("/roster?view=week&day=2026-11-27").text
    listed = client.get("/roster?view=list&day=2026-11-27").text

    assert "Mon 23 Nov" in week
    assert "08:00–16:00" in week
    assert "day=2026-11-20" in week
    assert "Shift, inferred from calls" in listed
    assert "10:00–11:00" in listed
    assert "Leave" in listed
    assert "Nothing in this week" in client.get("/roster?view=list&day=2026-12-24").text


def test_the_roster_is_filtered_and_exported(sign_in, make, scheduler, agent):
    make.shift(agent, starts_at=NOW - 2 * HOUR, breaks=[(NOW, NOW + HOUR)])
    make.shift(make.person(name="Bob"))
    make.absence(agent, NOW, NOW + HOUR)
    client = sign_in(scheduler)

    for narrow in (f"team={agent.team_id}", "q=ad", f"site={make.home.id}&view=nonsense&q=ada"):
        page = client.get(f"/roster?{narrow}").text
        assert "Ada" in page
        assert "Bob" not in page
    assert "Nobody here" in client.get("/roster?q=zzz").text
    export = client.get("/roster?format=csv&q=ada")
    assert export.mimetype == "text/csv"
    assert (
        "Shift,2026-11-23T08:00+01:00,2026-11-23T16:00+01:00,2026-11-23T10:00+01:00/2026-11-23T11:00+01:00,420.0"
        in (export.text)
    )
    assert "Leave,2026-11-23T10:00+01:00" in export.text


def test_a_lead_sees_their_team_and_changes_nothing(sign_in, make, agent):
    shift = make.shift(agent)
    absence = make.absence(agent, NOW, NOW + HOUR)
    foreign = make.shift(make.person(name="Bob", team=make.team()))
    client = sign_in(make.person(name="Lena", roles=[Role.LEAD], leads=[agent.team]))

    page = client.get("/roster").text
    assert "Ada" in page
    assert "Bob" not in page
    assert "Bob" not in client.get("/roster?format=csv").text
    assert "Add shift" not in page
    assert "Edit" not in client.get(f"/roster/shifts/{shift.id}").text
    assert "Edit" not in client.get(f"/roster/absences/{absence.id}").text
    assert client.get(f"/roster/shifts/{foreign.id}").status_code == 404
    assert client.get(f"/roster/shifts/{shift.id}/edit").status_code == 403
    assert client.post(f"/roster/people/{agent.id}/sick").status_code == 403


def test_agents_have_no_roster_page(sign_in, agent):
    assert sign_in(agent).get("/roster").status_code == 403


def test_other_sites_are_not_found(sign_in, make, scheduler):
    there = make.site()
    stranger = make.person(site=there)
    shift, absence = make.shift(stranger), make.absence(stranger, NOW, NOW + HOUR)
    client = sign_in(scheduler)

    for address in (
        f"?site={there.id}",
        f"/shifts/{shift.id}",
        f"/shifts/{shift.id}/edit",
        f"/shifts/new?site={there.id}",
        f"/shifts/new?person={stranger.id}",
        f"/absences/{absence.id}",
        f"/absences/{absence.id}/edit",
        f"/absences/new?person={stranger.id}",
    ):
        assert client.get(f"/roster{address}").status_code == 404, address
    for address in (f"/shifts/{shift.id}/remove", f"/absences/{absence.id}/remove", f"/people/{stranger.id}/sick"):
        assert client.post(f"/roster{address}").status_code == 404, address


def test_whoever_serves_no_place_sees_why_the_page_is_empty(sign_in, make):
    lost = make.person()
    make.session.add(RoleGrant(person_id=lost.id, role=Role.LEAD))
    make.session.flush()

    assert "No roster to show" in sign_in(lost).get("/roster").text


def test_a_shift_is_added_by_the_clock_of_the_site(sign_in, make, scheduler, agent, found):
    client = sign_in(scheduler)
    shown = client.get(f"/roster/shifts/new?person={agent.id}&day=2026-11-24").text
    assert 'value="2026-11-24T08:00"' in shown

    answer = client.post("/roster/shifts/new", data=DAY | {"person_id": agent.id} | pause(0, "12:00", "12:30"))

    assert answer.location == f"/roster?site={make.home.id}&day=2026-11-24"
    assert found(select(Shift.starts_at)) == [dt.datetime(2026, 11, 24, 7, tzinfo=dt.UTC)]
    assert found(select(ShiftBreak.ends_at)) == [dt.datetime(2026, 11, 24, 11, 30, tzinfo=dt.UTC)]


def test_a_break_after_midnight_lies_on_the_next_day(sign_in, scheduler, agent, found):
    night = {"starts_at": "2026-11-24T22:00", "ends_at": "2026-11-25T06:00", "person_id": agent.id}

    answer = sign_in(scheduler).post("/roster/shifts/new", data=night | pause(0, "01:30", "02:00"))

    assert answer.status_code == 302
    assert found(select(ShiftBreak.starts_at)) == [dt.datetime(2026, 11, 25, 0, 30, tzinfo=dt.UTC)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"person_id": ""}, "Choose a person."),
        ({"person_id": "999"}, "Not a valid choice"),
        ({"starts_at": ""}, "Give date and time."),
        ({"ends_at": "2026-11-24T07:00"}, "A shift ends after it begins."),
        ({"ends_at": "2026-11-26T07:00"}, "24 hours at most"),
        (pause(0, "17:00", "18:00"), "The break 17:00–18:00 lies outside the shift."),
        (pause(0, "", "12:30"), "Give a time, or remove the break."),
        ({"starts_at": "2026-03-29T02:30", "ends_at": "2026-03-29T10:00"}, "does not exist in Europe/Berlin"),
    ],
)
def test_a_wrong_shift_is_answered_beside_its_field(sign_in, scheduler, agent, found, change, words):
    answer = sign_in(scheduler).post("/roster/shifts/new", data=DAY | {"person_id": agent.id} | change)

    assert answer.status_code == 422
    assert words in answer.text
    assert found(select(Shift)) == []


def test_a_break_that_comes_twice_is_asked_for_at_its_line(sign_in, scheduler, agent, found):
    client = sign_in(scheduler)
    night = {"starts_at": "2026-10-24T22:00", "ends_at": "2026-10-25T06:00", "person_id": agent.id}

    asked = client.post("/roster/shifts/new", data=night | pause(0, "02:15", "02:45"))
    told = pause(0, "02:15", "02:45", starts_at_occurrence="first", ends_at_occurrence="second")
    taken = client.post("/roster/shifts/new", data=night | told)

    assert asked.status_code == 422
    assert "Break from: which one?" in asked.text
    assert "One of the breaks needs another look." in asked.text
    assert taken.status_code == 302
    [kept] = found(select(ShiftBreak))
    assert kept.ends_at - kept.starts_at == 1.5 * HOUR


def test_an_overlap_names_the_other_shift(sign_in, make, scheduler, agent):
    make.shift(agent, starts_at=dt.datetime(2026, 11, 24, 14, tzinfo=dt.UTC), hours=4)

    answer = sign_in(scheduler).post("/roster/shifts/new", data=DAY | {"person_id": agent.id})

    assert answer.status_code == 422
    assert "Ada has a shift already: 24 Nov 2026, 15:00 to 24 Nov 2026, 19:00." in answer.text


def test_breaks_are_added_and_removed_without_a_script(sign_in, scheduler, agent, found):
    client, data = sign_in(scheduler), DAY | {"person_id": agent.id} | pause(0, "12:00", "12:30")

    longer = client.post("/roster/shifts/new", data=data | {"add": "1"})
    shorter = client.post("/roster/shifts/new", data=data | {"remove": "breaks-0"})

    assert longer.status_code == shorter.status_code == 200
    assert longer.text.count('aria-label="Break ') == 2
    assert "No break in this shift." in shorter.text
    assert found(select(Shift)) == []


def test_a_shift_is_changed_and_whoever_saves_second_keeps_their_text(sign_in, make, scheduler, agent, found):
    shift = make.shift(agent, starts_at=NOW - 2 * HOUR, breaks=[(NOW, NOW + HOUR)])
    client, address = sign_in(scheduler), f"/roster/shifts/{shift.id}/edit"
    shown = client.get(address).text
    assert 'value="10:00"' in shown
    data = DAY | remembered(shown) | {"person_id": agent.id}

    first = client.post(address, data=data | {"ends_at": "2026-11-24T15:00"})
    second = client.post(address, data=data | {"ends_at": "2026-11-24T14:00"})

    assert first.status_code == 302
    assert second.status_code == 409
    assert 'value="2026-11-24T14:00"' in second.text
    assert re.search(r"<td[^>]*>10:00–11:00</td>\s*<td[^>]*><span class=\"muted\">empty</span></td>", second.text)
    assert found(select(Shift.ends_at)) == [dt.datetime(2026, 11, 24, 14, tzinfo=dt.UTC)]
    refused = client.post(address, data=data | remembered(second.text) | {"ends_at": "2026-11-24T07:00"})
    assert refused.status_code == 422
    assert "Edit shift" in client.get(f"/roster/shifts/{shift.id}").text


def test_a_removed_shift_is_put_back_with_its_breaks(sign_in, make, scheduler, agent, found):
    shift = make.shift(agent, breaks=[(NOW, NOW + HOUR)])
    client = sign_in(scheduler)

    client.post(f"/roster/shifts/{shift.id}/remove")
    assert found(select(Shift)) == []
    client.post("/roster/restore")

    assert found(select(Shift.starts_at)) == [NOW - HOUR]
    assert found(select(ShiftBreak.starts_at)) == [NOW]
    assert client.post("/roster/restore").status_code == 404


def test_an_absence_is_added_changed_removed_and_put_back(sign_in, make, scheduler, agent, found):
    client = sign_in(scheduler)
    assert 'value="2026-11-25T00:00"' in client.get(f"/roster/absences/new?person={agent.id}&day=2026-11-24").text
    data = {"person_id": agent.id, "kind": "training", "starts_at": "2026-11-24T09:00", "ends_at": "2026-11-24T12:00"}

    client.post("/roster/absences/new", data=data)
    [absence] = found(select(Absence))
    assert (absence.kind, absence.starts_at) == (AbsenceKind.TRAINING, dt.datetime(2026, 11, 24, 8, tzinfo=dt.UTC))

    address = f"/roster/absences/{absence.id}/edit"
    shown = remembered(client.get(address).text)
    changed = client.post(address, data=data | shown | {"ends_at": "2026-11-24T13:00"})
    late = client.post(address, data=data | shown | {"ends_at": "2026-11-24T14:00"})
    assert (changed.status_code, late.status_code) == (302, 409)
    wrong = client.post(address, data=data | remembered(late.text) | {"ends_at": "2026-11-24T08:00"})
    assert "An absence ends after it begins." in wrong.text
    assert "Edit absence" in client.get(f"/roster/absences/{absence.id}").text

    client.post(f"/roster/absences/{absence.id}/remove")
    assert found(select(Absence)) == []
    client.post("/roster/restore")
    assert found(select(Absence.kind)) == [AbsenceKind.TRAINING]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"person_id": ""}, "Choose a person."),
        ({"kind": "boredom"}, "Invalid Choice"),
        ({"ends_at": "2026-11-24T08:00"}, "An absence ends after it begins."),
    ],
)
def test_a_wrong_absence_is_answered_beside_its_field(sign_in, scheduler, agent, found, change, words):
    data = {"person_id": agent.id, "kind": "leave", "starts_at": "2026-11-24T09:00", "ends_at": "2026-11-24T12:00"}

    answer = sign_in(scheduler).post("/roster/absences/new", data=data | change)

    assert answer.status_code == 422
    assert words in answer.text
    assert found(select(Absence)) == []


def test_a_form_that_is_incomplete_is_shown_again(sign_in, make, scheduler, agent):
    shift, absence = make.shift(agent), make.absence(agent, NOW, NOW + HOUR)
    client = sign_in(scheduler)

    for address in (f"shifts/{shift.id}/edit", f"absences/{absence.id}/edit"):
        answer = client.post(f"/roster/{address}", data={"starts_at": "", "ends_at": ""})
        assert answer.status_code == 422
        assert "need another look" in answer.text


def test_sick_today_is_one_step_and_one_step_back(sign_in, make, scheduler, agent, found):
    make.shift(agent)
    client = sign_in(scheduler)

    client.post(f"/roster/people/{agent.id}/sick")

    [absence] = found(select(Absence))
    assert (absence.kind, absence.starts_at) == (AbsenceKind.SICK, NOW)
    page = client.get("/roster").text
    assert "Ada is sick today." in page
    assert f"/roster/absences/{absence.id}/remove" in page
    assert f"/roster/people/{agent.id}/sick" not in page
    assert client.post(f"/roster/people/{agent.id}/sick").status_code == 409

    client.post(f"/roster/absences/{absence.id}/remove")

    assert found(select(Absence)) == []


def test_a_scheduler_of_another_site_adds_shifts_there(sign_in, make):
    there = make.site(name="Lisbon", time_zone="Europe/Lisbon")
    client = sign_in(make.person(roles=[Role.SCHEDULER], serves=[there]))

    assert "Europe/Lisbon" in client.get("/roster/shifts/new").text
    assert "Europe/Lisbon" in client.get(f"/roster/absences/new?site={there.id}").text
    assert "Lisbon" in client.get("/roster").text
