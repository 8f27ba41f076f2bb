"""My week: what an agent sees of it, and how they choose stretch slots on its pages."""

from __future__ import annotations

import csv
import datetime as dt
import io

import pytest
from sqlalchemy import select

from tests.factories import NOW, TODAY
from tests.factories.plans import assign, draft_plan, publish, reserve
from webapp.models import AbsenceKind, EngagementState, Interest, Notice, Role, SlotState, StretchSlot
from webapp.services import own_week

HOUR = dt.timedelta(hours=1)
TOMORROW = TODAY + dt.timedelta(days=1)
# Eight o'clock in Berlin.
BEGIN = NOW + 22 * HOUR


@pytest.fixture
def skill(make):
    return make.skill(name="Billing")


@pytest.fixture
def agent(make, skill):
    """Ada works tomorrow from 8 to 16, with level 3 in billing, which she wants to grow in."""
    person = make.person(name="Ada Byron")
    make.record(person, skill, 3, interest=Interest.GROW)
    make.engagement_type(name="Chargebacks", requires={skill: 4})
    return person


@pytest.fixture
def shift(make, agent):
    return make.shift(agent, starts_at=BEGIN, breaks=[(BEGIN + 4 * HOUR, BEGIN + 4.5 * HOUR)])


@pytest.fixture
def scheduler(make):
    return make.person(name="Sam", roles=[Role.SCHEDULER], is_agent=False)


def add_slot(make, person, skill, start, end, **fields):
    slot = StretchSlot(person_id=person.id, skill_id=skill.id, starts_at=start, ends_at=end, chosen_at=NOW, **fields)
    make.session.add(slot)
    make.session.flush()
    return slot


def form(start, end, skill):
    return {"starts_at": start.isoformat(), "ends_at": end.isoformat(), "skill_id": str(skill.id)}


@pytest.fixture
def planned(make, agent, skill, scheduler, shift):
    """Tomorrow's plan: two pieces of work of Ada, one of them stretch, an hour for calls, and Ben's stretch work."""
    kind = make.engagement_type(name="Refund", requires={skill: 4})
    plan = draft_plan(make, day_on=TOMORROW)
    ben = make.person(name="Ben Okri")
    for person, number in ((agent, 1), (agent, 2), (ben, 3)):
        piece = assign(
            make,
            plan,
            make.engagement(kind, external_id=f"C-{number}", state=EngagementState.PLANNED),
            person,
            starts_at=BEGIN + number * HOUR,
        )
        if number != 1:
            piece.why = {"to_agent": [], "stretch": str(skill.id), "shadow": None}
    reserve(make, plan, make.engagement_type(name="Calls"), agent, starts_at=BEGIN, minutes=20.0)
    return publish(make, plan, by=scheduler)


