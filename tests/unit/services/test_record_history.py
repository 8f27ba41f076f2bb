"""How the levels of a record went over time, against a look at each single day."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.services.test_projection import LEAD, PERSON, START, TODAY, lines, rules
from webapp.models import SkillEventKind
from webapp.services.projection import LoggedEvent, project
from webapp.services.record_history import LevelPoint, level_points

quiet = st.fixed_dictionaries(
    {
        "kind": st.sampled_from([SkillEventKind.USE, SkillEventKind.CONFIRM]),
        "count": st.integers(1, 9),
        "author_id": st.sampled_from([PERSON, LEAD]),
    }
)
hours = st.integers(0, 60 * 24)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/Los_Angeles"])
@given(drawn=st.lists(st.tuples(hours, lines | quiet | quiet), max_size=14), rule=rules)
def test_levels_change_on_the_days_on_which_a_look_at_each_day_sees_them_change(zone, drawn, rule):
    log = [
        LoggedEvent(
            **{"id": number, "person_id": PERSON, "at": START - dt.timedelta(hours=hour), "author_id": LEAD, **line}
        )
        for number, (hour, line) in enumerate(drawn, start=1)
    ]
    happened = {event.id: event.at.astimezone(ZoneInfo(zone)).date() for event in log}
    seen: list[LevelPoint] = []
    for after in range((TODAY - min(happened.values(), default=TODAY)).days + 1 if log else 0):
        day = min(happened.values()) + dt.timedelta(days=after)
        found = project([event for event in log if happened[event.id] <= day], day, rule)
        if not seen or (seen[-1].claimed, seen[-1].effective) != (found.claimed_level, found.effective_level):
            seen.append(LevelPoint(day, found.claimed_level, found.effective_level))

    assert level_points(log, zone, TODAY, rule) == seen
