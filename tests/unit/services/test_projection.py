"""What a log of skill events says about one person in one skill on a day."""

from __future__ import annotations

import datetime as dt
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.models import Dispute, Interest, SkillEventKind
from webapp.services.fading import SkillRule
from webapp.services.projection import LoggedEvent, Projection, project, standing_events
from webapp.services.weighing import WEIGHTS

PERSON, LEAD, OTHER_LEAD = 1, 2, 3
TODAY = dt.date(2026, 11, 23)
START = dt.datetime(2026, 11, 1, 9, 0, tzinfo=dt.UTC)
REVIEW, PROVISIONAL, OUTCOME = SkillEventKind.REVIEW, SkillEventKind.PROVISIONAL, SkillEventKind.OUTCOME
EVALUATION, USE = SkillEventKind.EVALUATION, SkillEventKind.USE
CLAIM, WITHDRAW, RETRACT = SkillEventKind.CLAIM, SkillEventKind.WITHDRAW, SkillEventKind.RETRACT


def log(*lines: dict) -> list[LoggedEvent]:
    """Return a log with a line a day, numbered from 1 on and written by a lead unless a line says otherwise."""
    return [
        LoggedEvent(
            **{
                "id": number,
                "person_id": PERSON,
                "at": START + dt.timedelta(days=number),
                "author_id": LEAD,
                **line,
            }
        )
        for number, line in enumerate(lines, start=1)
    ]


def test_an_empty_log_is_no_level_and_no_wish():
    assert project([], TODAY) == Projection()


def test_a_claim_stands_beside_the_validated_level_and_does_not_raise_it():
    events = log({"kind": CLAIM, "level": 5, "author_id": PERSON})

    found = project(events, TODAY)

    assert (found.claimed_level, found.validated_level, found.effective_level) == (5, 0, 0)
    assert found.claimed_at == events[0].at


def test_the_latest_review_decides_against_higher_evidence_before_and_after_it():
    events = log(
        {"kind": PROVISIONAL, "level": 5},
        {"kind": REVIEW, "level": 4},
        {"kind": REVIEW, "level": 2, "author_id": OTHER_LEAD},
        {"kind": PROVISIONAL, "level": 5},
    )

    found = project(events, TODAY)

    assert (found.validated_level, found.validated_by, found.validated_at) == (2, REVIEW, events[2].at)
    assert not found.provisional


def test_without_a_review_the_highest_unexpired_evidence_decides():
    events = log(
        {"kind": PROVISIONAL, "level": 2, "expires_on": dt.date(2027, 3, 1)},
        {"kind": PROVISIONAL, "level": 4, "expires_on": dt.date(2026, 12, 1)},
        {"kind": PROVISIONAL, "level": 5, "expires_on": dt.date(2026, 11, 23)},
    )

    found = project(events, TODAY)

    assert (found.validated_level, found.validated_by) == (4, PROVISIONAL)
    assert found.provisional
    assert (found.holds_from, found.changes_on) == (dt.date(2026, 11, 23), dt.date(2026, 12, 1))


def test_when_evidence_expires_the_next_best_counts():
    events = log(
        {"kind": PROVISIONAL, "level": 2, "expires_on": dt.date(2027, 3, 1)},
        {"kind": PROVISIONAL, "level": 4, "expires_on": dt.date(2026, 12, 1)},
    )

    levels = [project(events, day).effective_level for day in (dt.date(2026, 11, 30), dt.date(2026, 12, 1))]

    assert levels == [4, 2]
    assert project(events, dt.date(2027, 3, 1)).effective_level == 0


def test_counted_outcomes_alone_reach_level_two_at_most():
    events = log({"kind": OUTCOME, "level": 5})

    found = project(events, TODAY)

    assert (found.validated_level, found.validated_by) == (2, OUTCOME)
    assert found.last_used_on == events[0].at.date()


def test_evidence_from_before_a_review_does_not_outlive_its_verdict():
    """The import said 4, the lead looked and said 2: when the review expires, the import says 2 at most."""
    events = log(
        {"kind": PROVISIONAL, "level": 4, "expires_on": dt.date(2027, 3, 1)},
        {"kind": REVIEW, "level": 2, "expires_on": dt.date(2026, 11, 20)},
    )

    found = project(events, TODAY)

    assert (found.validated_level, found.validated_by) == (2, PROVISIONAL)


