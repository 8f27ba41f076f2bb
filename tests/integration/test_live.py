"""Open pages are told what changed of what they show, and of nothing else."""

import json
import queue
import threading
import time

import pytest
from sqlalchemy import event

from tests.factories import NOW
from webapp.models import Channel, Role
from webapp.services import audit, jobs, live, notices, people, records, roles
from webapp.services.live import EVERYTHING
from webapp.web.live_hub import PER_PERSON, Hub
from webapp.web.live_turns import TURNS
from webapp.web.toasts import BACKGROUND


@pytest.fixture
def team(make):
    return make.team(name="North")


@pytest.fixture
def ana(make, team):
    return make.person(name="Ana", team=team)


@pytest.fixture
def billing(make):
    return make.skill(name="Billing")


@pytest.fixture
def claim(database, make, ana, billing):
    """Return a function by which Ana claims a level in a transaction of its own."""
    make.commit()

    def _claim(level=3):
        with database.transaction() as session:
            person = session.get_one(type(ana), ana.id)
            records.claim_level(session, person, skill_id=billing.id, level=level, by=make.actor(person))

    return _claim


class TestTopics:
    """Which pages a change is told to."""

    def since(self, database, event_id):
        with database.reading() as session:
            return live.read_changes(session, event_id)

    def test_a_claim_is_about_the_person_their_team_and_their_site(self, database, claim, ana):
        before = self.since(database, 0).event_id

        claim()

        told = self.since(database, before)
        wanted = {f"person:{ana.id}", f"team:{ana.team_id}", f"site:{ana.site_id}"}
        assert told.about({*wanted, "person:999", "team:999", "catalogue"}) == wanted
        assert told.event_id > before
        assert self.since(database, told.event_id).topics == frozenset()

    def test_an_import_may_have_changed_everything(self, session, make):
        batch = type("Batch", (), {"__tablename__": "import_batch", "id": 7})()
        audit.record(session, "apply_import", batch, by=make.actor())

        told = live.read_changes(session, 0)

        assert EVERYTHING in told.topics
        assert told.about({"person:12", "import:7"}) == {"person:12", "import:7"}

    def test_work_and_shifts_are_told_to_those_who_wait_for_a_plan(self, session, make, ana):
        shift = make.shift(ana, starts_at=NOW)
        audit.record(session, "edit_shift", shift, by=make.actor(), person_id=ana.id)

        assert live.read_changes(session, 0).about({"plans:1", "catalogue"}) == {"plans:1"}

    def test_whose_access_changed_is_named(self, session, make, ana):
        grant = roles.grant_role(
            session,
            ana,
            role=Role.SCHEDULER,
            site_id=ana.site_id,
            viewer=make.viewer(make.person(roles=[Role.ADMIN])),
            by=make.actor(),
        )

        assert grant is not None
        assert ana.id in live.read_changes(session, 0).people

    def test_after_very_many_events_everything_may_have_changed(self, session, make, ana, monkeypatch):
        monkeypatch.setattr(live, "EVENTS_AT_ONCE", 3)
        for _ in range(4):
            audit.record(session, "claim_level", ana, by=make.actor(ana), person_id=ana.id)

        told = live.read_changes(session, 0)

        assert told.about({"person:999"}) == {"person:999"}
        assert told.event_id == live.newest_event(session)
        assert ana.id in told.people

    def test_jobs_and_notices_are_told_though_nothing_audits_them(self, session, make, ana):
        job = jobs.enqueue(session, "plan.solve", {}, by=make.actor(ana))
        topics = {f"job:{job.id}", f"notices:{ana.id}", "jobs"}
        cursor = live.present_cursor(session, topics)
        assert live.look(session, topics, cursor) == (set(), cursor)

        notices.notify(session, ana.id, kind="x", text="Done.", by=make.actor(ana))
        told, after_notice = live.look(session, topics, cursor)
        job.progress = 0.5
        session.flush()
        moved, _ = live.look(session, topics, after_notice)

        assert told == {f"notices:{ana.id}"}
        assert moved == {f"job:{job.id}", "jobs"}

    @pytest.mark.parametrize("cursor", ["", "x", "0.", "9" * 40, "-1", "1.2.3.4.5"])
    def test_a_cursor_that_cannot_be_read_tells_more_and_not_less(self, session, make, ana, cursor):
        audit.record(session, "claim_level", ana, by=make.actor(ana), person_id=ana.id)
        topics = {f"person:{ana.id}", f"notices:{ana.id}"}

        changed, _ = live.look(session, topics, cursor)

        assert changed


