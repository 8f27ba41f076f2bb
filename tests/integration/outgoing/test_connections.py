"""Other systems are made to say what Mainstay says: only differences, again after failures, nothing twice in effect."""

from __future__ import annotations

import base64
import datetime as dt
import json
from urllib.parse import parse_qs

import pytest
from sqlalchemy import select

from tests.factories import NOW, TODAY
from tests.factories.receiver import Reply
from tests.integration.outgoing.conftest import BOX, GATE
from webapp.errors import ConflictError, InvalidInputError
from webapp.jobs.keeper import Keeper
from webapp.models import (
    Assignment,
    Connection,
    ConnectionPreset,
    ConnectionWrite,
    Job,
    JobState,
    PersonKey,
    Plan,
    PlanRun,
    PlanState,
    Policy,
    Role,
    SkillEvent,
    SkillEventKind,
    WriteKind,
    WriteState,
)
from webapp.services import outbox, records, reviews
from webapp.services.access import get_viewer
from webapp.services.audit import Actor
from webapp.services.connections import exchange, forgotten, keeping, presets, wanting
from webapp.services.connections.keeping import ConnectionDraft
from webapp.services.connections.presets import Access, Change
from webapp.services.secrets import SecretBox

SYSTEM = Actor(person_id=None, at=NOW, channel="cli")
SECRETS = {"user": "api@example.test", "token": "CANARY-token", "client_id": "me", "client_secret": "CANARY-secret"}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(presets.Zendesk, "poll_seconds", 0.0)


@pytest.fixture
def connect(make, receiver):
    """Return a function that enters a live connection of the home site to the receiver."""

    def _connect(preset, **values):
        draft = ConnectionDraft(
            **{
                "name": "There",
                "preset": preset,
                "site_id": make.home.id,
                "base_url": receiver.url,
                "account": receiver.url,
                "secrets": SECRETS,
                "shadow": False,
                "writes_assignees": WriteKind.ASSIGNEE in presets.PRESETS[preset].writes,
                "writes_levels": WriteKind.LEVELS in presets.PRESETS[preset].writes,
                **values,
            }
        )
        return keeping.create_connection(make.session, draft, gate=GATE, box=BOX, by=SYSTEM)

    return _connect


@pytest.fixture
def publish(make):
    """Return a function that makes a live plan of {engagement: person}, as publishing leaves it behind."""
    policy = Policy(code="p", number=1, name="P", settings={}, created_at=NOW)
    make.session.add(policy)
    make.session.flush()

    def _publish(placed):
        session = make.session
        before = session.scalar(select(Plan).where(Plan.state == PlanState.PUBLISHED))
        if before is not None:
            before.state = PlanState.SUPERSEDED
            session.flush()
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
        session.add(run)
        session.flush()
        plan = Plan(
            run_id=run.id, site_id=make.home.id, day_on=TODAY, objective=1.0, terms={}, prices={}, created_at=NOW
        )
        session.add(plan)
        session.flush()
        for engagement, person in placed.items():
            session.add(
                Assignment(
                    plan_id=plan.id,
                    engagement_id=engagement.id,
                    person_id=person.id,
                    starts_at=NOW,
                    minutes=10,
                    value=1,
                    terms={},
                )
            )
        session.flush()
        plan.state = PlanState.PUBLISHED
        outbox.emit_published(session, plan, before, at=NOW)
        make.commit()
        return plan

    return _publish


def _writes(database):
    with database.reading() as session:
        return session.scalars(select(ConnectionWrite).order_by(ConnectionWrite.id)).all()


def zendesk(refused=()):
    """Answer as the documentation says: a job that is queued, then completed with a result for each ticket."""
    asked = {}

    def answer(received):
        if received.method == "PUT":
            asked["tickets"] = received.json["tickets"]
            return Reply(body=json.dumps({"job_status": {"id": "job1", "status": "queued"}}).encode())
        results = [
            {"id": each["id"], "error": "TicketNotFound"}
            if each["id"] in refused
            else {"id": each["id"], "success": True, "status": "Updated"}
            for each in asked["tickets"]
        ]
        return Reply(
            body=json.dumps({"job_status": {"id": "job1", "status": "completed", "results": results}}).encode()
        )

    return answer


