"""Why a level is what it is, in words, and what would help it."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOW, TODAY
from webapp.charts.evidence import ahead_figure
from webapp.models import SkillEventKind
from webapp.services.evidence_reasons import Explanation, Step, _scale, levels_ahead, next_steps, why_less
from webapp.services.fading import STANDARD_RULE, SkillRule
from webapp.services.projection import LoggedEvent, project
from webapp.services.weighing import weigh

PERSON, LEAD = 1, 2


def event(kind, level, *, key=1, days_ago=10, author=LEAD, expires_in=None, source="", claim=False):
    return LoggedEvent(
        id=key,
        person_id=PERSON,
        kind=SkillEventKind.CLAIM if claim else kind,
        at=NOW - dt.timedelta(days=days_ago),
        author_id=PERSON if claim else author,
        level=level,
        expires_on=None if expires_in is None else TODAY + dt.timedelta(days=expires_in),
        source=source,
    )


def explained(*log, rule=STANDARD_RULE):
    weighing = weigh(sorted(log, key=lambda one: one.moment), TODAY)
    return Explanation(
        on=TODAY,
        projection=project(log, TODAY, rule),
        rule=rule,
        weighing=weighing,
        pieces=(),
        scale=_scale(weighing),
        ahead=levels_ahead(log, rule, TODAY),
    )


def reasons(*log):
    return [why_less(voice) for voice in weigh(sorted(log, key=lambda one: one.moment), TODAY).voices]


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ([event(SkillEventKind.REVIEW, 3)], [""]),
        ([event(SkillEventKind.REVIEW, 3, author=PERSON)], ["One's own word: it never counts."]),
        ([event(SkillEventKind.COURSE, 5)], ["Evidence of this kind counts up to level 2."]),
        ([event(SkillEventKind.CERTIFICATE, 3, expires_in=0)], ["It expired on 23 Nov 2026."]),
        (
            [event(SkillEventKind.ASSESSMENT, 3, expires_in=-1)],
            ["It expired on 22 Nov 2026. It still speaks against higher levels until the next review."],
        ),
        (
            [event(SkillEventKind.REVIEW, 5, key=1, days_ago=30), event(SkillEventKind.REVIEW, 3, key=2)],
            ["", "A later review looked at everything before it."],
        ),
        (
            [event(SkillEventKind.CERTIFICATE, 5, key=1, days_ago=30), event(SkillEventKind.REVIEW, 3, key=2)],
            ["", "A later review saw level 3, so it counts up to that."],
        ),
        (
            [event(SkillEventKind.ENDORSEMENT, 2, key=1, days_ago=30), event(SkillEventKind.ENDORSEMENT, 3, key=2)],
            ["", "The same source has spoken again since."],
        ),
    ],
)
def test_evidence_that_counts_for_less_says_why(log, words):
    assert reasons(*log) == words


def test_the_scale_is_read_from_the_top_and_tells_what_is_reached():
    """A review of 3 speaks 2 for the levels 1 to 3 and 2 against 4 and 5."""
    lines = explained(event(SkillEventKind.REVIEW, 3)).scale

    assert [(line.level, line.support, line.opposition, line.reached) for line in lines] == [
        (5, 0.0, 2.0, False),
        (4, 0.0, 2.0, False),
        (3, 2.0, 0.0, True),
        (2, 2.0, 0.0, True),
        (1, 2.0, 0.0, True),
        (0, 0.0, 0.0, True),
    ]
    assert sum(line.probability for line in lines) == pytest.approx(1.0)


def test_a_level_that_expires_and_one_that_fades_are_told_ahead():
    lapsing = explained(event(SkillEventKind.CERTIFICATE, 4, expires_in=30))
    fading = explained(event(SkillEventKind.REVIEW, 2, days_ago=0), rule=SkillRule(100))

    assert lapsing.ahead == ((TODAY, 4), (TODAY + dt.timedelta(days=30), 0))
    # 2 · 2^(−d/100) falls below 1.5 after 41.5 days.
    assert fading.next_fall == (TODAY + dt.timedelta(days=42), 1)


def test_what_holds_is_told_to_hold():
    holds = explained(event(SkillEventKind.REVIEW, 3))

    assert holds.next_fall is None
    assert ahead_figure("Spanish", holds).description == "Stays at 3 for the next year."


def test_the_figure_ends_a_year_ahead_and_says_when_it_falls():
    figure = ahead_figure("Spanish", explained(event(SkillEventKind.CERTIFICATE, 4, expires_in=30)))

    assert figure.rows == [("2026-11-23", 4), ("2026-12-23", 0)]
    assert figure.description == "Falls to 0 on 23 December 2026 unless it is used or new evidence comes."


@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted({SkillEventKind.REVIEW, SkillEventKind.CERTIFICATE, SkillEventKind.EVALUATION})),
            st.integers(0, 5),
            st.integers(0, 400),
            st.none() | st.integers(-50, 400),
        ),
        max_size=6,
    ),
    st.none() | st.integers(20, 400),
)
def test_without_news_no_level_rises_and_each_point_is_what_that_day_says(lines, half_life):
    log = [
        event(kind, level, key=key, days_ago=ago, expires_in=ends)
        for key, (kind, level, ago, ends) in enumerate(lines, start=1)
    ]
    rule = SkillRule(half_life)

    ahead = levels_ahead(log, rule, TODAY)

    levels = [level for _, level in ahead]
    assert levels == sorted(levels, reverse=True)
    for day, level in ahead:
        assert project(log, day, rule).effective_level == level


CLAIM = event(None, 4, key=9, days_ago=1, claim=True)


@pytest.mark.parametrize(
    ("log", "rule", "steps"),
    [
        ([], STANDARD_RULE, [Step.CLAIM]),
        ([event(SkillEventKind.REVIEW, 3)], STANDARD_RULE, [Step.CLAIM]),
        ([event(SkillEventKind.REVIEW, 4), CLAIM], STANDARD_RULE, [Step.CONFIRM]),
        ([event(SkillEventKind.REVIEW, 3), CLAIM], STANDARD_RULE, [Step.BRING_EVIDENCE]),
        ([event(SkillEventKind.REVIEW, 4), CLAIM], SkillRule(60), [Step.USE]),
        (
            [event(SkillEventKind.REVIEW, 4), CLAIM],
            SkillRule(None, certificate_required=True),
            [Step.BRING_CERTIFICATE],
        ),
        (
            [event(SkillEventKind.CERTIFICATE, 4, expires_in=59), CLAIM],
            SkillRule(None, certificate_required=True),
            [Step.BRING_CERTIFICATE],
        ),
        (
            [event(SkillEventKind.CERTIFICATE, 4, expires_in=90), CLAIM],
            SkillRule(None, certificate_required=True),
            [Step.CONFIRM],
        ),
    ],
)
def test_what_helps_most_comes_first(log, rule, steps):
    assert next_steps(explained(*log, rule=rule)) == steps