class TestTheWeek:
    def test_seven_days_from_today_with_shifts_breaks_and_absences(self, make, agent, shift, sign_in):
        make.absence(agent, BEGIN + 5 * HOUR, BEGIN + 6 * HOUR, kind=AbsenceKind.TRAINING)
        make.absence(agent, NOW + 40 * HOUR, NOW + 60 * HOUR, kind=AbsenceKind.LEAVE)

        page = sign_in(agent).get("/week").text

        assert page.count('class="card week-day') == 7
        for words in ("Mon 23 Nov 2026", "08:00–16:00", "break 12:00–12:30", "Training", "13:00–14:00", "Away: leave"):
            assert words in page, words
        assert "No plan is published for this day yet." in page

    def test_the_published_plan_stands_in_it(self, agent, planned, sign_in):
        page = sign_in(agent).get("/week").text

        for words in ("2 engagements", "for live contacts", "Refund", "Kept for Calls", "Open the day"):
            assert words in page, words
        assert "Ben Okri" not in page

    def test_who_can_help_a_colleague_who_grows_sees_when(self, make, skill, planned, sign_in):
        """Ben's work asks for billing at 4: Eve, with 5 and at work, can help; Fay is off then, Gus has 3."""
        eve, fay, gus = (make.person(name=name) for name in ("Eve", "Fay", "Gus"))
        for person, level in ((eve, 5), (fay, 5), (gus, 3)):
            make.record(person, skill, level)
            if person is not fay:
                make.shift(person, starts_at=BEGIN)

        pages = [sign_in(person).get("/week").text for person in (eve, fay, gus)]

        assert "You can help Ben Okri, who grows in Billing" in pages[0]
        assert "11:00–11:1" in pages[0]
        assert ["You can help" in page for page in pages] == [True, False, False]

    def test_a_night_shift_is_told_once_with_its_slots(self, make, session, agent, skill):
        night = make.shift(agent, starts_at=NOW + 13 * HOUR)
        add_slot(make, agent, skill, NOW + 17 * HOUR, NOW + 18 * HOUR)

        week = own_week.own_week(session, agent, TODAY, at=NOW)

        assert [[own.shift.id for own in day.shifts] for day in week[:2]] == [[night.id], []]
        assert len(week[0].shifts[0].slots) == 1

    def test_another_week_is_chosen_by_the_address(self, agent, shift, sign_in):
        client = sign_in(agent)

        assert "08:00–16:00" not in client.get(f"/week?day={TODAY + dt.timedelta(days=7)}").text
        assert "08:00–16:00" in client.get(f"/week?day={TODAY - dt.timedelta(days=5)}").text
        assert client.get("/week?day=nonsense").status_code == 200

    def test_what_is_shown_can_be_taken_along(self, make, agent, skill, planned, sign_in):
        add_slot(make, agent, skill, BEGIN, BEGIN + HOUR)

        answer = sign_in(agent).get("/week?format=csv")

        lines = list(csv.DictReader(io.StringIO(answer.text.lstrip("\N{BYTE ORDER MARK}"))))
        assert answer.mimetype == "text/csv"
        assert [line["what"] for line in lines] == [
            "shift", "break", "stretch slot", "work", "stretch work", "live contacts",
        ]  # fmt: skip
        slot = lines[2]
        assert (slot["starts_at"], slot["words"], slot["state"]) == ("2026-11-24T08:00+01:00", "Billing", "chosen")

    def test_who_wants_nothing_reads_how_to_begin(self, make, sign_in):
        page = sign_in(make.person()).get("/week").text

        assert "Choose when you grow" in page

    def test_others_have_no_week(self, scheduler, sign_in):
        assert sign_in(scheduler).get("/week").status_code == 403