class TestAssignees:
    def test_publishing_writes_the_assignees_and_publishing_again_only_what_differs(
        self, database, make, connect, publish, receiver, work
    ):
        kind, (ada, ben) = make.engagement_type(), (make.person(), make.person())
        one, two = (make.engagement(kind, external_id=code) for code in ("101", "102"))
        connect(ConnectionPreset.ZENDESK, person_ids=f"{ada.external_id} = 9001\n{ben.external_id} = 9002")
        receiver.answer = zendesk()

        publish({one: ada, two: ben})
        work()
        publish({one: ada, two: ada})
        work()
        publish({one: ada, two: ada})
        work()

        puts = [received for received in receiver.requests if received.method == "PUT"]
        assert [received.path for received in puts] == ["/api/v2/tickets/update_many.json"] * 2
        assert puts[0].json["tickets"] == [{"id": 101, "assignee_id": 9001}, {"id": 102, "assignee_id": 9002}]
        assert puts[1].json["tickets"] == [{"id": 102, "assignee_id": 9001}]
        signed = base64.b64decode(puts[0].headers["authorization"].removeprefix("Basic ")).decode()
        assert signed == "api@example.test/token:CANARY-token"
        assert {row.state for row in _writes(database)} == {WriteState.WRITTEN}

    def test_a_part_that_is_refused_is_listed_and_the_rest_is_written(
        self, database, make, connect, publish, receiver, work
    ):
        kind, ada = make.engagement_type(), make.person(external_id="9001")
        placed = {make.engagement(kind, external_id=code): ada for code in ("101", "102", "103")}
        connect(ConnectionPreset.ZENDESK)
        receiver.answer = zendesk(refused={102})

        publish(placed)
        work()

        assert [(row.target, row.state) for row in _writes(database)] == [
            ("101", WriteState.WRITTEN),
            ("102", WriteState.REFUSED),
            ("103", WriteState.WRITTEN),
        ]
        assert "TicketNotFound" in _writes(database)[1].error

    def test_what_no_plan_holds_any_more_is_let_go(self, database, make, connect, publish, receiver, work):
        kind, ada = make.engagement_type(), make.person(external_id="9001")
        one, two = (make.engagement(kind, external_id=code) for code in ("101", "102"))
        connect(ConnectionPreset.FRESHDESK)

        publish({one: ada, two: ada})
        work()
        publish({one: ada})
        work()

        assert (receiver.requests[-1].path, receiver.requests[-1].json) == (
            "/api/v2/tickets/102",
            {"responder_id": None},
        )

    def test_a_helpdesk_may_ask_to_wait_and_then_takes_the_rest(  # noqa: PLR0917 - each is a fixture
        self, database, make, connect, publish, receiver, work, moving_clock
    ):
        kind, ada = make.engagement_type(), make.person(external_id="9001")
        connect(ConnectionPreset.FRESHDESK)
        receiver.answer = lambda _: (
            Reply(200) if len(receiver.requests) < 3 else Reply(429, headers={"Retry-After": "600"})
        )

        publish({make.engagement(kind, external_id=str(number)): ada for number in range(6)})
        work()

        assert len(receiver.requests) == 3, "after 429 nobody is asked again"
        assert [row.state for row in _writes(database)].count(WriteState.WRITTEN) == 2
        receiver.answer = lambda _: Reply(200)
        moving_clock.pass_by(minutes=9)
        work()
        assert len(receiver.requests) == 3, "not before the time that it asked for"
        moving_clock.pass_by(minutes=2)
        work()
        assert {row.state for row in _writes(database)} == {WriteState.WRITTEN}
        assert len({received.path for received in receiver.requests}) == 6

    @pytest.mark.parametrize(
        ("status", "state"),
        [(404, WriteState.REFUSED), (422, WriteState.REFUSED), (500, WriteState.WAITING), (401, WriteState.WAITING)],
    )
    def test_what_cannot_pass_is_refused_and_what_may_is_tried_again(  # noqa: PLR0917 - each is a fixture
        self, database, make, connect, publish, receiver, work, status, state
    ):
        connect(ConnectionPreset.FRESHDESK)
        receiver.answer = lambda _: Reply(status)

        publish({make.engagement(make.engagement_type(), external_id="1"): make.person()})
        work()

        (row,) = _writes(database)
        assert (row.state, row.status, row.attempts) == (state, status, 1)
        assert row.error

    def test_silence_is_tried_again_until_it_is_given_up_and_by_hand_after_that(  # noqa: PLR0917 - each is a fixture
        self, database, make, connect, publish, receiver, work, moving_clock
    ):
        connection = connect(ConnectionPreset.FRESHDESK)
        receiver.answer = lambda _: Reply(hang_up=True)
        publish({make.engagement(make.engagement_type(), external_id="1"): make.person()})

        for _ in range(60):
            work()
            moving_clock.pass_by(hours=1)
        (row,) = _writes(database)
        assert (row.state, row.attempts) == (WriteState.DEAD, 8)

        receiver.answer = lambda _: Reply(200)
        with database.transaction() as session:
            again = Actor(person_id=None, at=moving_clock(), channel="page")
            assert keeping.try_again(session, session.get_one(Connection, connection.id), by=again) == 1
        work()
        assert _writes(database)[0].state is WriteState.WRITTEN

    def test_a_worker_that_dies_in_between_doubles_nothing_in_effect(  # noqa: PLR0917 - each is a fixture
        self, database, make, connect, publish, receiver, work, moving_clock
    ):
        """The helpdesk here keeps what it was last told, as a real one does."""
        there = {}

        def answer(received):
            there[received.path] = received.json["responder_id"]
            return Reply(200)

        connection, ada = connect(ConnectionPreset.FRESHDESK), make.person(external_id="9001")
        receiver.answer = answer
        publish({make.engagement(make.engagement_type(), external_id=str(key)): ada for key in range(3)})
        with database.transaction() as session:
            wanting.want_everything(session, session.get_one(Connection, connection.id), today=TODAY, at=NOW)
            batch = exchange.claim(session, connection.id, box=BOX, at=NOW)
        assert batch is not None
        exchange.send(batch, gate=GATE)
        # Killed here: all three were sent, none is noted.

        moving_clock.pass_by(minutes=6)
        work()
        work()

        assert there == {f"/api/v2/tickets/{key}": 9001 for key in range(3)}
        assert {row.state for row in _writes(database)} == {WriteState.WRITTEN}

    def test_in_shadow_nothing_is_sent_and_leaving_it_writes_what_was_recorded(
        self, database, make, connect, publish, receiver, work
    ):
        connection, ada = connect(ConnectionPreset.FRESHDESK, shadow=True), make.person(external_id="9001")
        publish({make.engagement(make.engagement_type(), external_id="5"): ada})
        work()

        assert receiver.requests == []
        with database.reading() as session:
            (request,) = exchange.try_out(session, session.get_one(Connection, connection.id))
        assert (request.method, request.path) == ("PUT", "/api/v2/tickets/5")
        assert b"CANARY" not in request.body
        with database.transaction() as session:
            shown = keeping.get_connection(session, connection.id)
            draft = ConnectionDraft(
                name="There",
                preset=shown.preset,
                site_id=shown.site_id,
                base_url=receiver.url,
                writes_assignees=True,
                shadow=False,
            )
            keeping.update_connection(session, shown, draft, gate=GATE, box=BOX, by=SYSTEM)
        work()
        assert len(receiver.requests) == 1

    def test_an_agent_without_an_id_there_is_listed_and_nothing_is_guessed(
        self, database, make, connect, publish, receiver, work
    ):
        connect(ConnectionPreset.FRESHDESK, people_by=PersonKey.EMAIL)
        agent = make.person()
        agent.email = None

        publish({make.engagement(make.engagement_type(), external_id="5"): agent})
        work()

        assert receiver.requests == []
        assert [(row.state, row.error) for row in _writes(database)] == [
            (WriteState.REFUSED, "No id of the other system is known for this agent.")
        ]


