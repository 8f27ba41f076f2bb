"""Customers are keys: praise that thanks them, and erasing that holds."""

from __future__ import annotations

import hashlib

import pytest
from sqlalchemy import select

from tests.factories import NOW
from webapp.db import Base
from webapp.errors import InvalidInputError
from webapp.jobs import load_bodies
from webapp.jobs.executor import Executor
from webapp.models import (
    AuditEvent,
    Channel,
    Contact,
    Engagement,
    EngagementState,
    ErasedCustomer,
    Notice,
    Praise,
    Role,
    Stance,
)
from webapp.services import audit, customers, erasure_memory, jobs, praise, schedules
from webapp.services.erasure_memory import ErasureMemory

KEY = "K-4711"


@pytest.fixture
def agent(make):
    return make.person(name="Ada")


@pytest.fixture
def thanking(make):
    return make.engagement_type(name="Thank you", channel=Channel.EMAIL, stance=Stance.PRAISE)


class TestPraise:
    def test_it_makes_a_thank_you_of_the_agent_once_and_tells_them(self, make, agent, thanking):
        about = make.engagement(customer_key=KEY)

        def receive():
            return praise.receive(
                make.session,
                customer_key=KEY,
                person=agent,
                about=about,
                words="She was kind",
                external_id="ev-1",
                by=make.actor(),
            )

        first, second = receive(), receive()

        assert first is second
        thanks = first.thanks
        assert (thanks.owner_id, thanks.customer_key, thanks.engagement_type_id) == (agent.id, KEY, thanking.id)
        assert (thanks.state, thanks.earliest_at) == (EngagementState.CLASSIFIED, NOW)
        notice = make.session.scalars(select(Notice)).one()
        assert notice.person_id == agent.id
        assert "She was kind" not in notice.text
        assert praise.list_about(make.session, about) == [first]
        assert praise.list_of_person(make.session, agent) == [first]

    @pytest.mark.parametrize(
        ("values", "field"),
        [({"customer_key": " "}, "customer_key"), ({"words": "x" * 401}, "words")],
    )
    def test_what_is_missing_or_too_long_is_named(self, make, agent, thanking, values, field):
        with pytest.raises(InvalidInputError) as refused:
            praise.receive(make.session, **{"customer_key": KEY, "person": agent, "by": make.actor()} | values)

        assert refused.value.field == field

    def test_nobody_hands_in_praise_of_themselves(self, make, agent, thanking):
        with pytest.raises(InvalidInputError, match="Nobody hands in praise of themselves"):
            praise.receive(make.session, customer_key=KEY, person=agent, by=make.actor(agent))

    def test_without_a_type_for_it_nobody_is_thanked(self, make, agent):
        with pytest.raises(InvalidInputError, match="no engagement type for thanking"):
            praise.receive(make.session, customer_key=KEY, person=agent, by=make.actor())

    def test_on_the_engagements_page_two_sendings_are_one_praise(self, make, sign_in, agent, thanking, database):
        scheduler = make.person(roles=[Role.SCHEDULER])
        about = make.engagement(customer_key=KEY)
        make.commit()
        client = sign_in(scheduler)
        form = {"person_id": agent.id, "words": "So <b>kind</b>", "key": "abc"}

        answers = [client.post(f"/engagements/{about.id}/praise", data=form).status_code for _ in range(2)]

        assert answers == [302, 302]
        with database.reading() as session:
            assert len(session.scalars(select(Praise)).all()) == 1
        page = client.get(f"/engagements/{about.id}").text
        assert "So &lt;b&gt;kind&lt;/b&gt;" in page
        stranger = sign_in(make_other(make))
        assert stranger.post(f"/engagements/{about.id}/praise", data=form).status_code == 404


def make_other(make):
    other = make.person(roles=[Role.SCHEDULER], site=make.site())
    make.commit()
    return other


class TestErasing:
    def held(self, make, agent, thanking):
        about = make.engagement(customer_key=KEY, subject="My boiler burst")
        voice = make.engagement_type(channel=Channel.VOICE)
        make.contact(voice, NOW, 5.0, customer_key=KEY)
        praise.receive(make.session, customer_key=KEY, person=agent, about=about, words="Thanks", by=make.actor())
        return about

    def texts(self, make):
        """Return everything that the database holds as text, table by table."""
        return {table.name: repr(make.session.execute(select(table)).all()) for table in Base.metadata.sorted_tables}

    def test_the_key_and_the_words_are_nowhere_any_more(self, make, agent, thanking):
        about = self.held(make, agent, thanking)

        done = customers.erase(make.session, KEY, reason="Asked for it.", by=make.actor())

        left = {
            name for name, text in self.texts(make).items() if KEY in text or "boiler" in text or "'Thanks'" in text
        }
        assert left == set()
        assert done.count == 4
        assert about.customer_key.startswith(customers.TOKEN_START)
        keys = set(make.session.scalars(select(Engagement.customer_key))) | set(
            make.session.scalars(select(Contact.customer_key))
        )
        assert keys == {about.customer_key}

    def test_it_is_audited_without_a_digest_that_could_be_tried_and_the_chain_holds(self, make, agent, thanking):
        self.held(make, agent, thanking)

        customers.erase(make.session, KEY, reason="Asked for it.", by=make.actor())

        event = make.session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first()
        assert event.action == "erase_customer"
        assert set(event.detail) == {"rows"}
        assert event.subject_id == make.session.query(ErasedCustomer).one().id
        assert audit.verify_chain(make.session).broken_at is None

    def test_a_second_time_changes_nothing(self, make, agent, thanking):
        about = self.held(make, agent, thanking)
        customers.erase(make.session, KEY, reason="Asked for it.", by=make.actor())
        token, events = about.customer_key, make.session.query(AuditEvent).count()

        again = customers.erase(make.session, KEY, reason="Asked for it.", by=make.actor())

        assert (again.count, again.before) == (0, True)
        assert (about.customer_key, make.session.query(AuditEvent).count()) == (token, events)
        assert make.session.query(ErasedCustomer).count() == 1

    def test_what_comes_back_is_erased_again_and_others_are_left_alone(self, make, agent, thanking):
        self.held(make, agent, thanking)
        customers.erase(make.session, KEY, reason="Asked for it.", by=make.actor())
        back = make.engagement(customer_key=KEY, subject="From a backup")
        other = make.engagement(customer_key="K-1", subject="Another")

        count = customers.erase_again(make.session, by=make.actor())
        nothing = customers.erase_again(make.session, by=make.actor())

        assert (count, nothing) == (1, 0)
        assert (back.customer_key.startswith(customers.TOKEN_START), back.subject) == (True, "")
        assert (other.customer_key, other.subject) == ("K-1", "Another")

    def test_a_customer_of_whom_nothing_is_held_is_remembered(self, make):
        done = customers.erase(make.session, "K-unknown", reason="Asked for it.", by=make.actor())

        assert (done.count, customers.is_erased(make.session, "K-unknown")) == (0, True)

    @pytest.mark.parametrize(("key", "reason"), [(" ", "Asked"), (KEY, " "), ("erased-1", "Asked")])
    def test_a_key_and_a_reason_are_needed(self, make, key, reason):
        with pytest.raises(InvalidInputError):
            customers.erase(make.session, key, reason=reason, by=make.actor())


