"""How evidence is weighed to a level: the arithmetic of each case stands beside it."""

from __future__ import annotations

import datetime as dt
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.models import SkillEventKind
from webapp.services.weighing import PRIOR, WEIGHTS, LoggedEvent, Silence, standing_events, weigh

PERSON, LEAD, ANA, BEN, CLEO = 1, 2, 3, 4, 5
TODAY = dt.date(2026, 11, 22)
START = dt.datetime(2026, 11, 1, 9, 0, tzinfo=dt.UTC)
K = SkillEventKind


def log(*lines: tuple) -> list[LoggedEvent]:
    """Return a log of (kind, level, author[, source[, expires_on]]), a line a day."""
    events = []
    for number, (kind, level, author, *rest) in enumerate(lines, start=1):
        source = rest[0] if rest else ""
        expires_on = rest[1] if len(rest) > 1 else None
        events.append(
            LoggedEvent(
                id=number,
                person_id=PERSON,
                kind=kind,
                at=START + dt.timedelta(days=number),
                author_id=author,
                level=level,
                source=source,
                expires_on=expires_on,
            )
        )
    return events


@pytest.mark.parametrize(
    ("lines", "level"),
    [
        # ½ against the prior of ½ is a tie, and a tie does not lift.
        ([(K.ENDORSEMENT, 3, ANA)], 0),
        # Two colleagues: 1 > ½ up to the lower of the two; above it ½ alone.
        ([(K.ENDORSEMENT, 3, ANA), (K.ENDORSEMENT, 2, BEN)], 2),
        # The same colleague twice is one voice, the latest.
        ([(K.ENDORSEMENT, 3, ANA), (K.ENDORSEMENT, 2, ANA)], 0),
        # Endorsements reach 3 at most, courses 2, counted contacts 2, badges 4.
        ([(K.ENDORSEMENT, 5, ANA), (K.ENDORSEMENT, 5, BEN), (K.ENDORSEMENT, 5, CLEO)], 3),
        ([(K.COURSE, 5, LEAD)], 2),
        ([(K.OUTCOME, 5, LEAD)], 2),
        ([(K.BADGE, 5, None)], 4),
        ([(K.CERTIFICATE, 5, LEAD)], 5),
        # Evaluations of ¾ each are estimates: at 4, 4 and 1 the level 4 has 1½ for and ¾ against it.
        ([(K.EVALUATION, 4, LEAD), (K.EVALUATION, 4, LEAD), (K.EVALUATION, 1, LEAD)], 4),
        # A review of 3 weighs 2; two evaluations at 5 weigh 1½ and do not move it, four weigh 3 and do.
        ([(K.REVIEW, 3, LEAD), *[(K.EVALUATION, 5, ANA)] * 2], 3),
        ([(K.REVIEW, 3, LEAD), *[(K.EVALUATION, 5, ANA)] * 4], 5),
        # Downwards, too: 3 has 2 for it and 3 against it; 1 has 5 for it.
        ([(K.REVIEW, 3, LEAD), *[(K.EVALUATION, 1, ANA)] * 4], 1),
        # What came before a review says no more than the review did.
        ([(K.CERTIFICATE, 5, LEAD), (K.EVALUATION, 0, ANA), (K.REVIEW, 3, LEAD)], 3),
        # A newer result of the same test replaces the older one, another test stands beside it.
        ([(K.ASSESSMENT, 5, LEAD, "refunds quiz"), (K.ASSESSMENT, 2, LEAD, "refunds quiz")], 2),
        ([(K.ASSESSMENT, 5, LEAD, "quiz"), (K.ASSESSMENT, 2, LEAD, "exam")], 2),
        # All imports together are one voice and cannot outvote a test.
        ([(K.ASSESSMENT, 2, LEAD, "exam"), (K.PROVISIONAL, 5, LEAD, "a"), (K.PROVISIONAL, 5, LEAD, "b")], 2),
    ],
)
def test_a_level_follows_from_support_and_opposition(lines, level):
    assert weigh(log(*lines), TODAY).level == level