class TestLevels:
    @pytest.fixture
    def reviewed(self, make):
        """Return an agent, and a function by which their lead gives them a level in the skill ``billing``."""
        team = make.team()
        agent, lead = make.person(team=team, external_id="u-1"), make.person(roles=(Role.LEAD,), leads=[team])
        skill = make.skill(code="billing")

        def _review(level):
            reviews.review(
                make.session,
                agent,
                skill_id=skill.id,
                level=level,
                viewer=get_viewer(make.session, lead.id),
                by=make.actor(lead),
            )
            make.commit()

        return agent, _review

    def test_a_level_becomes_a_proficiency(self, database, connect, reviewed, receiver, work):
        _, review = reviewed
        connect(ConnectionPreset.GENESYS, skill_ids="billing = 7f3c")
        receiver.answer = lambda got: Reply(body=b'{"access_token": "abc"}' if "oauth" in got.path else b"[]")

        review(3)
        work()
        review(3)
        work()

        token, patch = receiver.requests
        assert (token.path, token.body) == ("/oauth/token", b"grant_type=client_credentials")
        assert (patch.method, patch.path) == ("PATCH", "/api/v2/users/u-1/routingskills/bulk")
        assert patch.headers["authorization"] == "Bearer abc"
        assert patch.json == [{"id": "7f3c", "proficiency": 3}]
        assert [row.state for row in _writes(database)] == [WriteState.WRITTEN]

    def test_a_workers_other_attributes_stay_and_nobody_is_written_over(
        self, database, connect, reviewed, receiver, work, moving_clock
    ):
        _, review = reviewed
        connect(ConnectionPreset.TWILIO, account="WS1", skill_ids="billing = billing")
        held = {"contact_uri": "client:ada", "routing": {"skills": ["sales"], "levels": {"sales": 9}}}
        answers = {"status": 412}

        def answer(received):
            if received.method == "GET":
                return Reply(body=json.dumps({"attributes": json.dumps(held)}).encode(), headers={"ETag": '"5"'})
            return Reply(answers["status"])

        receiver.answer = answer
        review(4)
        work()
        assert _writes(database)[0].state is WriteState.WAITING, "changed there meanwhile: read and write again"
        answers["status"] = 200
        moving_clock.pass_by(minutes=3)
        work()

        post = receiver.requests[-1]
        assert (post.path, post.headers["if-match"]) == ("/v1/Workspaces/WS1/Workers/u-1", '"5"')
        assert json.loads(parse_qs(post.body.decode())["Attributes"][0]) == {
            "contact_uri": "client:ada",
            "routing": {"skills": ["sales", "billing"], "levels": {"sales": 9, "billing": 4}},
        }
        assert _writes(database)[0].state is WriteState.WRITTEN

    def test_skills_that_the_connection_does_not_know_are_not_written(self, database, connect, reviewed, work):
        _, review = reviewed
        connect(ConnectionPreset.GENESYS, skill_ids="other = 1")

        review(3)
        work()

        assert _writes(database) == []

    def test_many_skills_of_a_user_go_in_parts_of_fifty(self):
        change = Change(1, WriteKind.LEVELS, "u/1", {"levels": {f"s{key}": 3 for key in range(120)}})

        requests = presets.Genesys().plan_changes([change], Access("https://a.example", "https://b.example", {}))

        assert [len(json.loads(request.body)) for request in requests] == [50, 50, 20]
        assert {request.path for request in requests} == {"/api/v2/users/u%2F1/routingskills/bulk"}

    def test_a_file_works_without_a_network(self, database, make, connect, reviewed, receiver, work):
        _, review = reviewed
        connection = connect(
            ConnectionPreset.CSV, base_url="", secrets={}, writes_assignees=False, skill_ids="billing = Billing"
        )

        review(2)
        work()

        (row,) = _writes(database)
        assert (row.state, row.target, row.wanted) == (WriteState.WAITING, "u-1", {"levels": {"Billing": 2}})
        with database.transaction() as session:
            shown = session.get_one(Connection, connection.id)
            assert keeping.take_over(session, shown, [row.id], by=SYSTEM) == 1
        assert receiver.requests == []
        assert _writes(database)[0].state is WriteState.WRITTEN


