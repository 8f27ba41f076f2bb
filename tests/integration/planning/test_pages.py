"""The scheduler's pages: what each answers, to whom, and what wrong input gets."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import TODAY, Make
from tests.integration.planning.conftest import AT_NINE, Day
from webapp.db import Database
from webapp.jobs import build_executor
from webapp.models import (
    Assignment,
    ForecastInterval,
    ForecastSource,
    Person,
    Pin,
    Plan,
    PlanRun,
    PlanState,
    Response,
    Role,
)
from webapp.services.planning import day as agent_day
from webapp.services.planning import pins, plans, policy_editing, publish

SignIn = Callable[[Person], FlaskClient]
DAY = f"/plans?day={TODAY.isoformat()}"


@pytest.fixture
def draft(solve_day: Callable[[], Plan]) -> Plan:
    """Return a draft of the small day."""
    return solve_day()


@pytest.fixture
def scheduler(sign_in: SignIn, day: Day, draft: Plan) -> FlaskClient:
    """Return a client with the scheduler signed in, with a draft there."""
    return sign_in(day.scheduler)


def first_of(session: Session, plan: Plan) -> Assignment:
    """Return the first assignment of a plan."""
    return plans.list_assignments(session, plan)[0]


def first_in(database: Database, plan: Plan) -> Assignment:
    """Return the first assignment of a plan without taking the write lock, which the request needs."""
    with database.reading() as reading:
        return plans.list_assignments(reading, reading.get_one(Plan, plan.id))[0]


class TestDay:
    def test_it_shows_demand_capacity_and_plans(self, scheduler: FlaskClient, draft: Plan) -> None:
        page = scheduler.get(DAY).text

        assert "Demand against capacity" in page
        assert f"Plan {draft.id}" in page
        assert "Run the optimizer" in page

    def test_a_day_without_shifts_says_what_to_do(self, scheduler: FlaskClient) -> None:
        page = scheduler.get("/plans?day=2026-12-24").text

        assert "Nobody works and nothing is forecast" in page

    def test_contacts_of_a_day_are_forecast_from_the_days_before(
        self, scheduler: FlaskClient, database: Database, make: Make, day: Day
    ) -> None:
        tomorrow = TODAY + dt.timedelta(days=1)
        wanted = f"/plans/forecast?site={make.home.id}&day={tomorrow.isoformat()}"
        assert "Forecast contacts" in scheduler.get(f"/plans?day={tomorrow.isoformat()}").text
        nothing = scheduler.post(wanted, follow_redirects=True).text
        assert "No contacts are known" in nothing
        for minute in range(12):
            make.contact(day.calls, AT_NINE + dt.timedelta(minutes=minute), 5.0)
        make.commit()

        told = scheduler.post(wanted, follow_redirects=True).text

        assert "contacts are expected, from" in told
        with database.reading() as session:
            rows = session.scalars(select(ForecastInterval).where(ForecastInterval.source == ForecastSource.HISTORY))
            assert {each.starts_at.date() for each in rows} == {tomorrow}

    def test_runs_are_there_as_csv(self, scheduler: FlaskClient) -> None:
        answer = scheduler.get(DAY + "&format=csv")

        assert answer.mimetype == "text/csv"
        assert "optimal" in answer.text or "feasible" in answer.text

    @pytest.mark.parametrize(
        ("kind", "mimetype"), [("svg", "image/svg+xml"), ("csv", "text/csv"), ("png", "image/png")]
    )
    def test_the_figure_has_each_form(self, scheduler: FlaskClient, kind: str, mimetype: str) -> None:
        answer = scheduler.get(f"/plans/demand?day={TODAY.isoformat()}&format={kind}")

        assert (answer.status_code, answer.mimetype) == (200, mimetype)

    def test_capacity_is_what_the_policy_of_the_site_leaves(self, scheduler: FlaskClient, make: Make, day: Day) -> None:
        """Ada and Ben have 450 minutes between them; by default a tenth of it is lost, on a calm day 15 %."""

        def capacity() -> float:
            answer = scheduler.get(f"/plans/demand?day={TODAY.isoformat()}&format=csv")
            return sum(float(row["Productive minutes"]) for row in csv.DictReader(io.StringIO(answer.text)))

        before = capacity()
        policy_editing.set_default(make.session, day.site, "calm-day", by=make.actor())
        make.commit()

        assert before == pytest.approx(450 * 0.9)
        assert capacity() == pytest.approx(450 * 0.85)

    def test_another_site_is_not_there(self, sign_in: SignIn, make: Make, day: Day) -> None:
        far = make.site()

        assert sign_in(day.scheduler).get(f"/plans?site={far.id}").status_code == 404

    def test_an_agent_has_no_business_here(self, sign_in: SignIn, day: Day) -> None:
        assert sign_in(day.ben).get("/plans").status_code == 403

    def test_who_serves_no_site_sees_none(self, sign_in: SignIn, make: Make) -> None:
        lost = make.person(roles=[Role.SCHEDULER], serves=[make.site()], is_agent=False)

        assert sign_in(lost).get("/plans").status_code == 200


class TestRun:
    FIELDS = {"policy": "default", "time_limit_seconds": "60", "interval_minutes": "30", "seed": "1"}  # noqa: RUF012

    def test_a_run_goes_from_the_form_to_the_plan(
        self, sign_in: SignIn, app: Flask, database: Database, day: Day
    ) -> None:
        client = sign_in(day.scheduler)

        answer = client.post(DAY, data=self.FIELDS)
        waiting = client.get(answer.location)
        build_executor(app).run_once()
        done = client.get(answer.location)

        assert "Planning Mon 23 Nov 2026" in waiting.text
        with database.reading() as session:
            plan = session.scalars(select(Plan)).one()
        assert done.location == f"/plans/{plan.id}"
        assert client.get(done.location).status_code == 200

    def test_the_day_shows_a_run_under_way_and_takes_no_second(self, sign_in: SignIn, day: Day) -> None:
        client = sign_in(day.scheduler)
        client.post(DAY, data=self.FIELDS)

        assert "data-job=" in client.get(DAY).text
        assert client.post(DAY, data=self.FIELDS).status_code == 409

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("time_limit_seconds", "0"),
            ("time_limit_seconds", "soon"),
            ("seed", "-1"),
            ("interval_minutes", "7"),
            ("policy", "x"),
        ],
    )
    def test_wrong_choices_come_back_with_the_reason(
        self, scheduler: FlaskClient, session: Session, field: str, value: str
    ) -> None:
        answer = scheduler.post(DAY, data=self.FIELDS | {field: value})

        assert answer.status_code == 422
        assert "field-error" in answer.text

    def test_a_day_without_shifts_is_refused(self, scheduler: FlaskClient) -> None:
        answer = scheduler.post("/plans?day=2026-12-24", data=self.FIELDS)

        assert answer.status_code == 422

    def test_a_run_without_a_plan_says_why(
        self, sign_in: SignIn, app: Flask, database: Database, session: Session, make: Make, day: Day
    ) -> None:
        pins.pin_engagement(session, day.hard, day.ben, AT_NINE, reason="Try", by=make.actor(day.scheduler))
        client = sign_in(day.scheduler)
        answer = client.post(DAY, data=self.FIELDS)

        build_executor(app).run_once()

        page = client.get(answer.location).text
        assert "No plan can obey all pins and rules" in page
        assert "hard is pinned to Ben Okri at 09:00." in page

    def test_an_unknown_run_is_not_found(self, scheduler: FlaskClient) -> None:
        assert scheduler.get("/plans/runs/999999").status_code == 404


class TestPlanPages:
    @pytest.mark.parametrize("part", ["", "/assignments", "/unassigned", "/declines", "/compare", "/score", "/publish"])
    def test_each_part_answers(self, scheduler: FlaskClient, draft: Plan, part: str) -> None:
        answer = scheduler.get(f"/plans/{draft.id}{part}")

        assert answer.status_code == 200
        assert f"Plan {draft.id} by policy Default" in answer.text

    @pytest.mark.parametrize("part", ["", "/assignments", "/planned", "/score", "/publish"])
    def test_a_plan_of_another_site_is_not_found(self, sign_in: SignIn, make: Make, draft: Plan, part: str) -> None:
        elsewhere = make.person(roles=[Role.SCHEDULER], serves=[make.site()], is_agent=False)

        assert sign_in(elsewhere).get(f"/plans/{draft.id}{part}").status_code == 404

    def test_the_timeline_draws_every_assignment(self, scheduler: FlaskClient, draft: Plan, day: Day) -> None:
        page = scheduler.get(f"/plans/{draft.id}").text

        assert page.count('data-work="') == 3
        assert "Billing mail, easy-0" in page

    def test_the_list_can_be_narrowed(self, scheduler: FlaskClient, draft: Plan, day: Day) -> None:
        base = f"/plans/{draft.id}/assignments"

        assert "easy-1" not in scheduler.get(f"{base}?q=easy-2").text
        assert "easy-2" in scheduler.get(f"{base}?q=easy-2&channel=email&stance=reactive&response=none").text
        assert "Nothing matches" in scheduler.get(f"{base}?response=declined").text
        for sort in ("agent", "-value", "nonsense"):
            assert scheduler.get(f"{base}?sort={sort}&type={day.mail.id}").status_code == 200

    @pytest.mark.parametrize(
        ("part", "holds"), [("assignments", "easy-0"), ("unassigned", "no_skill"), ("declines", "reason")]
    )
    def test_lists_are_there_as_csv(self, scheduler: FlaskClient, draft: Plan, part: str, holds: str) -> None:
        answer = scheduler.get(f"/plans/{draft.id}/{part}?format=csv")

        assert answer.mimetype == "text/csv"
        assert holds in answer.text

    def test_what_is_left_out_is_explained(self, scheduler: FlaskClient, draft: Plan) -> None:
        page = scheduler.get(f"/plans/{draft.id}/unassigned?cause=no_skill").text

        assert "Nobody has Router at level 5." in page

    def test_figures_answer(self, scheduler: FlaskClient, draft: Plan) -> None:
        assert scheduler.get(f"/plans/{draft.id}/planned").mimetype == "image/svg+xml"
        assert scheduler.get(f"/plans/{draft.id}/score-figure").status_code == 404

    def test_the_score_is_drawn_once_contacts_are_known(
        self, sign_in: SignIn, make: Make, day: Day, draft: Plan
    ) -> None:
        make.contact(day.calls, AT_NINE, 10)
        client = sign_in(day.scheduler)

        assert "Real work that found minutes kept for it" in client.get(f"/plans/{draft.id}/score").text
        assert client.get(f"/plans/{draft.id}/score-figure").mimetype == "image/svg+xml"

    def test_an_assignment_says_why_and_why_not(
        self, scheduler: FlaskClient, session: Session, draft: Plan, day: Day
    ) -> None:
        chosen = first_of(session, draft)
        other = day.ada if chosen.person_id == day.ben.id else day.ben
        address = f"/plans/{draft.id}/assignments/{chosen.id}"

        assert f"Why {chosen.person.name}" in scheduler.get(address).text
        assert "points" in scheduler.get(f"{address}?person={other.id}").text
        assert scheduler.get(f"{address}?person=999999").status_code == 404
        assert scheduler.get(f"/plans/{draft.id}/assignments/999999").status_code == 404

    def test_two_plans_side_by_side(
        self, sign_in: SignIn, session: Session, make: Make, day: Day, draft: Plan, solve_day: Callable[..., Plan]
    ) -> None:
        by = make.actor(day.scheduler)
        publish.publish_plan(session, draft, today=TODAY, by=by)
        declined = first_of(session, draft)
        agent_day.respond(
            session, declined, response=Response.DECLINED, reason="Dentist", by=make.actor(declined.person)
        )
        second = solve_day()
        client = sign_in(day.scheduler)

        assert "Other agent" in client.get(f"/plans/{second.id}/compare").text
        assert declined.engagement.external_id in client.get(f"/plans/{second.id}/compare?format=csv").text
        assert "Dentist" in client.get(f"/plans/{draft.id}/declines").text
        assert client.get(f"/plans/{second.id}/compare?other=999999").status_code == 404


class TestChanges:
    def test_pin_unpin_and_undo(self, scheduler: FlaskClient, database: Database, draft: Plan) -> None:
        chosen = first_in(database, draft)
        address = f"/plans/{draft.id}/assignments/{chosen.id}"

        assert scheduler.post(f"{address}/pin", data={"reason": "Known"}).location == address
        with database.reading() as reading:
            pin = reading.scalars(select(Pin)).one()
        assert "Known" in scheduler.get(DAY).text
        assert scheduler.post(f"/plans/pins/{pin.id}/remove", data={"next": DAY}).location == DAY
        assert scheduler.post(f"/plans/pins/{pin.id}/remove").status_code == 409
        assert scheduler.post(f"/plans/pins/{pin.id}/restore").status_code == 302
        with database.reading() as reading:
            assert len(reading.scalars(select(Pin)).all()) == 2
        assert scheduler.post("/plans/pins/999999/remove").status_code == 404

    def test_a_pin_without_a_reason_comes_back(self, scheduler: FlaskClient, database: Database, draft: Plan) -> None:
        chosen = first_in(database, draft)

        answer = scheduler.post(f"/plans/{draft.id}/assignments/{chosen.id}/pin", data={"reason": " "})

        assert answer.status_code == 422
        assert "Say why" in answer.text

    def test_where_to_go_after_unpinning_stays_inside(
        self, scheduler: FlaskClient, database: Database, draft: Plan
    ) -> None:
        chosen = first_in(database, draft)
        scheduler.post(f"/plans/{draft.id}/assignments/{chosen.id}/pin", data={"reason": "Known"})
        with database.reading() as reading:
            pin = reading.scalars(select(Pin)).one()

        answer = scheduler.post(f"/plans/pins/{pin.id}/remove", data={"next": "https://evil.test/plans"})

        assert answer.location.startswith("/plans?site=")

    def test_a_move_is_checked_made_and_undone(
        self, scheduler: FlaskClient, database: Database, draft: Plan, day: Day
    ) -> None:
        chosen = first_in(database, draft)
        base = f"/plans/{draft.id}/engagements/{chosen.engagement_id}"

        check = scheduler.get(f"{base}/check?person={day.ada.id}&start=6").json
        assert check is not None
        assert check["allowed"]
        assert check["value_after"] < check["value_before"]
        assert "Possible" in scheduler.get(f"{base}/move?person={day.ada.id}&start=6").text
        answer = scheduler.post(f"{base}/move", data={"person_id": day.ada.id, "start": 6})
        assert answer.location == f"/plans/{draft.id}#engagement-{chosen.engagement_id}"
        with database.reading() as reading:
            moved = reading.get_one(Plan, draft.id)
            assert first_with(reading, moved, chosen.engagement_id).person_id == day.ada.id
        back = scheduler.post(f"{base}/undo-move")
        assert back.status_code == 302
        with database.reading() as reading:
            assert first_with(reading, reading.get_one(Plan, draft.id), chosen.engagement_id).person_id == day.ben.id

    def test_a_move_against_the_rules_comes_back(self, scheduler: FlaskClient, draft: Plan, day: Day) -> None:
        base = f"/plans/{draft.id}/engagements/{day.hard.id}"

        answer = scheduler.post(f"{base}/move", data={"person_id": day.ben.id, "start": 0})

        assert answer.status_code == 422
        assert "needs Router at level 5" in answer.text
        assert scheduler.post(f"{base}/move", data={"person_id": 999999, "start": 0}).status_code == 422
        assert scheduler.get(f"{base}/check?person=999999&start=0").status_code == 404
        assert scheduler.get(f"/plans/{draft.id}/engagements/999999/move").status_code == 404

    def test_a_move_that_pins_needs_a_reason(
        self, scheduler: FlaskClient, database: Database, draft: Plan, day: Day
    ) -> None:
        chosen = first_in(database, draft)
        fields = {"person_id": day.ben.id, "start": 5, "pin": "y", "reason": ""}

        answer = scheduler.post(f"/plans/{draft.id}/engagements/{chosen.engagement_id}/move", data=fields)

        assert answer.status_code == 422

    def test_a_lead_changes_nothing(self, sign_in: SignIn, make: Make, database: Database, draft: Plan) -> None:
        lead = make.person(roles=[Role.LEAD], leads=[make.team()], is_agent=False)
        client = sign_in(lead)
        chosen = first_in(database, draft)

        assert client.post(f"/plans/{draft.id}/assignments/{chosen.id}/pin", data={"reason": "x"}).status_code == 403
        assert client.post(f"/plans/{draft.id}/publish").status_code == 403


def first_with(session: Session, plan: Plan, engagement_id: int) -> Assignment:
    """Return the assignment of an engagement in a plan."""
    return next(each for each in plans.list_assignments(session, plan) if each.engagement_id == engagement_id)


class TestPublish:
    def test_a_plan_is_published(self, scheduler: FlaskClient, database: Database, draft: Plan) -> None:
        answer = scheduler.post(f"/plans/{draft.id}/publish")

        assert answer.location == f"/plans/{draft.id}"
        with database.reading() as session:
            assert session.get_one(Plan, draft.id).state is PlanState.PUBLISHED
        assert "Published by Sam" in scheduler.get(f"/plans/{draft.id}").text
        assert scheduler.get(f"/plans/{draft.id}/publish").status_code == 409

    def test_changed_inputs_are_shown_and_confirmed(
        self, sign_in: SignIn, make: Make, database: Database, day: Day, draft: Plan
    ) -> None:
        make.engagement(day.mail, external_id="late", earliest_at=AT_NINE, due_at=AT_NINE + dt.timedelta(hours=2))
        client = sign_in(day.scheduler)
        address = f"/plans/{draft.id}/publish"

        page = client.get(address).text
        digest = page.split('name="seen_digest"')[1].split('value="')[1].split('"')[0]
        without = client.post(address, data={"seen_digest": digest})
        confirmed = client.post(address, data={"seen_digest": digest, "confirmed": "y"})

        assert "is new and not in this plan" in page
        assert without.status_code == 409
        assert confirmed.location == f"/plans/{draft.id}"
        with database.reading() as session:
            assert session.get_one(Plan, draft.id).state is PlanState.PUBLISHED

    def test_discard_and_bring_back(self, scheduler: FlaskClient, draft: Plan) -> None:
        assert scheduler.post(f"/plans/{draft.id}/discard").status_code == 302
        assert "Bring back" in scheduler.get(f"/plans/{draft.id}").text
        assert scheduler.post(f"/plans/{draft.id}/restore").location == f"/plans/{draft.id}"
        assert scheduler.post(f"/plans/{draft.id}/restore").status_code == 409


def test_runs_of_the_console_have_no_person(sign_in: SignIn, session: Session, day: Day, draft: Plan) -> None:
    session.get_one(PlanRun, draft.run_id).created_by_id = None

    assert "Console" in sign_in(day.scheduler).get(DAY).text