class TestRemembering:
    """An erased customer is known again by this installation, and by nobody who has the table alone."""

    def plain(self, key):
        """Return what a version before kept."""
        return hashlib.sha256(b"mainstay erased customer, version 1\0" + key.encode()).hexdigest()

    def remember_plainly(self, make, key):
        make.session.add(ErasedCustomer(digest=self.plain(key), at=NOW, reason="Of a version before."))
        make.session.flush()

    @pytest.fixture
    def remembering(self):
        """Return a function that sets the keys of this process, and set the former ones at the end."""
        former = erasure_memory.get_memory()
        yield lambda *keys: erasure_memory.configure(ErasureMemory(keys[0], previous=keys[1:]))
        erasure_memory.configure(former)

    def test_trying_all_short_keys_against_the_table_finds_nobody(self, make):
        customers.erase(make.session, "4711", reason="Asked for it.", by=make.actor())

        held = set(make.session.scalars(select(ErasedCustomer.digest)))

        tried = (str(number).encode() for number in range(10_000))
        found = {
            digest
            for key in tried
            for text in (key, b"mainstay erased customer, version 1\0" + key)
            for digest in (hashlib.sha256(text).hexdigest(),)
            if digest in held
        }
        assert found == set()
        assert customers.is_erased(make.session, "4711")

    def test_plain_digests_are_keyed_without_anybody_naming_the_customers(self, make):
        self.remember_plainly(make, KEY)

        count = customers.strengthen(make.session, by=make.actor())

        kept = make.session.query(ErasedCustomer).one()
        assert (count, customers.strengthen(make.session, by=make.actor())) == (1, 0)
        assert (kept.digest != self.plain(KEY), kept.key_id) == (True, erasure_memory.get_memory().key_id)
        assert customers.is_erased(make.session, KEY)

    def test_the_periodic_job_keys_them(self, make, database):
        self.remember_plainly(make, KEY)
        load_bodies()
        jobs.enqueue(make.session, schedules.WORDS_JOB, {"site_id": make.home.id}, by=make.actor())
        make.commit()

        Executor(database, lambda: NOW).run_once()

        assert make.session.query(ErasedCustomer).one().key_id is not None

    def test_whoever_comes_back_under_a_plain_digest_is_erased_again(self, make):
        self.remember_plainly(make, KEY)
        back = make.engagement(customer_key=KEY, subject="From a file")

        assert customers.erase_again(make.session, by=make.actor()) == 1
        assert back.customer_key.startswith(customers.TOKEN_START)

    def test_a_twin_that_an_older_process_wrote_becomes_one_with_it(self, make):
        customers.erase(make.session, KEY, reason="Asked for it.", by=make.actor())
        self.remember_plainly(make, KEY)

        customers.strengthen(make.session, by=make.actor())

        assert make.session.query(ErasedCustomer).one().key_id is not None
        assert customers.is_erased(make.session, KEY)

    def test_after_a_change_of_the_key_the_former_one_still_knows_them_until_they_are_named(self, make, remembering):
        remembering("the first key")
        customers.erase(make.session, KEY, reason="Asked for it.", by=make.actor())
        remembering("the second key")
        unknown = (customers.is_erased(make.session, KEY), customers.count_unknown(make.session))

        remembering("the second key", "the first key")
        known = (customers.is_erased(make.session, KEY), customers.count_unknown(make.session))
        customers.erase(make.session, KEY, reason="Asked again.", by=make.actor())
        remembering("the second key")

        assert (unknown, known) == ((False, 1), (True, 0))
        assert (customers.is_erased(make.session, KEY), customers.count_unknown(make.session)) == (True, 0)

    def test_without_a_key_nobody_is_remembered(self, monkeypatch):
        monkeypatch.setattr(erasure_memory, "_configured", [])

        with pytest.raises(RuntimeError):
            erasure_memory.get_memory()
        with pytest.raises(ValueError, match="without a key"):
            ErasureMemory("")
