"""My day: what an agent sees of the published plan, and what they may do with it."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import event, select

from tests.factories import NOW, TODAY
from tests.factories.plans import assign, draft_plan, publish, reserve
from webapp.models import (
    AbsenceKind,
    AssignmentResponse,
    AuditEvent,
    Channel,
    Engagement,
    EngagementState,
    Interest,
    Notice,
    Person,
    Response,
    Role,
    SkillRecord,
)
from webapp.services import own_day

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def scheduler(make):
    return make.person(roles=[Role.SCHEDULER])


@pytest.fixture
def skill(make):
    return make.skill(name="Billing")


@pytest.fixture
def agent(make, skill):
    person = make.person(name="Ada")
    make.record(person, skill, 3)
    make.shift(person, starts_at=NOW - HOUR, breaks=[(NOW + 2 * HOUR, NOW + 2.5 * HOUR)])
    return person


@pytest.fixture
def work(make, agent, skill, scheduler):
    """Three pieces of planned work of the agent, and an hour kept for calls."""
    kind = make.engagement_type(name="Refund", requires={skill: 2})
    plan = draft_plan(make)
    pieces = [
        assign(
            make,
            plan,
            make.engagement(kind, external_id=f"C-{number}", customer_key=f"K-{number}", state=EngagementState.PLANNED),
            agent,
            starts_at=NOW + number * HOUR,
            why=[f"It uses your Billing, reason {number}."],
        )
        for number in (1, 2, 3)
    ]
    call = make.engagement_type(name="Parcel call", channel=Channel.VOICE)
    for half in (0, 1):
        reserve(make, plan, call, agent, NOW + half * HOUR / 2, 20)
    publish(make, plan, by=scheduler)
    return pieces


@pytest.fixture
def stored(database):
    """Return what the database holds now, by sessions of their own: an open one would keep requests from writing."""
    return Stored(database)


class Stored:
    def __init__(self, database):
        self.database = database

    def answer(self, assignment):
        with self.database.reading() as session:
            of_assignment = AssignmentResponse.assignment_id == assignment.id
            found = session.scalar(select(AssignmentResponse).where(of_assignment))
            return (found.response, found.reason) if found else (None, "")

    def state(self, assignment):
        with self.database.reading() as session:
            return session.scalar(select(Engagement.state).where(Engagement.id == assignment.engagement_id))

    def order(self, agent):
        with self.database.reading() as session:
            person = session.get(Person, agent.id)
            return [each.assignment.id for each in own_day.own_day(session, person, TODAY).agenda.work]

    def all(self, query):
        with self.database.reading() as session:
            return session.scalars(query).all()


def test_the_day_shows_work_with_its_reason_and_the_fixed_times(sign_in, agent, work):
    page = sign_in(agent).get("/day").text

    for words in ("Refund", "K-1", "reason 1", "Why me?", "planned about 11:00", "Kept for Parcel call", "40 min"):
        assert words in page
    assert "Shift" in page
    assert "Break" in page
    assert "Rather not" in page
    assert page.index("K-1") < page.index("K-2") < page.index("K-3")


def test_a_day_of_many_kinds_of_work_asks_the_database_no_more_often(sign_in, database, make, agent, skill):
    plan = draft_plan(make)
    for number in (1, 2, 3, 4):
        kind = make.engagement_type(name=f"Kind {number}", requires={skill: 2, make.skill(name=f"Skill {number}"): 1})
        for _ in range(2):
            assign(make, plan, make.engagement(kind, state=EngagementState.PLANNED), agent, starts_at=NOW)
    publish(make, plan)
    client, asked = sign_in(agent), []
    event.listen(database.engine, "before_cursor_execute", lambda *heard: asked.append(heard[2]))

    page = client.get("/day").text

    assert page.count("More or less of this work?") == 8
    assert page.count("Skill 3 ") == 2
    assert sum("FROM type_requirement" in each for each in asked) == 1
    assert not any("FROM skill " in each for each in asked)


def test_a_day_without_a_published_plan_says_so(sign_in, make, agent):
    client = sign_in(agent)

    assert "No plan is published for this day" in client.get("/day").text
    assert "You have no shift on this day" in client.get("/day?day=2026-11-25").text


def test_a_draft_is_not_an_agents_to_see(sign_in, make, agent):
    assign(make, draft_plan(make), make.engagement(customer_key="SECRET"), agent)

    assert "SECRET" not in sign_in(agent).get("/day").text


def test_a_published_plan_may_hold_nothing_or_live_contacts_alone(sign_in, make, agent):
    publish(make, draft_plan(make))
    other = draft_plan(make, day_on=TODAY + dt.timedelta(days=1))
    reserve(make, other, make.engagement_type(channel=Channel.CHAT), agent, NOW + 24 * HOUR, 20)
    publish(make, other)
    client = sign_in(agent)

    assert "holds no work for you" in client.get("/day").text
    assert "keeps your time for live contacts" in client.get("/day?day=2026-11-24").text


def test_an_absence_stands_in_the_own_day_and_week(sign_in, make, agent):
    make.absence(agent, NOW - 9 * HOUR, NOW + 15 * HOUR, kind=AbsenceKind.TRAINING)

    page = sign_in(agent).get("/day").text

    assert "Training" in page
    assert "away" in page


def test_a_wrong_day_in_the_address_means_today(sign_in, agent):
    assert "Today, Mon 23 Nov 2026" in sign_in(agent).get("/day?day=2026-02-30").text


def test_the_days_work_comes_as_csv(sign_in, agent, work):
    answer = sign_in(agent).get("/day?format=csv")

    assert answer.mimetype == "text/csv"
    assert "C-1,K-1,Refund,email,reactive" in answer.text


def test_accepting_reaches_the_engagement_and_can_be_taken_back(sign_in, make, agent, work, stored):
    client = sign_in(agent)

    accepted = client.post(f"/day/assignments/{work[0].id}/accept")

    assert accepted.status_code == 302
    assert stored.answer(work[0]) == (Response.ACCEPTED, "")
    assert stored.state(work[0]) is EngagementState.ACCEPTED
    page = client.get("/day").text
    assert f"/day/answers/{work[0].id}/withdraw" in page

    client.post(f"/day/answers/{work[0].id}/withdraw")

    assert stored.answer(work[0]) == (None, "")
    assert [stored.state(piece) for piece in work] == [
        EngagementState.OFFERED,
        EngagementState.PLANNED,
        EngagementState.PLANNED,
    ]


def test_declining_needs_a_reason_that_reaches_the_scheduler(sign_in, make, agent, work, scheduler, stored):
    client = sign_in(agent)

    refused = client.post(f"/day/assignments/{work[0].id}/decline", data={"reason": "  "})

    assert refused.status_code == 422
    assert "Say why, so that the scheduler can find a better match." in refused.text
    assert stored.answer(work[0]) == (None, "")

    client.post(f"/day/assignments/{work[0].id}/decline", data={"reason": "I know this customer privately"})

    assert stored.answer(work[0]) == (Response.DECLINED, "I know this customer privately")
    assert stored.state(work[0]) is EngagementState.RETURNED
    notice = stored.all(select(Notice))[0]
    assert notice.person_id == scheduler.id
    assert "I know this customer privately" in notice.text
    assert "You said" in client.get("/day").text


def test_a_reason_has_a_limit_and_is_kept_for_mending(sign_in, agent, work):
    answer = sign_in(agent).post(f"/day/assignments/{work[0].id}/decline", data={"reason": "x" * 301})

    assert answer.status_code == 422
    assert "under 300 characters" in answer.text
    assert "x" * 301 in answer.text


def test_all_that_waits_is_accepted_at_once(sign_in, make, agent, work, stored):
    client = sign_in(agent)
    client.post(f"/day/assignments/{work[1].id}/decline", data={"reason": "No time"})

    client.post("/day/2026-11-23/accept")

    assert [stored.answer(piece)[0] for piece in work] == [
        Response.ACCEPTED,
        Response.DECLINED,
        Response.ACCEPTED,
    ]
    assert client.post("/day/2026-11-23/accept").status_code == 404


def test_work_is_moved_by_one_place_and_put_back_as_planned(sign_in, make, agent, work, stored):
    client, ids = sign_in(agent), [piece.id for piece in work]
    order = ",".join(map(str, ids))

    client.post("/day/2026-11-23/order", data={"order": order, "move": ids[2], "direction": "earlier"})
    assert stored.order(agent) == [ids[0], ids[2], ids[1]]
    assert "As planned" in client.get("/day").text

    moved = ",".join(map(str, [ids[0], ids[2], ids[1]]))
    answer = client.post("/day/2026-11-23/order", data={"order": moved, "move": ids[0], "direction": "later"})
    assert stored.order(agent) == [ids[2], ids[0], ids[1]]
    assert "autofocus" in client.get(answer.location).text

    client.post("/day/2026-11-23/order", data={"order": order})
    assert stored.order(agent) == ids
    assert "As planned" not in client.get("/day").text


def test_an_order_from_before_a_new_plan_is_refused(sign_in, make, agent, work):
    answer = sign_in(agent).post("/day/2026-11-23/order", data={"order": f"{work[0].id}"})

    assert answer.status_code == 409
    assert "Your day has changed" in answer.text


@pytest.mark.parametrize("order", ["", "1,x", "-1"])
def test_an_order_that_is_none_is_not_found(sign_in, agent, work, order):
    assert sign_in(agent).post("/day/2026-11-23/order", data={"order": order}).status_code == 404


def test_an_agent_says_rather_not_beside_want(sign_in, make, agent, work, skill, stored):
    client = sign_in(agent)

    client.post(f"/day/2026-11-23/skills/{skill.id}/rather_not")

    assert stored.all(select(SkillRecord.interest)) == [Interest.RATHER_NOT]
    page = client.get(f"/day?wish={skill.id}").text
    assert "You would rather not have Billing" in page
    assert f"/day/2026-11-23/skills/{skill.id}/none" in page


def test_a_wish_for_a_skill_without_a_record_begins_one(sign_in, make, agent, stored):
    other = make.skill(name="Spanish")

    sign_in(agent).post(f"/day/2026-11-23/skills/{other.id}/grow")

    found = select(SkillRecord.interest).where(SkillRecord.skill_id == other.id)
    assert stored.all(found) == [Interest.GROW]


@pytest.mark.parametrize("address", ["/day/2026-11-23/skills/1/adore", "/day/never/skills/1/grow", "/day/never/order"])
def test_what_is_no_wish_or_no_day_is_not_found(sign_in, agent, address):
    assert sign_in(agent).post(address, data={"order": "1"}).status_code == 404


def test_another_agents_work_is_not_found(sign_in, make, work):
    client = sign_in(make.person(name="Bob"))

    for address in (f"work/{work[0].id}/accept", f"work/{work[0].id}/decline", f"answers/{work[0].id}/withdraw"):
        assert client.post(f"/day/{address}", data={"reason": "x"}).status_code == 404
    assert "K-1" not in client.get("/day").text


def test_work_of_a_draft_is_not_found(sign_in, make, agent):
    assignment = assign(make, draft_plan(make), make.engagement(), agent)

    assert sign_in(agent).post(f"/day/assignments/{assignment.id}/accept").status_code == 404


def test_ended_work_shows_its_state_and_takes_no_answer(sign_in, make, agent, work):
    work[0].engagement.state = EngagementState.CANCELLED
    client = sign_in(agent)

    page = client.get("/day").text

    assert "Cancelled" in page
    assert f"/day/assignments/{work[0].id}/accept" not in page
    assert client.post(f"/day/assignments/{work[0].id}/accept").status_code == 409


def test_whoever_is_no_agent_has_no_day(sign_in, scheduler):
    assert sign_in(scheduler).get("/day").status_code == 403


def test_nobody_reads_a_day_without_signing_in(client):
    assert client.get("/day").status_code == 302
    assert client.post("/day/assignments/1/accept").status_code == 401


def test_each_answer_is_audited_for_the_agent(sign_in, make, agent, work, stored):
    client = sign_in(agent)
    client.post(f"/day/assignments/{work[0].id}/accept")
    client.post("/day/2026-11-23/order", data={"order": ",".join(str(piece.id) for piece in reversed(work))})

    events = stored.all(select(AuditEvent).where(AuditEvent.person_id == agent.id).order_by(AuditEvent.id))

    assert [(event.action, event.actor_id) for event in events] == [
        ("accept_assignment", agent.id),
        ("reorder_day", agent.id),
    ]


def test_moving_past_an_end_or_something_else_changes_nothing():
    assert own_day.moved([1, 2, 3], 1, earlier=True) == [1, 2, 3]
    assert own_day.moved([1, 2, 3], 3, earlier=False) == [1, 2, 3]
    assert own_day.moved([1, 2, 3], 9, earlier=False) == [1, 2, 3]
    assert own_day.moved([1, 2, 3], 1, earlier=False) == [2, 1, 3]