def test_each_piece_of_evidence_says_why_it_does_not_count():
    events = log(
        (K.REVIEW, 5, PERSON),
        (K.ASSESSMENT, 4, LEAD, "exam"),
        (K.REVIEW, 3, LEAD),
        (K.ENDORSEMENT, 3, ANA),
        (K.ENDORSEMENT, 2, ANA),
        (K.CERTIFICATE, 3, LEAD, "school", dt.date(2026, 11, 20)),
    )

    found = {voice.event.id: voice.silence for voice in weigh(events, TODAY).voices}

    assert found == {
        1: Silence.OWN_WORD,
        2: Silence.SETTLED,
        3: None,
        4: Silence.REPLACED,
        5: None,
        6: Silence.EXPIRED,
    }


def test_a_review_alone_leaves_a_level_of_doubt_below_it():
    # Δ is 2 − ½ up to level 3 and −2 − ½ above: e^0, e^1.5, e^3, e^4.5, e^2, e^−0.5.
    weights = [math.exp(x) for x in (0, 1.5, 3, 4.5, 2, -0.5)]

    found = weigh(log((K.REVIEW, 3, LEAD)), TODAY)

    assert found.probabilities == pytest.approx([w / sum(weights) for w in weights])
    assert (found.low, found.level, found.high) == (2, 3, 3)


def test_more_of_the_same_evidence_leaves_less_doubt():
    one = weigh(log((K.EVALUATION, 3, LEAD)), TODAY)
    many = weigh(log(*[(K.EVALUATION, 3, LEAD)] * 6), TODAY)

    assert many.high - many.low < one.high - one.low


estimates = st.lists(st.tuples(st.sampled_from([K.EVALUATION]), st.integers(0, 5), st.just(LEAD)), max_size=8)
lines = st.lists(
    st.tuples(st.sampled_from(sorted(WEIGHTS)), st.integers(0, 5), st.sampled_from([LEAD, ANA, BEN, None])), max_size=9
)


@given(lines)
def test_the_level_is_the_mode_of_the_posterior(drawn):
    found = weigh(log(*drawn), TODAY)

    assert found.probabilities[found.level] == pytest.approx(max(found.probabilities))
    assert sum(found.probabilities) == pytest.approx(1.0)


@given(estimates)
def test_of_estimates_alone_the_level_is_their_weighted_median_with_the_prior(drawn):
    """The oracle adds up, for each level, how far all estimates and the prior are away, and takes the nearest."""
    found = weigh(log(*drawn), TODAY)

    def cost(level: int) -> float:
        away = sum(WEIGHTS[kind].strength * abs(level - at) for kind, at, _ in drawn)
        return float(away + PRIOR * level)

    assert found.level == min(range(6), key=lambda level: (cost(level), level))


@given(lines, st.data())
def test_one_more_voice_for_a_level_never_lowers_it(drawn, draw):
    before = weigh(log(*drawn), TODAY)
    kind = draw.draw(st.sampled_from([K.ENDORSEMENT, K.COURSE, K.BADGE, K.CERTIFICATE, K.OUTCOME, K.PROVISIONAL]))
    author = 77

    after = weigh(log(*drawn, (kind, draw.draw(st.integers(0, 5)), author)), TODAY)

    assert after.level >= before.level


@given(st.permutations([(K.EVALUATION, 4, LEAD), (K.COURSE, 2, ANA), (K.ENDORSEMENT, 3, ANA), (K.ENDORSEMENT, 3, BEN)]))
def test_the_order_of_independent_evidence_does_not_matter(drawn):
    found = weigh(log(*drawn), TODAY)

    assert (found.level, found.support, found.opposition) == (4, (2.5, 2.5, 1.75, 0.75, 0.0), (0.0,) * 4 + (0.75,))


def test_standing_events_are_the_same_in_whatever_order_they_come():
    events = log((K.REVIEW, 3, LEAD), (K.REVIEW, 4, LEAD))
    undo = LoggedEvent(id=3, person_id=PERSON, kind=K.RETRACT, at=START, retracts_id=2)

    found = {tuple(event.id for event in standing_events(some)) for some in itertools.permutations([*events, undo])}

    assert found == {(3, 1)}