def test_an_expired_review_still_speaks_against_higher_levels():
    """The lead looked and said 2; that this lapsed gives an import no more weight than the lead had against it."""
    events = log(
        {"kind": REVIEW, "level": 2, "expires_on": dt.date(2026, 11, 20)},
        {"kind": PROVISIONAL, "level": 4, "expires_on": dt.date(2027, 3, 1)},
    )

    found = project(events, TODAY)

    assert (found.validated_level, found.validated_by) == (2, PROVISIONAL)


def test_nobody_assesses_themselves():
    events = log(
        {"kind": REVIEW, "level": 5, "author_id": PERSON},
        {"kind": PROVISIONAL, "level": 4, "author_id": PERSON},
        {"kind": OUTCOME, "level": 2, "author_id": PERSON},
    )

    assert project(events, TODAY).validated_level == 0


def test_a_review_of_level_zero_is_a_verdict_and_not_the_lack_of_one():
    events = log({"kind": PROVISIONAL, "level": 3}, {"kind": REVIEW, "level": 0})

    found = project(events, TODAY)

    assert (found.validated_level, found.validated_by) == (0, REVIEW)


def test_a_withdrawn_claim_lets_the_claim_before_it_stand_again():
    events = log(
        {"kind": CLAIM, "level": 2, "author_id": PERSON},
        {"kind": CLAIM, "level": 4, "author_id": PERSON},
        {"kind": WITHDRAW, "retracts_id": 2, "author_id": PERSON},
    )

    found = project(events, TODAY)

    assert (found.claimed_level, found.claimed_at) == (2, events[0].at)


def test_a_retracted_review_gives_way_to_what_was_believed_before():
    events = log(
        {"kind": PROVISIONAL, "level": 3},
        {"kind": REVIEW, "level": 1},
        {"kind": RETRACT, "retracts_id": 2},
    )

    found = project(events, TODAY)

    assert (found.validated_level, found.validated_by) == (3, PROVISIONAL)


def test_a_retraction_that_is_taken_back_retracts_nothing():
    events = log(
        {"kind": REVIEW, "level": 3},
        {"kind": RETRACT, "retracts_id": 1},
        {"kind": RETRACT, "retracts_id": 2},
    )

    assert project(events, TODAY).validated_level == 3


def test_the_latest_wish_and_the_latest_confirmation_stand():
    events = log(
        {"kind": SkillEventKind.INTEREST, "interest": Interest.GROW, "author_id": PERSON},
        {"kind": SkillEventKind.INTEREST, "interest": Interest.RATHER_NOT, "author_id": PERSON},
        {"kind": SkillEventKind.CONFIRM, "author_id": PERSON},
    )

    found = project(events, TODAY)

    assert (found.interest, found.confirmed_at) == (Interest.RATHER_NOT, events[2].at)


levels = st.integers(0, 5)
days = st.integers(-40, 400).map(lambda offset: TODAY + dt.timedelta(days=offset))
lines = st.one_of(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(sorted(WEIGHTS)),
            "source": st.sampled_from(["", "quiz", "school"]),
            "level": levels,
            "expires_on": st.none() | days,
            "author_id": st.sampled_from([PERSON, LEAD, OTHER_LEAD, None]),
        }
    ),
    st.fixed_dictionaries({"kind": st.just(CLAIM), "level": levels, "author_id": st.just(PERSON)}),
    st.fixed_dictionaries({"kind": st.just(RETRACT), "retracts_id": st.integers(1, 12)}),
)
rules = st.builds(SkillRule, half_life_days=st.none() | st.integers(1, 900), certificate_required=st.booleans())
logs = st.lists(lines, max_size=12).map(lambda drawn: log(*drawn))


@given(logs, days)
def test_a_level_never_rises_above_the_evidence_of_others(events, on):
    evidence = [
        min(event.level, WEIGHTS[event.kind].ceiling)
        for event in events
        if event.kind in WEIGHTS and event.author_id != PERSON and event.holds_on(on)
    ]

    found = project(events, on)

    assert 0 <= found.effective_level <= found.validated_level <= max(evidence, default=0)


@given(logs, days, st.randoms())
def test_the_order_in_which_events_are_given_does_not_matter(events, on, chance: random.Random):
    shuffled = events[:]
    chance.shuffle(shuffled)

    assert project(shuffled, on) == project(events, on)


@given(logs, days, levels)
def test_a_claim_changes_nothing_but_the_claim(events, on, level):
    claim = LoggedEvent(id=99, person_id=PERSON, kind=CLAIM, at=START + dt.timedelta(days=99), level=level)

    before, after = project(events, on), project([*events, claim], on)

    assert after.claimed_level == level
    assert (after.validated_level, after.validated_by, after.changes_on) == (
        before.validated_level,
        before.validated_by,
        before.changes_on,
    )


