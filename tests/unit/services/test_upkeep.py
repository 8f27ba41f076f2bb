"""Upkeep by hand-made records: whose task a falling level is, and which five skills a month asks for."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.models import Skill
from webapp.services import upkeep
from webapp.services.projection import Projection
from webapp.services.upkeep import FallCause

ON = dt.date(2026, 11, 23)
ZONE = "Europe/Berlin"


def days(count):
    return dt.timedelta(days=count)


def skill(key, name="", **values):
    return Skill(id=key, name=name or f"Skill {key:02}", **values)


def held(effective=3, **values):
    return Projection(effective_level=effective, validated_level=effective, **values)


def moment(day, hour=12):
    return dt.datetime.combine(day, dt.time(hour), tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("left", "warned", "leads"),
    [(31, False, None), (30, True, False), (15, True, False), (14, True, True), (1, True, True), (0, False, None)],
)
def test_a_falling_level_is_the_persons_task_for_a_month_and_then_the_leads(left, warned, leads):
    fall = upkeep.find_fall(skill(1), held(fades_on=ON + days(left)), ON)

    assert (fall is not None) is warned
    assert (fall.is_leads_task if fall else None) is leads


@given(left=st.integers(-5, 60))
def test_it_is_never_a_task_of_two_people(left):
    """The person is asked on the days before that on which the lead is, and each of these days has one of them."""
    fall = upkeep.find_fall(skill(1), held(valid_until=ON + days(left)), ON)

    if fall is not None:
        assert fall.is_leads_task is (fall.lead_asked_on <= ON)


@pytest.mark.parametrize(
    ("values", "certificate", "cause"),
    [
        ({"fades_on": ON + days(9), "valid_until": ON + days(10)}, False, FallCause.FADES),
        ({"fades_on": ON + days(10), "valid_until": ON + days(9)}, False, FallCause.EXPIRES),
        ({"valid_until": ON + days(9)}, True, FallCause.CERTIFICATE),
    ],
)
def test_the_cause_is_that_of_what_comes_first(values, certificate, cause):
    fall = upkeep.find_fall(skill(1, certificate_required=certificate), held(**values), ON)

    assert fall is not None
    assert fall.cause is cause


def test_nothing_is_warned_of_where_nothing_counts_or_the_skill_is_retired():
    soon = {"fades_on": ON + days(5)}

    assert upkeep.find_fall(skill(1), held(0, **soon), ON) is None
    assert upkeep.find_fall(skill(1, retired_at=moment(ON)), held(**soon), ON) is None


def test_the_month_asks_first_for_what_falls_then_for_what_is_stalest():
    record = [
        (skill(1), held(refreshed_on=ON - days(100))),
        (skill(2), held(refreshed_on=ON - days(200))),
        (skill(3), held(refreshed_on=ON - days(40), fades_on=ON + days(20))),
        (skill(4), held(refreshed_on=ON - days(3), valid_until=ON + days(8))),
        (skill(5), held()),
        (skill(6), held(refreshed_on=ON - days(60))),
        (skill(7), held(refreshed_on=ON - days(5))),
    ]

    quick = upkeep.quick_review(record, ON, ZONE)

    # 4 and 3 fall; nothing was ever said of 5; then by age 2 and 1. 6 is younger, and 7 was seen five days ago.
    assert [each.id for each in quick.asked] == [4, 3, 5, 2, 1]
    assert (quick.answered, quick.total, quick.is_due) == (0, 5, True)


def test_what_was_confirmed_or_claimed_this_month_is_answered_wherever_it_was_said():
    record = [(skill(key), held(refreshed_on=ON - days(90))) for key in range(1, 8)]
    record.append((skill(8), held(confirmed_at=moment(ON), refreshed_on=ON)))
    record.append((skill(9), held(claimed_at=moment(ON - days(2)), claimed_level=4)))

    quick = upkeep.quick_review(record, ON, ZONE)

    assert (quick.answered, len(quick.asked), quick.total) == (2, 3, 5)


def test_the_site_says_in_which_month_somebody_answered():
    """At half past eleven in the evening of 31 October in London, November has begun in Berlin."""
    late = dt.datetime(2026, 10, 31, 23, 30, tzinfo=dt.UTC)
    record = [(skill(1), held(confirmed_at=late, refreshed_on=ON - days(60)))]

    assert upkeep.quick_review(record, ON, "Europe/Berlin").answered == 1
    assert upkeep.quick_review(record, ON, "Europe/London").answered == 0


@given(
    ages=st.lists(st.integers(0, 400), max_size=12),
    answered=st.integers(0, 9),
)
def test_answering_what_is_asked_ends_after_five_taps_at_most(ages, answered):
    record = {key: held(refreshed_on=ON - days(age)) for key, age in enumerate(ages)}
    for key in list(record)[:answered]:
        record[key] = held(confirmed_at=moment(ON), refreshed_on=ON)
    skills = {key: skill(key) for key in record}
    taps = 0
    while (quick := upkeep.quick_review([(skills[k], v) for k, v in record.items()], ON, ZONE)).is_due:
        total = quick.total
        record[quick.asked[0].id] = held(confirmed_at=moment(ON), refreshed_on=ON)
        taps += 1
        after = upkeep.quick_review([(skills[k], v) for k, v in record.items()], ON, ZONE)
        assert (after.total, after.answered) == (total, quick.answered + 1)

    assert taps <= upkeep.QUICK_SKILLS