def take(stream, seconds=8.0):
    """Return the first change that a stream tells of, as (topics, cursor), or None if it ends."""
    for text in stream:
        lines = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
        if lines.get("event") == "change":
            return json.loads(lines["data"]), lines["id"]
        seconds -= 0.2
        if seconds < 0:
            break
    return None


@pytest.fixture
def hub(database):
    """Return the streams of a process that looks often."""
    hub = Hub(database, capacity=5, look_seconds=0.05)
    yield hub
    hub.stop()


class TestStreams:
    """What a stream tells, how many there are, and when they end."""

    def open(self, hub, database, person, *topics):
        with database.reading() as session:
            cursor = live.present_cursor(session, topics)
        return hub.open(person.id, topics, cursor)

    def test_a_change_is_told_by_its_topic_alone(self, hub, database, claim, ana):
        stream = self.open(hub, database, ana, f"person:{ana.id}", "team:999")

        claim()

        topics, cursor = take(stream.write(beat_seconds=0.2))
        assert topics == [f"person:{ana.id}"]
        assert int(cursor) > 0

    def test_what_came_before_the_stream_was_open_is_told_at_once(self, hub, database, claim, ana):
        topic = f"person:{ana.id}"
        with database.reading() as session:
            cursor = live.present_cursor(session, [topic])
        claim()

        stream = hub.open(ana.id, [topic], cursor)

        assert take(stream.write(beat_seconds=0.2))[0] == [topic]

    def test_none_is_lost_between_one_stream_and_the_next(self, hub, database, claim, ana):
        topic, told = f"person:{ana.id}", 0
        with database.reading() as session:
            cursor = live.present_cursor(session, [topic])
        for level in (1, 2, 3, 4):
            claim(level)
            stream = hub.open(ana.id, [topic], cursor)
            _, cursor = take(stream.write(beat_seconds=0.2))
            hub.close(stream)
            told += 1

        assert told == 4
        with database.reading() as session:
            assert live.look(session, [topic], cursor)[0] == set()

    def test_there_are_no_more_streams_than_there_is_room_for(self, database, make, ana):
        make.commit()
        hub = Hub(database, capacity=2)
        first, second = (hub.open(number, ["jobs"], "") for number in (101, 102))

        assert first is not None
        assert second is not None
        assert hub.open(103, ["jobs"], "") is None
        hub.close(first)
        assert hub.open(103, ["jobs"], "") is not None
        hub.stop()

    def test_somebodys_oldest_stream_makes_room_for_their_newest(self, hub, make):
        make.commit()
        streams = [hub.open(7, ["jobs"], "") for _ in range(PER_PERSON + 1)]

        assert None not in streams
        assert hub.open_count == PER_PERSON
        said = "".join(streams[0].write(beat_seconds=0.1))
        assert "event: full" in said

    def test_a_stream_ends_by_itself_so_that_its_reader_is_let_in_anew(self, hub, make):
        make.commit()
        stream = hub.open(7, ["catalogue"], "")

        said = list(stream.write(seconds=0.3, beat_seconds=0.1))

        assert said[0].startswith("retry: ")
        assert said[-1] == ": \n\n"

    def test_somebody_whose_access_changed_is_told_nothing_more(self, hub, database, make, ana):
        admin = make.person(roles=[Role.ADMIN])
        viewer, by = make.viewer(admin), make.actor(admin)
        make.commit()
        stream = self.open(hub, database, ana, f"person:{ana.id}")
        other = self.open(hub, database, admin, "jobs")

        with database.transaction() as session:
            people.deactivate_person(session, session.get_one(type(ana), ana.id), viewer=viewer, by=by)

        began = time.monotonic()
        assert take(stream.write(beat_seconds=0.2)) is None
        assert time.monotonic() - began < 5
        assert hub.open_count == 1
        hub.close(other)

    def test_stopping_ends_all_streams_and_opens_none(self, hub, make):
        make.commit()
        stream = hub.open(7, ["jobs"], "")
        ended: queue.Queue = queue.Queue()
        reader = threading.Thread(target=lambda: ended.put(list(stream.write(beat_seconds=60))))
        reader.start()

        hub.stop()

        assert ended.get(timeout=5)
        reader.join()
        assert hub.open(7, ["jobs"], "") is None


