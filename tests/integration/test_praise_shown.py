"""A customer's praise stands on the day of whom it is about, for a week, and on nobody else's."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.factories import NOW
from webapp.models import Channel, Stance
from webapp.services import praise

WORDS = "She rang back exactly when she had said."


@pytest.fixture
def praised(make):
    make.engagement_type(name="Thanks", channel=Channel.EMAIL, stance=Stance.PRAISE)
    return make.person(name="Ana Agent")


def receive(make, person, *, at):
    by = make.actor(make.person(is_agent=False), at=at)
    return praise.receive(make.session, customer_key="c-1", person=person, words=WORDS, by=by)


def test_words_stand_on_the_day_with_the_thanks_that_they_ask_for(make, sign_in, praised):
    colleague = make.person(name="Bo Agent")
    receive(make, praised, at=NOW - dt.timedelta(hours=2))

    page = sign_in(praised).get("/day").text

    assert "Customers praise you" in page
    assert WORDS in page
    assert "thanking them is yours until" in page
    assert WORDS not in sign_in(colleague).get("/day").text


def test_they_leave_after_a_week_and_stand_on_no_other_day(make, sign_in, praised):
    receive(make, praised, at=NOW - dt.timedelta(days=8))
    client = sign_in(praised)
    assert WORDS not in client.get("/day").text

    receive(make, praised, at=NOW - dt.timedelta(days=1))
    make.commit()

    assert WORDS in client.get("/day").text
    assert WORDS not in client.get(f"/day?day={NOW.date() + dt.timedelta(days=1)}").text