@given(logs, days, st.data())
def test_higher_evidence_never_means_a_lower_level(events, on, draw):
    evidence = [event for event in events if event.level is not None and event.kind is not CLAIM and event.level < 5]
    if not evidence:
        return
    raised = draw.draw(st.sampled_from(evidence))
    better = [
        LoggedEvent(
            id=e.id,
            person_id=e.person_id,
            kind=e.kind,
            at=e.at,
            author_id=e.author_id,
            level=e.level + (e is raised),
            expires_on=e.expires_on,
            source=e.source,
        )
        if e.level is not None
        else e
        for e in events
    ]

    assert project(better, on).effective_level >= project(events, on).effective_level


@given(logs, days, days, rules)
def test_a_projection_says_truly_on_which_other_days_it_holds(events, on, other, rule):
    here, there = project(events, on, rule), project(events, other, rule)

    if here.holds_on(other):
        assert there == here


@given(logs, days, days, rules)
def test_without_a_new_event_no_level_ever_rises(events, on, later, rule):
    """Evidence expires and levels fade; time alone gives neither."""
    here, there = project(events, min(on, later), rule), project(events, max(on, later), rule)

    assert there.validated_level <= here.validated_level
    assert there.effective_level <= here.effective_level


@given(logs, days, rules)
def test_the_announced_day_is_the_first_on_which_the_level_falls(events, on, rule):
    found = project(events, on, rule)

    if found.falls_on is None:
        assert project(events, on + dt.timedelta(days=5000), rule).effective_level == found.effective_level
    else:
        assert project(events, found.falls_on, rule).effective_level < found.effective_level
        assert project(events, found.falls_on - dt.timedelta(days=1), rule).effective_level == found.effective_level


@given(logs, days, rules)
def test_the_range_of_doubt_holds_the_level(events, on, rule):
    found = project(events, on, rule)

    assert found.validated_by is None or found.validated_low <= found.validated_level <= found.validated_high
    assert found.effective_level <= found.validated_level


@given(logs, days)
def test_without_a_certificate_a_skill_that_needs_one_counts_for_nothing(events, on):
    certified = any(
        event.kind in {SkillEventKind.CERTIFICATE, SkillEventKind.BADGE}
        and event.author_id != PERSON
        and event.holds_on(on)
        for event in standing_events(events)
    )

    found = project(events, on, SkillRule(certificate_required=True))

    assert found.effective_level == (project(events, on).effective_level if certified else 0)


def test_use_counts_and_keeps_a_level_from_fading():
    rule = SkillRule(half_life_days=100)
    reviewed = log({"kind": REVIEW, "level": 4})
    used = [*reviewed, LoggedEvent(id=9, person_id=PERSON, kind=USE, at=START + dt.timedelta(days=200), count=42)]
    # 4 · 2^(−d/100) falls below 3.5 after 19.3 days.
    day = START.date() + dt.timedelta(days=1 + 20)

    idle, busy = project(reviewed, day, rule), project(used, day, rule)

    assert (idle.effective_level, idle.validated_level) == (3, 4)
    assert (busy.effective_level, busy.used_count) == (4, 42)
    assert busy.fades_on == START.date() + dt.timedelta(days=200 + 20)


@pytest.mark.parametrize(
    ("lines", "dispute"),
    [
        ([{"kind": REVIEW, "level": 3}], None),
        (
            [{"kind": REVIEW, "level": 1}, {"kind": REVIEW, "level": 4, "author_id": OTHER_LEAD}],
            Dispute.REVIEWERS_APART,
        ),
        ([{"kind": REVIEW, "level": 3}, {"kind": REVIEW, "level": 4, "author_id": OTHER_LEAD}], None),
        ([{"kind": REVIEW, "level": 1}, {"kind": REVIEW, "level": 4}], None),
        ([{"kind": REVIEW, "level": 4}, {"kind": EVALUATION, "level": 1}], Dispute.EVIDENCE_APART),
        ([{"kind": EVALUATION, "level": 1}, {"kind": REVIEW, "level": 4}], None),
        ([{"kind": OUTCOME, "level": 2}, {"kind": CLAIM, "level": 5, "author_id": PERSON}], Dispute.CLAIM_FAR),
        ([{"kind": CLAIM, "level": 5, "author_id": PERSON}, {"kind": REVIEW, "level": 2}], None),
        ([{"kind": CLAIM, "level": 5, "author_id": PERSON}], None),
    ],
)
def test_evidence_that_does_not_agree_is_a_dispute_until_somebody_looks(lines, dispute):
    assert project(log(*lines), TODAY).dispute is dispute