class TestKeeping:
    @pytest.mark.parametrize(
        ("field", "values"),
        [
            ("name", {"name": ""}),
            ("site_id", {"site_id": 0}),
            ("base_url", {"base_url": "https://192.168.0.1"}),
            ("writes_assignees", {"writes_assignees": False}),
            ("writes_assignees", {"writes_levels": True}),
            ("person_ids", {"person_ids": "no sign"}),
            ("person_ids", {"person_ids": "a = 1\na = 2"}),
            ("token", {"secrets": {}}),
        ],
    )
    def test_what_cannot_work_is_refused_beside_its_field(self, connect, field, values):
        with pytest.raises(InvalidInputError) as caught:
            connect(ConnectionPreset.FRESHDESK, **values)
        assert caught.value.field == field

    def test_secrets_are_encrypted_and_stay_when_left_empty(self, session, connect, receiver):
        connection = connect(ConnectionPreset.FRESHDESK)
        draft = ConnectionDraft(
            name="Other",
            preset=connection.preset,
            site_id=connection.site_id,
            base_url=receiver.url,
            writes_assignees=True,
        )

        keeping.update_connection(session, connection, draft, gate=GATE, box=BOX, by=SYSTEM)

        assert "CANARY" not in connection.credentials
        assert exchange.access_of(connection, BOX).credentials["token"] == "CANARY-token"

    @pytest.mark.parametrize(
        ("preset", "moved", "field"),
        [
            (ConnectionPreset.FRESHDESK, "base_url", "token"),
            (ConnectionPreset.GENESYS, "base_url", "client_id"),
            (ConnectionPreset.GENESYS, "account", "client_id"),
        ],
    )
    def test_secrets_are_sent_to_no_other_host_unless_entered_again(self, session, connect, preset, moved, field):
        connection = connect(preset)
        values = {
            "name": "Other",
            "preset": preset,
            "site_id": connection.site_id,
            "base_url": connection.base_url,
            "account": connection.account,
            "writes_assignees": connection.writes_assignees,
            "writes_levels": connection.writes_levels,
            moved: "https://elsewhere.example",
        }

        with pytest.raises(InvalidInputError) as caught:
            keeping.update_connection(session, connection, ConnectionDraft(**values), gate=GATE, box=BOX, by=SYSTEM)
        keeping.update_connection(
            session, connection, ConnectionDraft(**values, secrets=SECRETS), gate=GATE, box=BOX, by=SYSTEM
        )

        assert caught.value.field == field
        assert getattr(connection, moved) == "https://elsewhere.example"

    def test_only_a_file_is_taken_over_by_hand(self, session, connect):
        with pytest.raises(ConflictError):
            keeping.take_over(session, connect(ConnectionPreset.FRESHDESK), [], by=SYSTEM)