class TestChoosing:
    def test_a_slot_is_chosen_withdrawn_and_chosen_again(self, make, session, agent, skill, shift, sign_in):
        client = sign_in(agent)
        assert "Choose a slot" in client.get("/week").text

        answer = client.post(f"/week/shifts/{shift.id}/slots", data=form(BEGIN, BEGIN + HOUR, skill))
        assert answer.location == f"/week#day-{TOMORROW}"
        page = client.get("/week").text
        assert "Chosen: Billing, 08:00–09:00. The next plan knows." in page
        assert "60 of 60 minutes chosen" in page

        slot = session.scalars(select(StretchSlot)).one()
        make.commit()
        client.post(f"/week/slots/{slot.id}/withdraw")
        assert "Withdrawn" in client.get("/week").text
        client.post(f"/week/slots/{slot.id}/restore")
        session.refresh(slot)
        assert slot.state is SlotState.CHOSEN

    def test_the_form_offers_quarter_hours_of_the_shift_and_what_may_be_grown_in(self, agent, shift, sign_in):
        page = sign_in(agent).get(f"/week/shifts/{shift.id}/slots").text

        assert "Billing, level 3 to 4" in page
        assert page.count(">08:15<") == 2
        assert page.count(">08:00<") == page.count(">16:00<") == 1
        assert "60 of 60 minutes" in page

    def test_the_first_free_step_is_suggested(self, make, agent, skill, shift, sign_in):
        """08:00 to 08:30 is chosen and 08:30 to 08:45 as well, so that the next whole half hour begins at 09:00."""
        add_slot(make, agent, skill, BEGIN, BEGIN + HOUR / 2)
        add_slot(make, agent, skill, BEGIN + HOUR / 2, BEGIN + 0.75 * HOUR)

        page = sign_in(agent).get(f"/week/shifts/{shift.id}/slots").text

        chosen = [line.split(">")[1][:5] for line in page.split("<option selected")[1:]]
        assert chosen == ["09:00", "09:30"]

    def test_quarter_hours_that_are_settled_are_not_offered(self, make, agent, sign_in):
        """At 10:00, with 15 minutes that stand, 10:15 is the first that a slot may begin at."""
        shift = make.shift(agent, starts_at=NOW - HOUR)

        page = sign_in(agent).get(f"/week/shifts/{shift.id}/slots").text

        assert ">10:00<" not in page
        assert ">10:15<" in page

    @pytest.mark.parametrize(
        ("span", "field", "words"),
        [
            ((0, 75), "ends_at", "At most 60 minutes"),
            ((60, 30), "ends_at", "A slot ends after it begins."),
            ((15, 45), "ends_at", "steps of 30 minutes"),
            ((450, 510), "ends_at", "Your shift ends at 16:00"),
            ((10, 60), "starts_at", "full quarter"),
        ],
    )
    def test_what_stands_against_it_is_told_at_the_field(self, agent, skill, shift, sign_in, span, field, words):  # noqa: PLR0917 - each is a fixture
        minute = dt.timedelta(minutes=1)
        data = form(BEGIN + span[0] * minute, BEGIN + span[1] * minute, skill)

        answer = sign_in(agent).post(f"/week/shifts/{shift.id}/slots", data=data)

        assert answer.status_code == 422
        error = answer.text.split(f'id="{field}-error"')[1].split("</p>")[0]
        assert words in error

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            ({}, "Choose a skill."),
            ({"skill_id": "1"}, "Choose a time."),
            ({"skill_id": "1", "starts_at": "tomorrow", "ends_at": "2026-11-24T08:00"}, "Choose a time."),
            ({"skill_id": "x"}, "could not coerce"),
        ],
    )
    def test_what_is_missing_or_no_time_is_told(self, agent, shift, sign_in, data, words):
        answer = sign_in(agent).post(f"/week/shifts/{shift.id}/slots", data=data)

        assert answer.status_code == 422
        assert words in answer.text

    def test_a_choice_that_came_too_late_is_kept_beside_the_reason(self, make, agent, skill, sign_in):
        shift = make.shift(agent, starts_at=NOW - HOUR)

        answer = sign_in(agent).post(f"/week/shifts/{shift.id}/slots", data=form(NOW - HOUR, NOW, skill))

        assert "That time is over." in answer.text
        assert f'<option selected value="{(NOW - HOUR).isoformat()}">09:00</option>' in answer.text

    def test_anothers_shift_and_slot_are_unknown(self, make, agent, skill, shift, sign_in):
        slot = add_slot(make, agent, skill, BEGIN, BEGIN + HOUR)
        other = sign_in(make.person())

        assert other.get(f"/week/shifts/{shift.id}/slots").status_code == 404
        assert other.post(f"/week/slots/{slot.id}/withdraw").status_code == 404
        assert other.post(f"/week/slots/{slot.id}/restore").status_code == 404

    def test_an_undo_that_came_too_late_says_why(self, make, agent, skill, shift, sign_in):
        slot = add_slot(make, agent, skill, BEGIN, BEGIN + HOUR, state=SlotState.WITHDRAWN)
        add_slot(make, agent, skill, BEGIN + HOUR / 2, BEGIN + HOUR)
        client = sign_in(agent)

        client.post(f"/week/slots/{slot.id}/restore")

        assert "You chose Billing from 08:30 to 09:00 already." in client.get("/week").text

    def test_a_shift_that_is_over_or_full_offers_nothing(self, make, agent, skill, shift, sign_in):
        add_slot(make, agent, skill, BEGIN, BEGIN + HOUR)
        over = make.shift(agent, starts_at=NOW - 9 * HOUR, hours=8)
        client = sign_in(agent)

        assert "Choose a slot" not in client.get("/week").text
        assert "Nothing left to choose" in client.get(f"/week/shifts/{over.id}/slots").text


