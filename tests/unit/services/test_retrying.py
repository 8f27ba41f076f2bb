"""Pauses between attempts: they grow, grant what the receiver asks for within reason, and end after a day."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from webapp.services import retrying


@given(attempt=st.integers(1, 8), chance=st.floats(0, 1, exclude_max=True), asked=st.integers(0, 10**6))
def test_pauses_grow_and_are_never_shorter_than_asked_within_reason(attempt, chance, asked):
    pause = retrying.pause_after(attempt, chance=chance, retry_after=dt.timedelta(seconds=asked))

    assert pause >= min(dt.timedelta(seconds=asked), retrying.MAX_RETRY_AFTER)
    assert pause >= retrying.FIRST_PAUSE * 0.75 * 3 ** (attempt - 1)
    assert retrying.pause_after(attempt + 1, chance=0.0) > retrying.pause_after(attempt, chance=0.99)


def test_attempts_are_spread_over_about_a_day():
    pauses = [retrying.pause_after(attempt, chance=0.5) for attempt in range(1, retrying.MAX_ATTEMPTS)]

    assert pauses[0] == dt.timedelta(seconds=80)
    assert dt.timedelta(hours=23) < sum(pauses, dt.timedelta()) < dt.timedelta(hours=25)