class TestDeadJobs:
    """What a job left that died for good is sent by another, or stands among what failed; it is never forgotten."""

    @pytest.fixture
    def wanted(self, make, connect, publish):
        """Let one write wait, and return its connection."""
        connection = connect(ConnectionPreset.FRESHDESK)
        publish({make.engagement(make.engagement_type(), external_id="1"): make.person(external_id="9001")})
        return connection

    def end_jobs(self, database, at):
        with database.transaction() as session:
            for job in session.scalars(select(Job).where(Job.state == JobState.QUEUED)):
                job.state, job.ended_at = JobState.DEAD, at

    def test_what_a_dead_job_left_is_taken_up_by_another(self, database, wanted, receiver, work, moving_clock):
        receiver.answer = lambda _: Reply(200)
        work(limit=1)
        self.end_jobs(database, moving_clock())
        keeper = Keeper(database, moving_clock, name="me", executor="worker", concurrency=1)
        assert keeper.wake_writes() == 0

        moving_clock.pass_by(minutes=10)
        woken = [keeper.wake_writes(), keeper.wake_writes()]
        moving_clock.pass_by(minutes=2)
        woken.append(keeper.wake_writes())
        work()

        assert woken == [1, 0, 0]
        assert [row.state for row in _writes(database)] == [WriteState.WRITTEN]
        assert len(receiver.requests) == 1

    @pytest.mark.parametrize("state", [JobState.RUNNING, JobState.QUEUED])
    def test_what_a_job_is_at_is_left_to_it(self, database, make, wanted, work, moving_clock, state):
        work(limit=1)
        with database.transaction() as session:
            job = session.scalars(select(Job).where(Job.kind == outbox.WRITE_JOB)).one()
            job.state, job.not_before = state, NOW
            moving_clock.pass_by(minutes=30)
            assert forgotten.list_forgotten(session, at=moving_clock()) == []

    def test_a_connection_in_shadow_or_off_has_nothing_to_be_taken_up(self, database, wanted, moving_clock):
        self.end_jobs(database, moving_clock())
        moving_clock.pass_by(minutes=30)
        for change in ({"active": False}, {"active": True, "shadow": True}):
            with database.transaction() as session:
                session.info["audited"] = True
                found = session.get_one(Connection, wanted.id)
                for name, value in change.items():
                    setattr(found, name, value)
                session.flush()
                assert forgotten.wake_forgotten(session, at=moving_clock()) == 0

    def test_a_write_on_which_each_job_dies_stands_among_the_failed_ones_and_is_sent_by_hand(  # noqa: PLR0917
        self, database, make, wanted, receiver, work, moving_clock, sign_in
    ):
        receiver.answer = lambda _: Reply(200)
        work(limit=1)
        for _ in range(8):
            with database.transaction() as session:
                assert exchange.claim(session, wanted.id, box=BOX, at=moving_clock()) is not None
            moving_clock.pass_by(minutes=10)
        work()
        (row,) = _writes(database)
        assert (row.state, row.attempts, receiver.requests) == (WriteState.DEAD, 8, [])
        assert "died 8 times" in row.error

        client = sign_in(make.person(roles=[Role.ADMIN]))
        page = client.get(f"/connections/{wanted.id}").text
        assert "died 8 times" in page
        assert "Try again" in page
        assert client.post(f"/connections/{wanted.id}/retry", data={"write": row.id}).status_code == 302
        work()

        assert [row.state for row in _writes(database)] == [WriteState.WRITTEN]

    def test_credentials_that_cannot_be_read_are_said_at_the_write_and_tried_again(
        self, database, wanted, receiver, work, moving_clock
    ):
        work(secrets=SecretBox("another key"))
        (row,) = _writes(database)
        assert (row.state, row.attempts) == (WriteState.WAITING, 1)
        assert "SECRET_KEY" in row.error

        receiver.answer = lambda _: Reply(200)
        moving_clock.pass_by(minutes=10)
        work()

        assert [row.state for row in _writes(database)] == [WriteState.WRITTEN]


def test_levels_are_those_of_the_sites_day_and_not_of_utc(make, connect):
    """At noon in London it is the next day in Auckland, where the evidence has expired."""
    there = make.site(time_zone="Pacific/Auckland")
    person, skill = make.person(site=there, external_id="u-1"), make.skill(code="billing")
    make.session.add(
        SkillEvent(
            person_id=person.id,
            skill_id=skill.id,
            kind=SkillEventKind.REVIEW,
            at=NOW - dt.timedelta(days=30),
            author_id=make.person().id,
            level=2,
            note="",
            source="",
            expires_on=dt.date(2026, 11, 24),
        )
    )
    make.session.flush()
    records.reproject(make.session, [(person.id, skill.id)], TODAY)
    connection = connect(ConnectionPreset.CSV, site_id=there.id, base_url="", secrets={}, skill_ids="billing = Billing")
    wanted = []

    for hour in (10, 12):
        at = dt.datetime(2026, 11, 23, hour, tzinfo=dt.UTC)
        wanting.want_levels(make.session, connection, {person.id}, at=at)
        wanted.append(make.session.scalars(select(ConnectionWrite)).one().wanted)

    assert wanted == [{"levels": {"Billing": 2}}, {"levels": {"Billing": 0}}]
