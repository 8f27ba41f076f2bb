"""An agent's calendar reads their day by a secret link, right over every change of the clocks."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

from config import Config
from tests.factories import NOW, TODAY
from webapp import create_app
from webapp.models import Assignment, CalendarFeed, Plan, PlanRun, PlanState, Policy
from webapp.services import calendar_feeds
from webapp.services.calendar_feeds import Entry

ZONES = (
    "Europe/Berlin",
    "Europe/Lisbon",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Africa/Casablanca",
    "Asia/Kolkata",
    "Asia/Tehran",
    "Pacific/Chatham",
    "Pacific/Auckland",
)


def _changes(zone):
    """Return the moments at which a zone's clocks are put on or back from 2026 to 2028."""
    at, end = dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2029, 1, 1, tzinfo=dt.UTC)
    while at < end:
        later = at + dt.timedelta(hours=1)
        if at.astimezone(zone).utcoffset() != later.astimezone(zone).utcoffset():
            yield later
        at = later


@pytest.mark.parametrize("name", ZONES)
def test_nights_over_every_change_of_the_clocks_are_the_moments_that_they_are(name):
    moments = list(_changes(ZoneInfo(name))) or [NOW]
    entries = [
        Entry(f"shift-{number}", 0, at - dt.timedelta(hours=3), at + dt.timedelta(hours=5), "Shift", NOW)
        for number, at in enumerate(moments)
    ]

    read = Calendar.from_ical(calendar_feeds.write_calendar(entries, zone=name, host="x"))

    told = [(event.decoded("dtstart"), event.decoded("dtend")) for event in read.walk("VEVENT")]
    assert told == [(entry.starts_at, entry.ends_at) for entry in entries]
    assert all(start.utcoffset() == dt.timedelta(0) for start, _ in told)


@pytest.fixture
def agent(make):
    return make.person(name="CANARY-name")


@pytest.fixture
def link(agent, sign_in):
    """Return the agent's client, and the path of the link that they made."""
    client = sign_in(agent)
    page = client.post("/calendar", follow_redirects=True).text
    return client, page.split('value="http://localhost', 1)[1].split('"', 1)[0]


def _events(answer):
    return {str(event["UID"]): event for event in Calendar.from_ical(answer.data).walk("VEVENT")}


def test_shifts_and_absences_are_told_to_whoever_has_the_link(app, agent, make, link):
    shift = make.shift(agent)
    absence = make.absence(agent, NOW + dt.timedelta(days=2), NOW + dt.timedelta(days=3))
    make.commit()

    answer = app.test_client().get(link[1])

    events = _events(answer)
    assert answer.mimetype == "text/calendar"
    assert events[f"shift-{shift.id}@mainstay"].decoded("dtstart") == shift.starts_at
    assert str(events[f"absence-{absence.id}@mainstay"]["SUMMARY"]) == "Away"
    assert "CANARY" not in answer.text


def test_planned_work_is_told_without_customers_and_cancelled_when_a_newer_plan_takes_it_away(app, agent, make, link):
    engagement = make.engagement(make.engagement_type(), customer_key="CANARY-key", subject="CANARY-words")
    policy = Policy(code="p", number=1, name="P", settings={}, created_at=NOW)
    make.session.add(policy)
    make.session.flush()
    first = _plan(make, policy)
    make.session.add(
        Assignment(
            plan_id=first.id,
            engagement_id=engagement.id,
            person_id=agent.id,
            starts_at=NOW,
            minutes=30,
            value=1,
            terms={},
        )
    )
    make.session.flush()
    first.state = PlanState.PUBLISHED
    make.commit()
    client, uid = app.test_client(), f"work-{TODAY:%Y%m%d}-{engagement.id}-{agent.id}@mainstay"

    answer = client.get(link[1])
    told = _events(answer)[uid]
    assert (str(told["STATUS"]), int(told["SEQUENCE"])) == ("CONFIRMED", 0)
    assert engagement.external_id in str(told["SUMMARY"])
    assert "CANARY" not in answer.text

    first.state = PlanState.SUPERSEDED
    make.session.flush()
    _plan(make, policy).state = PlanState.PUBLISHED
    make.commit()
    gone = _events(client.get(link[1]))[uid]
    assert (str(gone["STATUS"]), int(gone["SEQUENCE"])) == ("CANCELLED", 1)


def _plan(make, policy):
    run = PlanRun(
        site_id=make.home.id,
        day_on=TODAY,
        starts_at=NOW,
        interval_minutes=30,
        intervals=4,
        policy_id=policy.id,
        time_limit_seconds=5.0,
        gap_target=0.01,
        created_at=NOW,
    )
    make.session.add(run)
    make.session.flush()
    plan = Plan(run_id=run.id, site_id=make.home.id, day_on=TODAY, objective=1.0, terms={}, prices={}, created_at=NOW)
    make.session.add(plan)
    make.session.flush()
    return plan


def test_what_has_not_changed_is_not_sent_again(app, agent, make, link):
    make.shift(agent)
    make.commit()
    client = app.test_client()

    first = client.get(link[1])
    again = client.get(link[1], headers={"If-None-Match": first.headers["ETag"]})

    assert (first.status_code, again.status_code, again.data) == (200, 304, b"")
    make.shift(agent, starts_at=NOW + dt.timedelta(days=1))
    make.commit()
    assert client.get(link[1], headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_nobody_guesses_for_long(database, clock):
    config = Config(environment="development", executor="none", database_url=str(database.url))
    client = create_app(config, database=database, clock=clock, start_jobs=False).test_client()

    answers = [client.get(f"/calendar/guess-{number}.ics").status_code for number in range(70)]

    assert answers[:60] == [404] * 60
    assert set(answers[60:]) == {429}


def test_a_link_dies_by_being_revoked_renewed_or_its_persons_leaving(app, agent, make, link, database):
    mine, path = link
    stranger = app.test_client()
    assert stranger.get(path).status_code == 200
    with database.reading() as session:
        feed = session.query(CalendarFeed).one()
        assert feed.fetched_at == NOW
        assert path.split("/")[-1].removesuffix(".ics") not in feed.token_digest

    renewed = mine.post("/calendar", follow_redirects=True).text.split('value="http://localhost', 1)[1].split('"', 1)[0]
    assert stranger.get(path).status_code == 404
    assert stranger.get(renewed).status_code == 200
    agent.active = False
    make.commit()
    assert stranger.get(renewed).status_code == 404
    agent.active = True
    make.commit()
    mine.post("/calendar/revoke")
    assert stranger.get(renewed).status_code == 404
    assert stranger.get("/calendar/guess.ics").status_code == 404
