"""A call log as messages: what each event says, and how they go astray."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOW
from webapp.errors import InvalidInputError
from webapp.models import ContactOutcome
from webapp.services.importing.call_log.calls import Call
from webapp.services.intake import mapping
from webapp.services.intake.presets import PRESETS
from webapp.services.intake.replaying import Disorder, disturb, happenings_of


def _call(identity="1", *, minute=0, agent="AVI", customer="k-7"):
    asked = NOW + dt.timedelta(minutes=minute)
    served = asked + dt.timedelta(seconds=40) if agent else None
    ended = asked + dt.timedelta(minutes=3)
    outcome = ContactOutcome.SERVED if agent else ContactOutcome.ABANDONED
    return Call(2, identity, "PS", agent, customer, asked, served, ended, 40, outcome)


def test_a_served_call_arrives_is_answered_and_ends():
    messages = [each.message for each in happenings_of([_call()], "bank")]

    assert [message["event_id"] for message in messages] == ["bank:1/arrived", "bank:1/answered", "bank:1/ended"]
    assert [sorted(message.keys() - {"event_id", "contact", "at"}) for message in messages] == [
        ["arrived_at", "customer", "type"],
        ["agent", "answered_at"],
        ["ended_at"],
    ]


def test_who_gives_up_is_answered_by_nobody():
    messages = [each.message for each in happenings_of([_call(agent=None, customer="")], "bank")]

    assert [message["event_id"] for message in messages] == ["bank:1/arrived", "bank:1/ended"]
    assert not any("customer" in message or "agent" in message for message in messages)


def test_what_is_sent_is_what_the_preset_reads():
    readings = [
        mapping.read(PRESETS["contacts"].mapping, each.message, with_unknown=True)
        for each in happenings_of([_call()], "bank", prefix="trial-")
    ]

    assert [reading.problems for reading in readings] == [[], [], []]
    assert [reading.unknown for reading in readings] == [(), (), ()]
    assert {reading.values["external_id"] for reading in readings} == {"trial-bank:1"}
    together = {name: value for reading in readings for name, value in reading.values.items()}
    assert (together["type"], together["person"], together["customer_key"]) == ("bank-ps", "acd-bank-avi", "k-7")


@given(
    calls=st.integers(1, 20),
    late=st.integers(0, 3600),
    copies=st.integers(1, 10),
    seed=st.integers(0, 1000),
)
def test_each_event_is_sent_at_least_once_within_its_lateness(calls, late, copies, seed):
    happenings = happenings_of([_call(str(number), minute=number) for number in range(calls)], "bank")
    disorder = Disorder(dt.timedelta(seconds=late), copies, seed)

    sendings = disturb(happenings, disorder)

    times = Counter(each.message["event_id"] for each in sendings)
    assert times.keys() == {each.message["event_id"] for each in happenings}
    assert max(times.values()) <= copies
    assert [each.after for each in sendings] == sorted(each.after for each in sendings)
    true = {each.message["event_id"]: (each.at - happenings[0].at).total_seconds() for each in happenings}
    assert all(0 <= each.after - true[each.message["event_id"]] <= late for each in sendings)
    assert disturb(happenings, disorder) == sendings


@pytest.mark.parametrize("copies", [0, 11])
def test_a_number_of_copies_that_makes_no_sense_is_refused(copies):
    with pytest.raises(InvalidInputError, match="1 to 10"):
        disturb(happenings_of([_call()], "bank"), Disorder(copies=copies))