def head(page):
    """Return what a page says of itself: token, topics, cursor and address."""
    text = page.split('<meta name="live"', 1)[1].split(">", 1)[0]
    return {
        "t": text.split('content="')[1].split('"')[0],
        "since": text.split('data-cursor="')[1].split('"')[0],
        "topics": text.split('data-topics="')[1].split('"')[0].split(),
        "url": text.split('data-url="')[1].split('"')[0],
    }


def ask(client, path, said):
    return client.get(f"/live/{path}", query_string={"t": said["t"], "since": said["since"]})


class TestPages:
    """What pages declare, and what is answered to whom."""

    def test_a_page_names_what_it_shows_and_everybody_their_notices(self, sign_in, ana, claim):
        client = sign_in(ana)

        own, other = head(client.get("/my/skills").text), head(client.get("/account").text)

        assert own["topics"] == ["catalogue", f"notices:{ana.id}", f"person:{ana.id}"]
        assert own["url"] == "/my/skills"
        assert (other["topics"], other["url"]) == ([f"notices:{ana.id}"], "")

    def test_asking_tells_what_changed_since_the_page_was_made(self, sign_in, ana, claim):
        client = sign_in(ana)
        said = head(client.get("/my/skills").text)
        assert ask(client, "changes", said).get_json()["topics"] == []

        claim()

        told = ask(client, "changes", said).get_json()
        assert told["topics"] == [f"person:{ana.id}"]
        assert ask(client, "changes", said | {"since": told["cursor"]}).get_json()["topics"] == []

    def test_a_stream_is_served_as_such_and_holds_nothing_but_topics(self, app, sign_in, ana, claim):
        client = sign_in(ana)
        said = head(client.get("/my/skills").text)
        claim()

        answer = client.get("/live/stream", query_string={"t": said["t"], "since": said["since"]}, buffered=False)

        assert answer.mimetype == "text/event-stream"
        assert answer.headers["X-Accel-Buffering"] == "no"
        assert take(part.decode() for part in answer.response)[0] == [f"person:{ana.id}"]
        answer.close()
        assert app.extensions["live"].open_count == 0

    def test_no_room_is_answered_without_an_error_and_asking_goes_on(self, app, sign_in, ana):
        client = sign_in(ana)
        said = head(client.get("/my/skills").text)
        app.extensions["live"].capacity = 0

        answer = ask(client, "stream", said)

        assert (answer.status_code, answer.headers["Retry-After"]) == (204, "60")
        assert ask(client, "changes", said).status_code == 200

    @pytest.mark.parametrize("path", ["stream", "changes", "last"])
    def test_a_token_is_worth_nothing_to_somebody_else_or_changed(self, sign_in, make, ana, path):
        said = head(sign_in(ana).get("/my/skills").text)
        ben = sign_in(make.person(name="Ben"))

        assert ask(ben, path, said).status_code == 410
        assert ask(ben, path, said | {"t": said["t"][:-3] + "abc"}).status_code == 410
        assert ask(ben, path, said | {"t": ""}).status_code == 410

    def test_a_token_from_before_a_change_of_roles_is_refused(self, sign_in, make, database, ana):
        admin = make.person(roles=[Role.ADMIN])
        lead = make.person(roles=[Role.AGENT, Role.LEAD], leads=[ana.team])
        viewer, by = make.viewer(admin), make.actor(admin)
        client = sign_in(lead)
        said = head(client.get(f"/people/{ana.id}/skills").text)
        assert ask(client, "changes", said).status_code == 200

        with database.transaction() as session:
            person = session.get_one(type(lead), lead.id)
            grant = next(each for each in roles.list_grants(session, person) if each.role is Role.LEAD)
            roles.withdraw_role(session, person, grant_id=grant.id, viewer=viewer, by=by)

        assert ask(client, "changes", said).status_code == 410
        assert ask(client, "stream", said).status_code == 410

    def test_signing_out_ends_the_streams_of_the_person(self, app, sign_in, ana, claim):
        client = sign_in(ana)
        said = head(client.get("/my/skills").text)
        answer = client.get("/live/stream", query_string={"t": said["t"], "since": said["since"]}, buffered=False)

        client.post("/logout")

        assert take(part.decode() for part in answer.response) is None
        assert app.extensions["live"].open_count == 0
        answer.close()

    @pytest.mark.parametrize("path", ["stream", "changes", "bell", "last"])
    def test_nobody_is_told_anything_without_being_signed_in(self, client, path):
        answer = client.get(f"/live/{path}", headers={"Accept": "application/json"})

        assert answer.status_code == 401

    def test_the_bell_comes_alone_with_its_number(self, sign_in, make, ana):
        notices.notify(make.session, ana.id, kind="x", text="Done.", by=make.actor(ana))

        page = sign_in(ana).get("/live/bell").text

        assert "Notices, 1 unread" in page
        assert "<html" not in page

    def test_whoever_types_learns_who_changed_the_page(self, sign_in, ana, claim):
        client = sign_in(ana)
        said = head(client.get("/my/skills").text)
        assert ask(client, "last", said).get_json() == {"name": "", "at": ""}

        claim()

        assert ask(client, "last", said).get_json() == {"name": "Ana", "at": "10:00"}

    def test_open_pages_take_turns_and_whoever_clicks_does_not_wait_for_them(self, app, database, sign_in, ana):
        client, turns = sign_in(ana), app.extensions["live_turns"]
        asked = []
        event.listen(database.engine, "before_cursor_execute", lambda *heard: asked.append(heard[2]))
        for _ in range(TURNS):
            assert turns.acquire(blocking=False)

        refused, told = client.get("/my/skills", headers={BACKGROUND: "1"}), list(asked)
        clicked = client.get("/my/skills")
        turns.release()
        again = client.get("/my/skills", headers={BACKGROUND: "1"})

        assert (refused.status_code, told) == (503, [])
        assert int(refused.headers["Retry-After"]) > 0
        assert (clicked.status_code, again.status_code) == (200, 200)

    def test_a_turn_is_given_back_whatever_becomes_of_the_page(self, sign_in, ana):
        client = sign_in(ana)

        found = [client.get(path, headers={BACKGROUND: "1"}).status_code for path in ("/none", "/people/0") * TURNS]

        assert set(found) <= {403, 404}

    def test_a_page_that_is_fetched_again_takes_no_message_from_the_person(self, sign_in, ana, billing, claim):
        claim()
        client = sign_in(ana)
        client.post(f"/my/skills/{billing.id}/confirm")

        again = client.get("/my/skills", headers={"X-Mainstay-Live": "1"})
        later = client.get("/my/skills")

        assert "noted as still right" not in again.text
        assert "noted as still right" in later.text

    def test_a_review_inbox_follows_all_teams_of_the_lead_and_stays_with_its_record(
        self, sign_in, make, ana, team, claim
    ):
        client = sign_in(make.person(name="Lea", roles=[Role.LEAD], leads=[team]))
        claim()

        said = head(client.get("/reviews").text)

        assert f"team:{team.id}" in said["topics"]
        assert said["url"].startswith("/reviews?record=")

    def test_pages_of_work_name_their_plans_and_jobs(self, sign_in, make, session):
        admin = make.person(roles=[Role.ADMIN])
        make.engagement_type(channel=Channel.EMAIL)
        job = jobs.enqueue(session, "plan.solve", {}, by=make.actor(admin))
        job_id = job.id
        client = sign_in(admin)

        assert "jobs" in head(client.get("/jobs").text)["topics"]
        assert f"job:{job_id}" in head(client.get(f"/jobs/{job_id}").text)["topics"]
        assert f"plans:{admin.site_id}" in head(client.get("/plans").text)["topics"]