class TestLeadsAndSchedulers:
    def test_slots_of_a_day_are_listed_counted_and_exported(self, make, agent, skill, scheduler, shift, sign_in):
        add_slot(make, agent, skill, BEGIN, BEGIN + HOUR)
        add_slot(make, agent, skill, BEGIN + HOUR, BEGIN + 2 * HOUR, state=SlotState.REFUSED, reason="=No mentor")
        add_slot(make, agent, skill, BEGIN + HOUR, BEGIN + 2 * HOUR, state=SlotState.WITHDRAWN)
        client = sign_in(scheduler)

        page = client.get(f"/roster/stretch?day={TOMORROW}").text
        assert "1 chosen, 1 refused." in page
        assert page.count('<tr id="slot-') == 2
        lines = client.get(f"/roster/stretch?day={TOMORROW}&format=csv").text.splitlines()
        assert len(lines) == 3
        assert "'=No mentor" in lines[2]
        assert "Nobody chose a stretch slot" in client.get("/roster/stretch").text
        assert "08:00–09:00" in client.get(f"/roster/shifts/{shift.id}").text

    def test_the_board_counts_those_of_today(self, make, agent, skill, scheduler, sign_in):
        make.shift(agent)
        add_slot(make, agent, skill, NOW + HOUR, NOW + 2 * HOUR)

        page = sign_in(scheduler).get("/board").text

        assert "Stretch slots" in page
        assert "agents chose them" in page

    def test_a_scheduler_refuses_one_and_takes_it_back(self, session, agent, skill, scheduler, shift, sign_in, make):  # noqa: PLR0917 - each is a fixture
        slot = add_slot(make, agent, skill, BEGIN, BEGIN + HOUR)
        client, ada = sign_in(scheduler), sign_in(agent)
        assert "Ada Byron" in client.get(f"/roster/stretch/{slot.id}/refuse").text

        answer = client.post(f"/roster/stretch/{slot.id}/refuse", data={"reason": ""})
        assert answer.status_code == 422
        assert "the agent reads it" in answer.text.split('id="reason-error"')[1].split("</p>")[0]
        answer = client.post(f"/roster/stretch/{slot.id}/refuse", data={"reason": "No mentor is in."})
        assert answer.location == f"/roster/stretch?site={agent.site_id}&day={TOMORROW}"
        assert "No mentor is in." in ada.get("/week").text
        assert "is refused: No mentor is in." in session.scalars(select(Notice.text)).one()
        make.commit()

        again = client.post(f"/roster/stretch/{slot.id}/refuse", data={"reason": "Twice"})
        assert "This slot is refused already." in again.text
        client.post(f"/roster/stretch/{slot.id}/allow")
        session.refresh(slot)
        assert (slot.state, slot.reason) == (SlotState.CHOSEN, "")

    def test_a_slot_without_a_place_cannot_be_allowed_again(self, make, agent, skill, scheduler, shift, sign_in):
        slot = add_slot(make, agent, skill, BEGIN, BEGIN + HOUR, state=SlotState.REFUSED, reason="No")
        add_slot(make, agent, skill, BEGIN, BEGIN + HOUR)
        client = sign_in(scheduler)

        client.post(f"/roster/stretch/{slot.id}/allow")

        assert "It has no place any more." in client.get("/roster/stretch").text

    def test_a_lead_sees_those_of_their_team_and_refuses_none(self, make, skill, sign_in):
        team, other = make.team(), make.team()
        mine, theirs = make.person(name="Mine", team=team), make.person(name="Theirs", team=other)
        slots = [add_slot(make, person, skill, NOW + HOUR, NOW + 2 * HOUR) for person in (mine, theirs)]
        client = sign_in(make.person(roles=[Role.LEAD], leads=[team], is_agent=False))

        page = client.get("/roster/stretch").text

        assert "Mine</" in page
        assert "Theirs" not in page
        assert "Refuse" not in page
        assert client.post(f"/roster/stretch/{slots[0].id}/refuse", data={"reason": "No"}).status_code == 403
