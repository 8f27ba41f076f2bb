"""The catalogue as it stood, against a small model of merges and retirements."""

from __future__ import annotations

import datetime as dt
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.factories import NOW, Make
from webapp.errors import ConflictError, InvalidInputError
from webapp.models import Role, SkillEventKind
from webapp.services import catalogue, record_history, records
from webapp.services.records import NewEvent
from webapp.services.skill_merging.merging import merge_skill, undo_merge
from webapp.services.skill_past import load_past
from webapp.services.zones import day_bounds

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

SKILLS = 4
START = NOW - dt.timedelta(days=60)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["merge", "undo", "retire", "restore"]),
        st.integers(0, SKILLS - 1),
        st.integers(0, SKILLS - 1),
    ),
    max_size=9,
)


@dataclass
class Model:
    """The same rules, said once more: each skill has at most one whole, and one merge at a time is undone."""

    whole: dict[int, int] = field(default_factory=lambda: {number: number for number in range(SKILLS)})
    retired: set[int] = field(default_factory=set)
    merges: list[tuple[int, int, tuple[int, ...], bool]] = field(default_factory=list)

    def step(self, what: str, one: int, other: int) -> bool:
        """Take a step and return whether the rules allow it."""
        alone = self.whole[one] == one
        match what:
            case "merge":
                free = alone and one != other and self.whole[other] == other and other not in self.retired
                if free:
                    parts = tuple(part for part, whole in self.whole.items() if whole == one and part != one)
                    self.merges.append((one, other, parts, one in self.retired))
                    self.whole.update(dict.fromkeys((one, *parts), other))
                    self.retired.discard(one)
                return free
            case "undo":
                open_merge = next((merge for merge in reversed(self.merges) if merge[0] == one), None)
                if open_merge is None or alone or self.whole[open_merge[1]] != open_merge[1]:
                    return False
                self.merges.remove(open_merge)
                self.whole.update(dict.fromkeys((one, *open_merge[2]), one))
                if open_merge[3]:
                    self.retired.add(one)
                return True
            case "retire":
                free = alone and one not in self.retired
                if free:
                    self.retired.add(one)
                return free
            case _:
                free = alone and one in self.retired
                self.retired.discard(one)
                return free


def take(session, skills, merges, step, by):
    """Take a step in the application; raise what it refuses with."""
    what, one, other = step
    skill = skills[one]
    match what:
        case "merge":
            merges[one] = merge_skill(session, skill, skills[other], by=by)
        case "undo":
            if one not in merges:
                raise ConflictError("never merged")
            undo_merge(session, merges[one], by=by)
        case "retire":
            catalogue.retire_skill(session, skill, by=by)
        case _:
            catalogue.restore_skill(session, skill, by=by)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_every_day_shows_what_stood_then(database, steps):
    with database.writing() as session:
        make = Make(session)
        hr, lead, ana = make.person(roles=[Role.HR]), make.person(), make.person()
        skills = [make.skill() for _ in range(SKILLS)]
        for number, skill in enumerate(skills):
            at = START - dt.timedelta(days=30 - number)
            event = NewEvent(ana.id, skill.id, SkillEventKind.REVIEW, level=number + 1, at=at)
            records.append_events(session, [event], by=make.actor(lead, at=at))
            records.reproject(session, [(ana.id, skill.id)], START.date())
        model, days = Model(), []
        merges: dict[Any, Any] = {}
        for number, step in enumerate(steps):
            at = START + dt.timedelta(days=number)
            allowed = model.step(*step)
            try:
                with session.begin_nested():
                    take(session, skills, merges, step, make.actor(hr, at=at))
                assert allowed, step
            except (ConflictError, InvalidInputError):
                assert not allowed, step
            days.append((at.date(), deepcopy(model)))

        past = load_past(session)
        for day, stood in days:
            end = day_bounds(day, "Europe/Berlin")[1]
            held = record_history.as_of(session, ana, day)
            wholes: dict[int, list[int]] = {skills[whole].id: [] for whole in stood.whole.values()}
            for part, whole in stood.whole.items():
                wholes[skills[whole].id].append(part + 1)
            # The latest review settles: of the parts of one skill the last was reviewed last.
            assert {key: found.validated_level for key, found in held.items()} == {
                key: max(levels) for key, levels in wholes.items()
            }
            alone = [number for number in range(SKILLS) if stood.whole[number] == number]
            assert {number for number in alone if past.was_retired(skills[number].id, end)} == stood.retired
        present = records.projections_on(session, [ana.id], START.date())[ana.id]
        assert set(present) == {skills[whole].id for whole in model.whole.values()}
        session.rollback()
